"""What of a study goes into its record, and which files does a trial leave to look at?"""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.pictures.rows import TrialRow
from search.study.plan import Plan
from search.study.proposals import Proposal
from search.yaml_file import to_yaml
from spaces.domains import FloatRange, IntRange
from tracking import BestModelRecord, DatasetRecord, RunStatus, StudyRecord, Tracker, TrialRecord

History = Sequence[Mapping[str, float]]
_STATUS: Mapping[str, RunStatus] = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
}
# A refresh of the study's pages may take this share of the time.
_REFRESH_SHARE = 0.02
_LEAST_REFRESH_SECONDS = 15.0


@dataclass(frozen=True)
class Snapshot:
    """What the study's pictures show.

    Attributes:
        importances: computes them when they are drawn, on the writer's thread.
        curves: the objective after each epoch, by trial number.
    """

    rows: Sequence[TrialRow]
    importances: Callable[[], Mapping[str, float]]
    curves: Mapping[int, Sequence[float]]


def run_status(row: TrialRow) -> tuple[RunStatus, str]:
    """MLflow's word for how a trial ended, and the reason."""
    return _STATUS[row.state], row.reason


class Recorder:
    """Turns what the coordinator knows into records; the tracker writes them on a thread of its own."""

    def __init__(self, plan: Plan, tracker: Tracker, tags: Mapping[str, str]) -> None:
        self._plan, self._tracker = plan, tracker
        dataset = plan.dataset
        self._tags = {
            **tags,
            "kerasweep.space": plan.space.fingerprint,
            "kerasweep.data": dataset.fingerprint,
            "kerasweep.task": dataset.spec.task,
            "kerasweep.objective": plan.objective,
        }
        self._refreshed = 0.0
        self._refresh_seconds = 0.0
        self._log_params = frozenset(
            dimension.name
            for dimension in plan.space.dimensions
            if isinstance(dimension.domain, IntRange | FloatRange) and dimension.domain.log
        )

    def open(self, strategy: Mapping[str, str]) -> str:
        """Open the parent run; returns its id."""
        plan = self._plan
        experiment, dataset = plan.experiment, plan.dataset
        parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
        sizes = {name: len(part) for name, part in parts.items() if part is not None}
        record = StudyRecord(
            name=experiment.study,
            params={
                "model": experiment.model,
                "objective": plan.objective,
                "direction": plan.direction,
                "trials": experiment.search.trials,
                "epochs": experiment.training.epochs,
                "early_stopping": experiment.training.early_stopping,
                "seed": experiment.search.seed,
                **strategy,
            },
            tags=self._tags,
            dataset=DatasetRecord(
                name=Path(dataset.source.split(":")[-1]).name or "data",
                digest=dataset.fingerprint,
                source=dataset.source,
                schema=json.dumps({"inputs": list(dataset.feature_names)[:100], "target": dataset.target_name}),
                profile=json.dumps({"rows": dataset.rows, **sizes}),
            ),
        )
        parent = self._tracker.open_study(record)
        text = to_yaml(plan.resolved())
        self._tracker.log_study_files(lambda folder: _write(folder / "experiment.yaml", text))
        return parent

    def start(self, proposal: Proposal, run_id: str | None) -> None:
        plan = self._plan
        self._tracker.start_trial(
            TrialRecord(
                number=proposal.number,
                name=f"trial {proposal.number}",
                params={**proposal.params, "seed": proposal.seed, "epochs": plan.experiment.training.epochs},
                tags={**self._tags, "kerasweep.config": proposal.config.fingerprint},
            ),
            run_id,
        )

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        self._tracker.log_epoch(number, epoch, metrics)

    def finish(self, proposal: Proposal, row: TrialRow, history: History) -> None:
        """End a trial's run with its summary and its files."""
        status, reason = run_status(row)
        metrics: dict[str, float] = {"epochs": row.epochs}
        for name, value in (
            ("best_value", row.value if row.state == "complete" else None),
            ("best_epoch", row.best_epoch),
            ("seconds", row.seconds),
            ("parameters", row.parameters),
        ):
            if value is not None:
                metrics[name] = float(value)
        tags: dict[str, str] = {"kerasweep.state": row.state}
        if reason:
            tags["kerasweep.reason"] = reason
        if row.duplicate_of is not None:
            tags["kerasweep.duplicate_of"] = str(row.duplicate_of)
        self._tracker.finish_trial(proposal.number, status, metrics, tags, self._trial_files(proposal, row, history))

    def interrupt(self, number: int, reason: str) -> None:
        """End a run whose trial will go on later."""
        tags = {"kerasweep.state": "interrupted", "kerasweep.reason": reason}
        self._tracker.finish_trial(number, "KILLED", {}, tags)

    def run_id(self, number: int, timeout_seconds: float) -> str | None:
        """The trial's run in the record."""
        return self._tracker.run_id(number, timeout_seconds)

    def keep_model(self, number: int, model: Path) -> None:
        self._tracker.put_model_files(number, _copier(model, "model.keras"))

    def drop_model(self, number: int) -> None:
        self._tracker.drop_model_files(number)

    def refresh(self, snapshot: Callable[[], Snapshot]) -> None:
        """Draw the study's pages anew, if the last time is long enough ago for what it took."""
        due = max(_LEAST_REFRESH_SECONDS, self._refresh_seconds / _REFRESH_SHARE)
        if time.monotonic() - self._refreshed >= due:
            self.draw(snapshot(), final=False)

    def draw(self, snapshot: Snapshot, *, final: bool) -> None:
        """Draw leaderboard and pictures onto the parent run; at the end also each picture as a page of its own."""
        self._refreshed = time.monotonic()
        self._tracker.log_study_files(lambda folder: self._draw(folder, snapshot, final))

    def best_model(self, export: BestModelRecord) -> None:
        self._tracker.log_best_model(export)

    def _draw(self, folder: Path, snapshot: Snapshot, final: bool) -> None:
        from search.pictures.leaderboard import write_leaderboard
        from search.pictures.study_pages import write_study_pages

        began = time.monotonic()
        plan = self._plan
        shared: dict[str, Any] = {
            "study": plan.experiment.study,
            "objective": plan.objective,
            "direction": plan.direction,
            "folder": folder,
        }
        rows = snapshot.rows
        write_leaderboard(rows, **shared)
        write_study_pages(
            rows,
            importances=snapshot.importances(),
            log_params=frozenset(name for row in rows for name in row.params if _base(name) in self._log_params),
            curves=snapshot.curves,
            separate=final,
            **shared,
        )
        self._refresh_seconds = time.monotonic() - began

    def _trial_files(self, proposal: Proposal, row: TrialRow, history: History) -> Callable[[Path], None]:
        objective = self._plan.objective
        config = {
            "model": proposal.config.model_dump(mode="json"),
            "params": proposal.params,
            "seed": proposal.seed,
        }

        def produce(folder: Path) -> None:
            _write(folder / "config.yaml", to_yaml(config))
            if history:
                from search.pictures.curves import draw_learning_curves

                write_history(folder / "history.csv", history)
                draw_learning_curves(
                    history,
                    best_epoch=row.best_epoch,
                    title=f"{self._plan.experiment.study}, trial {row.number} ({row.state})",
                    objective=objective,
                    path=folder / "learning_curves.png",
                )

        return produce


def write_history(path: Path, history: History) -> None:
    """One line an epoch (1-based), one column a metric."""
    names = list(dict.fromkeys(name for metrics in history for name in metrics))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", *names])
        writer.writerows(
            [epoch, *(metrics.get(name, "") for name in names)] for epoch, metrics in enumerate(history, 1)
        )


def _base(name: str) -> str:
    stem, _, layer = name.rpartition("_")
    return stem if layer.isdigit() and stem else name


def _copier(source: Path, name: str) -> Callable[[Path], None]:
    def produce(folder: Path) -> None:
        # A better trial may have pushed the file out before the writer came to it.
        if source.exists():
            shutil.copyfile(source, folder / name)

    return produce


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
