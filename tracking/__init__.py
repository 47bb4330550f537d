"""How are studies, trials and models recorded?

Importing this is cheap: MLflow comes with the first record that needs it, in that record's own process or thread.
"""

from __future__ import annotations

from tracking.apart import TrackerApart
from tracking.errors import TrackingError
from tracking.links import experiment_id, study_link
from tracking.memory import Memory, MemoryRun, MemoryTracker
from tracking.mlflow_tracker import MlflowTracker
from tracking.records import (
    BestModelRecord,
    DatasetRecord,
    Produce,
    RunStatus,
    Scalar,
    StudyRecord,
    TrialRecord,
)
from tracking.server import serve, serving
from tracking.tensorboard import TensorBoardLog
from tracking.tracker import Tracker
from tracking.urls import local_artifacts, local_uri, redact_url

__all__ = [
    "BestModelRecord",
    "DatasetRecord",
    "Memory",
    "MemoryRun",
    "MemoryTracker",
    "MlflowTracker",
    "Produce",
    "RunStatus",
    "Scalar",
    "StudyRecord",
    "TensorBoardLog",
    "Tracker",
    "TrackerApart",
    "TrackingError",
    "TrialRecord",
    "experiment_id",
    "local_artifacts",
    "local_uri",
    "redact_url",
    "serve",
    "serving",
    "study_link",
]
