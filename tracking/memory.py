"""What does a record look like that is kept in memory, for tests and measurements?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tracking.records import (
    KIND,
    MODEL_URI,
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
    Scalar,
    StudyRecord,
    TrialRecord,
)
from tracking.session import Session


@dataclass
class MemoryRun:
    """One run: metrics as ``{name: [(epoch, value), ...]}``, files as ``{relative path: content}``."""

    run_id: str
    name: str
    status: Literal["RUNNING"] | RunStatus = "RUNNING"
    params: dict[str, Scalar] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    dataset: DatasetRecord | None = None
    model: BestModelRecord | None = None


@dataclass
class Memory:
    """What outlives a tracker, as a database would: all runs, in the order they were made."""

    runs: list[MemoryRun] = field(default_factory=list)

    def study(self, name: str) -> MemoryRun | None:
        """Give the study's parent run."""
        return next((r for r in self.runs if r.tags[KIND] == "study" and r.tags[STUDY] == name), None)

    def trials(self, study: str) -> list[MemoryRun]:
        """Give the runs of the study's trials, newest first."""
        return [r for r in reversed(self.runs) if r.tags[KIND] == "trial" and r.tags[STUDY] == study]


class MemoryTracker:
    """A `tracking.tracker.Tracker` that writes at once, in the caller's thread, and never fails."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Record into `memory`; give the same one to a second tracker to go on with its studies."""
        self.memory = Memory() if memory is None else memory
        self._session = Session()
        self._running: dict[int, MemoryRun] = {}

    @property
    def busy_seconds(self) -> float | None:
        """See `Tracker.busy_seconds`: nothing takes long here."""
        return None

    def open_study(self, record: StudyRecord) -> None:
        """See `Tracker.open_study`."""
        self._session.study = record
        found = self.memory.study(record.name)
        run = found or self._new_run(record.name)
        self._go_on(run, record.params, {**record.tags, KIND: "study"})
        run.dataset = record.dataset

    def parent_run(self, timeout_seconds: float | None) -> str | None:
        """See `Tracker.parent_run`."""
        return self._parent.run_id

    def start_trial(self, record: TrialRecord, run_id: str | None = None) -> None:
        """See `Tracker.start_trial`."""
        self._session.start(record.number)
        found = next((run for run in self.memory.runs if run.run_id == run_id), None)
        run = found or self._new_run(record.name)
        self._go_on(run, record.params, {**record.tags, KIND: "trial", TRIAL: str(record.number)})
        run.dataset = self._study.dataset
        self._running[record.number] = run

    def log_epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log_epoch`."""
        self._session.require_open(number)
        _add(self._running[number], epoch, metrics)

    def finish_trial(
        self,
        number: int,
        status: RunStatus,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        produce: Produce | None = None,
    ) -> None:
        """See `Tracker.finish_trial`."""
        self._session.finish(number)
        run = self._running.pop(number)
        epochs = [epoch for values in run.metrics.values() for epoch, _ in values]
        _add(run, max(epochs, default=0), metrics)
        run.tags |= {STATE: STATES[status], **tags}
        if produce is not None:
            run.files |= _files(produce)
        run.status = status

    def log_study_files(self, produce: Produce) -> None:
        """See `Tracker.log_study_files`."""
        self._parent.files |= _files(produce)

    def log_trial_files(self, number: int, produce: Produce) -> None:
        """See `Tracker.log_trial_files`."""
        self._run_of(number).files |= _files(produce)

    def put_model_files(self, number: int, produce: Produce) -> None:
        """See `Tracker.put_model_files`."""
        self.drop_model_files(number)
        self._run_of(number).files |= {f"model/{path}": content for path, content in _files(produce).items()}

    def drop_model_files(self, number: int) -> None:
        """See `Tracker.drop_model_files`."""
        for run in self._runs_of(number):
            run.files = {path: content for path, content in run.files.items() if not path.startswith("model/")}

    def log_best_model(self, export: BestModelRecord) -> None:
        """See `Tracker.log_best_model`."""
        parent = self._parent
        count = int(parent.tags.get(MODEL_URI, "models:/m-0").rpartition("-")[2])
        parent.model = export
        parent.tags[MODEL_URI] = f"models:/m-{count + 1}"
        _add(parent, 0, export.metrics)

    def run_id(self, number: int, timeout_seconds: float) -> str | None:
        """See `Tracker.run_id`."""
        return next((run.run_id for run in self._runs_of(number)), None)

    def reconcile(self, states: Mapping[int, tuple[RunStatus, str]]) -> Mapping[int, str]:
        """See `Tracker.reconcile`."""
        going_on: dict[int, str] = {}
        seen: set[int] = set()
        for run in self.memory.trials(self._study.name):
            number = int(run.tags[TRIAL])
            if run.status != "RUNNING":
                continue
            if number in seen:
                _settle(run, "FAILED", "a newer run of the same trial took its place")
            elif number in states:
                _settle(run, *states[number])
            else:
                going_on[number] = run.run_id
            seen.add(number)
        return going_on

    def flush(self, timeout_seconds: float) -> None:
        """See `Tracker.flush`: there is nothing to wait for."""

    def close(self, status: RunStatus) -> None:
        """See `Tracker.close`."""
        if self._session.study is not None and not self._session.closed:
            self._parent.status = status
            self._parent.tags[STATE] = STUDY_STATES[status]
        self._session.closed = True

    def check(self) -> None:
        """See `Tracker.check`: memory does not fail."""

    @property
    def _study(self) -> StudyRecord:
        self._session.require_study()
        assert self._session.study is not None
        return self._session.study

    @property
    def _parent(self) -> MemoryRun:
        parent = self.memory.study(self._study.name)
        assert parent is not None  # open_study has made it
        return parent

    def _new_run(self, name: str) -> MemoryRun:
        run = MemoryRun(f"run-{len(self.memory.runs)}", name)
        self.memory.runs.append(run)
        return run

    def _go_on(self, run: MemoryRun, params: Mapping[str, Scalar], tags: Mapping[str, str]) -> None:
        run.status = "RUNNING"
        changed = {f"kerasweep.now.{k}": str(v) for k, v in params.items() if run.params.get(k, v) != v}
        run.params = {**params, **run.params}
        run.tags |= {STUDY: self._study.name, STATE: RUNNING_STATE, **tags, **changed}

    def _runs_of(self, number: int) -> Iterator[MemoryRun]:
        return (run for run in self.memory.trials(self._study.name) if run.tags[TRIAL] == str(number))

    def _run_of(self, number: int) -> MemoryRun:
        run = next(self._runs_of(number), None)
        if run is None:
            raise ValueError(f"trial {number} has no run: start it before its files are recorded")
        return run


def _add(run: MemoryRun, epoch: int, metrics: Mapping[str, float]) -> None:
    for name, value in metrics.items():
        run.metrics.setdefault(name, []).append((epoch, float(value)))


def _settle(run: MemoryRun, status: RunStatus, reason: str) -> None:
    run.status = status
    run.tags |= {STATE: STATES[status], REASON: reason}


def _files(produce: Produce) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="kerasweep-files-") as place:
        produce(Path(place))
        found = sorted(path for path in Path(place).rglob("*") if path.is_file())
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in found}
