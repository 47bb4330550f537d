"""What of a study goes into its record, and which files does a trial leave to look at?"""

from __future__ import annotations

import csv
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from search.messages import RoundReport
from search.pictures.rows import Direction, TrialRow
from search.study.plan import Plan
from search.study.proposals import Proposal
from search.yaml_file import to_yaml
from spaces.domains import FloatRange, IntRange
from tracking import BestModelRecord, DatasetRecord, RunStatus, StudyRecord, TensorBoardLog, Tracker, TrialRecord

History = Sequence[Mapping[str, float]]
_STATUS: Mapping[str, RunStatus] = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
}
# A refresh of the study's pages may take this share of the time.
_REFRESH_SHARE = 0.02
_LEAST_REFRESH_SECONDS = 30.0
MODULES_OF_RECORDS = (__name__, "search.pictures.curves", "search.pictures.study_pages")  # where they are drawn
_RUN_ID_SECONDS = 60.0  # the run was made long ago; this waits for what is to be written before


@dataclass(frozen=True)
class Snapshot:
    """What the study's pictures show; it can be pickled.

    Attributes:
        importances: computes them when they are drawn, in the record's process, unless they are `settled` before.
        curves: the objective after each epoch, by trial number.
        log_params: hyperparameters that a user's own model asked for in logarithms.
    """

    rows: Sequence[TrialRow]
    importances: Callable[[], Mapping[str, float]]
    curves: Mapping[int, Sequence[float]]
    log_params: frozenset[str] = frozenset()

    def settled(self) -> Snapshot:
        """With the importances computed, where what computes them is loaded: for the record that takes a second."""
        loaded = "optuna.importance" in sys.modules
        return replace(self, importances=partial(dict, self.importances())) if loaded else self


def run_status(row: TrialRow) -> tuple[RunStatus, str]:
    """MLflow's word for how a trial ended, and the reason."""
    return _STATUS[row.state], row.reason


