"""On which machine, and with which versions, was something measured? (Nothing that tells whose machine it is.)"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

SHOWN = ("tensorflow", "keras", "keras-tuner", "optuna", "mlflow", "scikit-learn", "numpy", "pandas")
_STEERING = ("OPENBLAS_", "OMP_", "MKL_", "TF_ENABLE_", "TF_NUM_", "XLA_")  # what libraries compute with, and on
_VERSIONS = (
    "import json, sys; from importlib.metadata import PackageNotFoundError, version\n"
    "def find(name):\n"
    "    try: return version(name)\n"
    "    except PackageNotFoundError: return None\n"
    "print(json.dumps({name: find(name) for name in sys.argv[1:]}))"
)


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, Python, and what its environment tells the libraries that compute."""
    import psutil

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_STEERING)},
    }


def load_average() -> float:
    """How many processes wanted a core over the last minute."""
    return round(os.getloadavg()[0], 2)


def versions(python: str) -> dict[str, str]:
    """Versions of the libraries that an environment has.

    Args:
        python: its interpreter.
    """
    done = subprocess.run([python, "-c", _VERSIONS, *SHOWN], capture_output=True, text=True, check=True)
    return {name: version for name, version in json.loads(done.stdout).items() if version}


def both_versions(peers: str) -> dict[str, str]:
    """Versions that we and the peers have in common.

    Raises:
        ValueError: where they differ: then times would compare libraries, not tools.
    """
    ours, theirs = versions(sys.executable), versions(peers)
    differing = [
        f"{name} {ours[name]} and {theirs[name]}" for name in ours if ours[name] != theirs.get(name, ours[name])
    ]
    if differing:
        raise ValueError(f"the peers have other versions: {', '.join(differing)}; run make lock-bench, then make bench")
    return {**ours, **theirs}


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
