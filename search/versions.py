"""Which versions of the libraries and of the code made a result?"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

_LIBRARIES = ("kerasweep", "tensorflow", "keras", "optuna", "mlflow", "scikit-learn", "numpy", "numba", "pandas")


@cache
def library_versions() -> Mapping[str, str]:
    """Library to version, and Python's, without importing any of them."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # run from a source tree, or an optional one
    return MappingProxyType(versions)


def code_version(folder: Path) -> str:
    """kerasweep's version, and the commit of the version control that ``folder`` is in (``+`` if changed since)."""
    own = f"kerasweep {program_version()}"
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = "+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else ""
    except (OSError, subprocess.SubprocessError):
        return own  # no version control here
    return f"{own}, git {commit}{changed}"


def program_version() -> str:
    """kerasweep's own version."""
    try:
        return metadata.version("kerasweep")
    except metadata.PackageNotFoundError:
        return "(source tree)"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=True)
    return done.stdout.strip()
