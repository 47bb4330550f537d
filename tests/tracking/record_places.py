"""Where do the tests of the record keep it, and how do they look at it?"""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracking import Memory, MemoryTracker, MlflowTracker, StudyRecord, Tracker


@dataclass(frozen=True)
class Seen:
    """What a reader of the record sees of one run, whichever implementation wrote it."""

    run_id: str
    name: str
    status: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, list[tuple[int, float]]]
    files: dict[str, str]
    dataset: str | None


@dataclass(frozen=True)
class Place:
    """One place to keep records: `tracker` makes a new tracker on it, as a new process would."""

    kind: str
    tracker: Callable[[], Tracker]
    look: Callable[[str], Seen]
    children: Callable[[str], list[str]]


def opened(tracker: Tracker, study: StudyRecord) -> str:
    """Open a study and give its run's id."""
    tracker.open_study(study)
    parent = tracker.parent_run(None)
    assert parent is not None
    return parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def memory_place() -> Place:
    memory = Memory()

    def look(run_id: str) -> Seen:
        run = next(run for run in memory.runs if run.run_id == run_id)
        return Seen(
            run_id,
            run.name,
            run.status,
            {key: str(value) for key, value in run.params.items()},
            dict(run.tags),
            {key: sorted(values) for key, values in run.metrics.items()},
            {path: content.decode() for path, content in run.files.items()},
            None if run.dataset is None else run.dataset.digest,
        )

    return Place(
        "memory",
        lambda: MemoryTracker(memory),
        look,
        lambda parent: [
            run.run_id
            for run in memory.runs
            if "kerasweep.trial" in run.tags and run.tags["kerasweep.study"] == look(parent).name
        ],
    )


def mlflow_place(kind: str, uri: str, artifact_root: Path | None) -> Place:
    def look(run_id: str) -> Seen:
        run = client(uri).get_run(run_id)
        inputs = run.inputs.dataset_inputs
        return Seen(
            run_id,
            run.info.run_name,
            run.info.status,
            run.data.params,
            run.data.tags,
            {key: history(uri, run_id, key) for key in run.data.metrics},
            files(uri, run_id),
            inputs[0].dataset.digest if inputs else None,
        )

    def children(parent: str) -> list[str]:
        experiment = client(uri).get_run(parent).info.experiment_id
        found = client(uri).search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
        return [run.info.run_id for run in found]

    return Place(kind, lambda: MlflowTracker(uri, artifact_root, batch_seconds=0.2), look, children)


def client(uri: str) -> Any:
    """MLflow's own client, as an outsider would use it."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def history(uri: str, run_id: str, key: str) -> list[tuple[int, float]]:
    return sorted((metric.step, metric.value) for metric in client(uri).get_metric_history(run_id, key))


def files(uri: str, run_id: str) -> dict[str, str]:
    """Every artifact of a run, by its path."""
    from mlflow.artifacts import download_artifacts

    found: dict[str, str] = {}
    pending = [""]
    while pending:
        for item in client(uri).list_artifacts(run_id, pending.pop() or None):
            if item.is_dir:
                pending.append(item.path)
            else:
                path = download_artifacts(run_id=run_id, artifact_path=item.path, tracking_uri=uri)
                found[item.path] = Path(path).read_text()
    return found


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