class Recorder:
    """Turns what the coordinator knows into records; the tracker writes them apart from it."""

    def __init__(
        self, plan: Plan, tracker: Tracker, tags: Mapping[str, str], board: TensorBoardLog | None = None
    ) -> None:
        self._plan, self._tracker, self._board = plan, tracker, board
        dataset = plan.dataset
        self._tags = {
            **tags,
            "kerasweep.space": plan.space.fingerprint,
            "kerasweep.data": dataset.fingerprint,
            "kerasweep.task": dataset.spec.task,
            "kerasweep.objective": plan.objective,
        }
        self._begun: set[int] = set()  # trials whose runs this session began
        self._refreshed = 0.0
        self._refresh_seconds = 0.0
        self._log_params = frozenset(
            dimension.name
            for dimension in plan.space.dimensions
            if isinstance(dimension.domain, IntRange | FloatRange) and dimension.domain.log
        )

    def open(self, strategy: Mapping[str, str]) -> None:
        """Begin the study's record; nothing waits until it is there."""
        plan = self._plan
        experiment, dataset = plan.experiment, plan.dataset
        sizes = {name: len(part) for name, part in dataset.parts.items()}
        record = StudyRecord(
            name=experiment.study,
            params={
                "model": experiment.model,
                "objective": plan.objective,
                "direction": plan.direction,
                "trials": experiment.search.trials,
                "epochs": experiment.training.epochs,
                "early_stopping": experiment.training.early_stopping,
                **({"rounds": plan.rounds} if plan.rounds > 1 else {}),
                **({"folds": experiment.validation.folds} if experiment.validation.folds else {}),
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
        self._tracker.open_study(record)
        self._refreshed = time.monotonic()
        self._tracker.log_study_files(partial(_write_yaml, "experiment.yaml", plan.resolved()))
        if plan.model_files:
            self._tracker.log_study_files(partial(_copy_code, plan.model_files))

    def parent_run(self, timeout_seconds: float | None) -> str | None:
        """The study's run in the record; None if it is not there by then."""
        return self._tracker.parent_run(timeout_seconds)

    def start(self, proposal: Proposal, run_id: str | None) -> None:
        params = {"seed": proposal.seed, "epochs": self._plan.experiment.training.epochs, **proposal.params}
        tags = {**self._tags, "kerasweep.config": proposal.config.fingerprint}
        self._tracker.start_trial(TrialRecord(proposal.number, f"trial {proposal.number}", params, tags), run_id)
        self._begun.add(proposal.number)
        if self._board is not None:
            self._board.start(proposal.number, params)

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        self._tracker.log_epoch(number, epoch, metrics)
        if self._board is not None:
            self._board.epoch(number, epoch, metrics)

    def round(self, report: RoundReport, mean: float) -> None:
        """Record the value of one of a trial's rounds at its number as the step, and the mean up to it."""
        self._tracker.log_epoch(report.number, report.round, {"round_value": report.value, "mean_value": mean})

    def finish(self, proposal: Proposal, row: TrialRow, rounds: Sequence[History]) -> None:
        """End a trial's run with its summary and its files.

        Args:
            rounds: the metrics of each epoch of each round; one round's were recorded as they came.
        """
        if len(rounds) > 1:
            for epoch, averaged in enumerate(mean_history(rounds), 1):
                self._tracker.log_epoch(proposal.number, epoch, averaged)
        status, reason = run_status(row)
        metrics: dict[str, float] = {"epochs": row.epochs}
        for name, value in (
            ("best_value", row.value if row.state == "complete" else None),
            ("best_value_std", row.spread if row.state == "complete" else None),
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
        self._tracker.finish_trial(proposal.number, status, metrics, tags, self._trial_files(proposal, row, rounds))
        if self._board is not None:
            for number, history in enumerate(rounds if len(rounds) > 1 else (), 1):
                for epoch, of_epoch in enumerate(history, 1):
                    self._board.epoch(proposal.number, epoch, of_epoch, round=number)
            self._board.finish(proposal.number, "failure" if status == "FAILED" else "success", metrics)

    def interrupt(self, number: int, reason: str) -> None:
        """End a run whose trial will go on later."""
        tags = {"kerasweep.state": "interrupted", "kerasweep.reason": reason}
        self._tracker.finish_trial(number, "KILLED", {}, tags)

    def run_id(self, number: int, timeout_seconds: float) -> str | None:
        """The trial's run in the record."""
        return self._tracker.run_id(number, timeout_seconds)

    def keep_model(self, number: int, model: Path) -> None:
        if self.has_run(number):
            self._tracker.put_model_files(number, partial(_copy_if_there, model, "model.keras"))

    def put_pictures(self, number: int, produce: Callable[[Path], None]) -> None:
        """Record further files of a trial that is over; none where the record that has its run was moved away."""
        if self.has_run(number):
            self._tracker.log_trial_files(number, produce)

    def has_run(self, number: int) -> bool:
        """Whether the record has a run of the trial; only for one of an earlier session is it waited for and asked."""
        return number in self._begun or self._tracker.run_id(number, _RUN_ID_SECONDS) is not None

    def drop_model(self, number: int) -> None:
        self._tracker.drop_model_files(number)

    def refresh(self, snapshot: Callable[[], Snapshot]) -> None:
        """Have the study's pages drawn anew, if the last time is long enough ago for what it took.

        Raises:
            TrackingError: the record can no longer be written.
        """
        self._tracker.check()
        due = max(_LEAST_REFRESH_SECONDS, self._refresh_seconds / _REFRESH_SHARE)
        began = time.monotonic()
        if began - self._refreshed >= due:
            self.draw(snapshot(), final=False)
            self._refresh_seconds = time.monotonic() - began

    def draw(self, snapshot: Snapshot, *, final: bool) -> None:
        """Have leaderboard and pictures drawn onto the parent run; at the end also a page for each picture."""
        self._refreshed = time.monotonic()
        searched = {name for row in snapshot.rows for name in row.params if _base(name) in self._log_params}
        pages = StudyPages(
            self._plan.experiment.study,
            self._plan.objective,
            self._plan.direction,
            self._plan.step_unit,
            replace(snapshot.settled() if final else snapshot, log_params=snapshot.log_params | searched),
            final,
        )
        self._tracker.log_study_files(pages)

    def best_model(self, export: BestModelRecord) -> None:
        self._tracker.log_best_model(export)

    def _trial_files(self, proposal: Proposal, row: TrialRow, rounds: Sequence[History]) -> TrialFiles:
        config = {
            "model": proposal.config.model_dump(mode="json"),
            "params": proposal.params,
            "seed": proposal.seed,
        }
        title = f"{self._plan.experiment.study}, trial {row.number} ({row.state})"
        return TrialFiles(config, rounds, row.best_epoch, title, self._plan.objective, self._plan.step_unit)


@dataclass(frozen=True)
class TrialFiles:
    """Writes a trial's config, the metrics of its epochs and their curves into a folder."""

    config: Mapping[str, Any]
    rounds: Sequence[History]
    best_epoch: int | None
    title: str
    objective: str
    unit: str

    def __call__(self, folder: Path) -> None:
        _write_yaml("config.yaml", self.config, folder)
        if self.rounds:
            from search.pictures.curves import draw_learning_curves

            write_history(folder / "history.csv", self.rounds)
            draw_learning_curves(
                _with_rounds(self.rounds),
                best_epoch=self.best_epoch,
                title=self.title,
                objective=self.objective,
                path=folder / "learning_curves.png",
                unit=self.unit,
            )


@dataclass(frozen=True)
class StudyPages:
    """Draws a study's leaderboard and pictures into a folder.

    The process that draws leaves one out that is not the last, where the one before took long and is not long ago.
    """

    study: str
    objective: str
    direction: Direction
    unit: str
    snapshot: Snapshot
    final: bool

    def __call__(self, folder: Path) -> None:
        from search.pictures.leaderboard import write_leaderboard
        from search.pictures.study_pages import write_study_pages

        began = time.monotonic()
        if not self.final and began < _next_drawing.get(self.study, began):
            return
        shared: dict[str, Any] = {
            "study": self.study,
            "objective": self.objective,
            "direction": self.direction,
            "folder": folder,
        }
        write_leaderboard(self.snapshot.rows, **shared)
        write_study_pages(
            self.snapshot.rows,
            importances=self.snapshot.importances(),
            log_params=self.snapshot.log_params,
            curves=self.snapshot.curves,
            unit=self.unit,
            separate=self.final,
            **shared,
        )
        ended = time.monotonic()
        _next_drawing[self.study] = ended + (ended - began) / _REFRESH_SHARE


_next_drawing: dict[str, float] = {}  # of each study, by this process's clock


def write_history(path: Path, rounds: Sequence[History]) -> None:
    """One line an epoch (1-based), one column a metric; the first column is the round where there are several."""
    names = list(dict.fromkeys(name for history in rounds for metrics in history for name in metrics))
    several = len(rounds) > 1
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*(["round"] if several else []), "epoch", *names])
        for number, history in enumerate(rounds, 1):
            for epoch, metrics in enumerate(history, 1):
                values = (metrics.get(name, "") for name in names)
                writer.writerow([*([number] if several else []), epoch, *values])


def _with_rounds(rounds: Sequence[History]) -> History:
    """All epochs under each other, with the number of their round where there are several."""
    if len(rounds) == 1:
        return rounds[0]
    return [{"round": number, **metrics} for number, history in enumerate(rounds, 1) for metrics in history]


def mean_history(rounds: Sequence[History]) -> list[Mapping[str, float]]:
    """The mean of each metric over the rounds, epoch by epoch, as far as all of them went.

    >>> mean_history([[{"loss": 1.0}, {"loss": 0.5}], [{"loss": 3.0}]])
    [{'loss': 2.0}]
    """
    return [
        {name: fmean(metrics[name] for metrics in epochs) for name in epochs[0] if all(name in m for m in epochs)}
        for epochs in zip(*rounds, strict=False)
    ]


def _base(name: str) -> str:
    stem, _, layer = name.rpartition("_")
    return stem if layer.isdigit() and stem else name


def _copy_code(files: Sequence[Path], folder: Path) -> None:
    """The user's own model as it was when the study ran."""
    into = folder / "user_code"
    into.mkdir()
    for file in files:
        shutil.copyfile(file, into / file.name)


def _copy_if_there(source: Path, name: str, folder: Path) -> None:
    # A better trial may have pushed the file out before the writer came to it.
    if source.exists():
        shutil.copyfile(source, folder / name)


def _write_yaml(name: str, content: Mapping[str, Any], folder: Path) -> None:
    (folder / name).write_text(to_yaml(content), encoding="utf-8")
