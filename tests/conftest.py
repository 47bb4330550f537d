"""Where do the tests keep state, and what do the libraries below see of this machine?

Set before anything imports TensorFlow or MLflow, which read these when they are imported.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the numbers that tests expect are a processor's
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

_HOME = tempfile.mkdtemp(prefix="kerasweep-tests-")
os.environ["KERASWEEP_HOME"] = _HOME  # so that no test writes into the checkout
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

# pytest puts this folder on the path, where `tests/spaces` would pass for the package of that name.
sys.path.insert(0, str(Path(__file__).parent.parent))
