"""What is asked of MLflow's client for each thing that is recorded?"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracking.batches import Point
from tracking.mlflow_model import log_model
from tracking.mlflow_setup import connect
from tracking.mlflow_values import dataset_input, log_values, new_params, source_tags
from tracking.records import (
    KIND,
    REASON,
    RUNNING_STATE,
    STATE,
    STATES,
    STUDY,
    STUDY_STATES,
    TRIAL,
    BestModelRecord,
    DatasetRecord,
    Produce,
    RunStatus,
    StudyRecord,
    TrialRecord,
)
from tracking.urls import sqlite_path

_PAGE = 1000
_MODEL_FOLDER = "model"


class MlflowRuns:
    """The runs of one study, written by explicit run id. For one thread only; raises what MLflow raises."""

    def __init__(self, uri: str, artifact_root: Path | None) -> None:
        """Keep the address; `connect` uses it."""
        database = sqlite_path(uri)
        # MLflow's own place for a local database's files is a folder of wherever the process happens to run.
        beside = database.parent / "artifacts" if database is not None else None
        self._uri, self._artifact_root = uri, artifact_root or beside
        self._client: Any = None
        self._ids: dict[int, str] = {}
        self._study = StudyRecord("")
        self._experiment_id = ""
        self.parent_id = ""
        self._common_tags: dict[str, str] = {}

    def connect(self) -> None:
        """Import MLflow (3 s) and make the store ready (on a new home 2 to 10 s more)."""
        self._client = connect(self._uri, self._artifact_root)

    def open_study(self, record: StudyRecord) -> None:
        """Find or make the experiment and the parent run."""
        self._study = record
        self._common_tags = source_tags() | {STUDY: record.name}
        self._experiment_id = self._experiment(record.name)
        tags = self._common_tags | dict(record.tags) | {KIND: "study", STATE: RUNNING_STATE}
        found = next((run for run in self._search(f"tags.`{KIND}` = 'study'") if _is_of(run, record.name)), None)
        if found is None:
            run = self._client.create_run(self._experiment_id, tags=tags, run_name=record.name)
            self.parent_id = run.info.run_id
            log_values(self._client, self.parent_id, params=record.params)
            self._log_dataset(self.parent_id, record.dataset)
            return
        self.parent_id = found.info.run_id
        self._go_on(found, record.params, tags)
        known = {given.dataset.digest for given in found.inputs.dataset_inputs} if found.inputs else set()
        if record.dataset is not None and dataset_input(record.dataset).dataset.digest not in known:
            self._log_dataset(self.parent_id, record.dataset)

    def start_trial(self, record: TrialRecord, run_id: str | None, time_ms: int) -> None:
        """Make the trial's run, or set the one given RUNNING again."""
        tags = self._common_tags | {STATE: RUNNING_STATE} | dict(record.tags)
        tags |= {KIND: "trial", TRIAL: str(record.number), "mlflow.parentRunId": self.parent_id}
        if run_id is not None:
            self._ids[record.number] = run_id
            self._go_on(self._client.get_run(run_id), record.params, tags)
            return
        run = self._client.create_run(self._experiment_id, start_time=time_ms, tags=tags, run_name=record.name)
        self._ids[record.number] = run.info.run_id
        log_values(self._client, run.info.run_id, params=record.params)
        self._log_dataset(run.info.run_id, self._study.dataset)

    def send(self, number: int, points: Sequence[Point], tags: Mapping[str, str] | None = None) -> None:
        """Log metrics and tags of a trial."""
        log_values(self._client, self._ids[number], points=points, tags=tags)

    def end_trial(self, number: int, status: RunStatus, time_ms: int) -> None:
        """Give the trial's run its final status."""
        self._client.set_terminated(self._ids[number], status, time_ms)

    def end_study(self, status: RunStatus, time_ms: int) -> None:
        """Give the parent run its final state and status."""
        log_values(self._client, self.parent_id, tags={STATE: STUDY_STATES[status]})
        self._client.set_terminated(self.parent_id, status, time_ms)

    def log_trial_files(self, number: int, produce: Produce) -> None:
        """Log files of a trial, of this session or an earlier one."""
        self.log_files(self._known(number), produce)

    def log_files(self, run_id: str, produce: Produce, folder: str | None = None) -> None:
        """Let files be written into a temporary folder and log them as artifacts of the run."""
        with tempfile.TemporaryDirectory(prefix="kerasweep-files-") as place:
            produce(Path(place))
            if any(Path(place).iterdir()):
                self._client.log_artifacts(run_id, place, folder)

    def put_model_files(self, number: int, produce: Produce) -> None:
        """Log the trial's model files in place of earlier ones."""
        self.drop_model_files(number)
        self.log_files(self._known(number), produce, _MODEL_FOLDER)

    def drop_model_files(self, number: int) -> None:
        """Delete the trial's model files, if it has a run and the run has any."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        run_id = self.find(number)
        if run_id is not None and self._client.list_artifacts(run_id, _MODEL_FOLDER):
            root = self._client.get_run(run_id).info.artifact_uri
            get_artifact_repository(root, tracking_uri=self._uri).delete_artifacts(_MODEL_FOLDER)

    def log_best_model(self, record: BestModelRecord) -> None:
        """Log the study's best model on the parent run."""
        log_model(self._client, self._uri, self._experiment_id, self.parent_id, self._study.name, record)

    def find(self, number: int) -> str | None:
        """Tell the id of the trial's newest run, of this session or an earlier one."""
        if number not in self._ids:
            found = next(self._children(f"tags.`{TRIAL}` = '{number}'"), None)
            if found is None:
                return None
            self._ids[number] = found.info.run_id
        return self._ids[number]

    def reconcile(self, states: Mapping[int, tuple[RunStatus, str]], time_ms: int) -> dict[int, str]:
        """Settle RUNNING children as `Tracker.reconcile` says."""
        going_on: dict[int, str] = {}
        seen: set[int] = set()
        for run in list(self._children("attributes.status = 'RUNNING'")):
            label = run.data.tags.get(TRIAL, "")
            number = int(label) if label.isdecimal() else -1
            if number < 0:
                self._settle(run.info.run_id, "FAILED", "its trial is unknown", time_ms)
            elif number in seen:
                self._settle(run.info.run_id, "FAILED", "a newer run of the same trial took its place", time_ms)
            elif number in states:
                self._settle(run.info.run_id, *states[number], time_ms)
            else:
                going_on[number] = run.info.run_id
            seen.add(number)
        return going_on

    def _settle(self, run_id: str, status: RunStatus, reason: str, time_ms: int) -> None:
        log_values(self._client, run_id, tags={STATE: STATES[status], REASON: reason})
        self._client.set_terminated(run_id, status, time_ms)

    def _known(self, number: int) -> str:
        run_id = self.find(number)
        if run_id is None:
            raise ValueError(f"trial {number} has no run: start it before its files are recorded")
        return run_id

    def _experiment(self, name: str) -> str:
        """Find the experiment of that name, bring it back if it was deleted, or make it."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            # Files lie under the study's name; odd characters there would need quoting by everyone who looks.
            folder = re.sub(r"[^\w.-]+", "_", name)
            place = None if self._artifact_root is None else (self._artifact_root / folder).absolute().as_uri()
            return str(self._client.create_experiment(name, artifact_location=place))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _go_on(self, run: Any, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        missing, changed = new_params(run.data.params, params)
        log_values(self._client, run.info.run_id, params=missing, tags={**tags, **changed})
        self._client.update_run(run.info.run_id, status="RUNNING")

    def _log_dataset(self, run_id: str, record: DatasetRecord | None) -> None:
        if record is not None:
            self._client.log_inputs(run_id, datasets=[dataset_input(record)])

    def _children(self, condition: str) -> Iterator[Any]:
        return self._search(f"tags.`mlflow.parentRunId` = '{self.parent_id}' and {condition}")

    def _search(self, condition: str) -> Iterator[Any]:
        """Go through the experiment's runs, newest first."""
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id],
                condition,
                max_results=_PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return


def _is_of(run: Any, study: str) -> bool:
    return bool(run.data.tags.get(STUDY) == study)
