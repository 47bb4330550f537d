"""Where do the tests keep state, and what do the libraries below see of this machine?

Set before anything imports TensorFlow or MLflow, which read these when they are imported.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

# What a script starts in the background ignores Ctrl-C, and so would every command that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the numbers that tests expect are a processor's
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

_HOME = tempfile.mkdtemp(prefix="kerasweep-tests-")
os.environ["KERASWEEP_HOME"] = _HOME  # so that no test writes into the checkout
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

# pytest puts this folder on the path, where `tests/spaces` would pass for the package of that name.
sys.path.insert(0, str(Path(__file__).parent.parent))

# What takes its minutes is begun first, so that no core waits for the other at the end.
_FIRST = (
    "test_record",
    "test_custom_study",
    "test_examples",
    "test_training_loops",
    "test_training_grid",
    "test_killed",
    "test_readme",
    "test_space_family_models",
    "test_look",
    "test_served_models",
    "test_executor_contract",
    "test_tracker_contract",
    "test_bad_state",
    "test_kept_loops",
    "test_training_rounds",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by how long they take; within a file nothing changes."""
    items.sort(key=lambda item: _FIRST.index(item.path.stem) if item.path.stem in _FIRST else len(_FIRST))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fix the number of threads before any test computes: whichever file comes first, all others then agree with it."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        from search.training.threads import limit_threads

        limit_threads(1)
