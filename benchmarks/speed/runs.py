"""How is one contestant run, in a process of its own, and what comes out?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.prepare import Prepared
from benchmarks.speed.works import FITS, HYPERBAND, KERAS_TUNER, OURS, SCRIPT, Work

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "benchmarks" / "peers"
PEER_SCRIPTS = {
    KERAS_TUNER: "random_search.py",
    SCRIPT: "optuna_script.py",
    FITS: "plain_fits.py",
    HYPERBAND: "hyperband.py",
}
# Read once before anything is measured, so that files are in memory and compiled.
_WARM_UP = {
    "ours": "import tensorflow, keras, mlflow, optuna, pandas, sklearn, matplotlib.pyplot, search.study.run",
    "peers": "import tensorflow, keras, keras_tuner, mlflow.keras, optuna, pandas, sklearn",
}

Run = dict[str, Any]


class RunFailed(Exception):
    """A contestant ended with an error; its last words."""


def warm_up(peers: str) -> None:
    """Import everything once in either environment."""
    for python, whose in ((sys.executable, "ours"), (peers, "peers")):
        subprocess.run([python, "-c", _WARM_UP[whose]], cwd=ROOT, env=_environment(), capture_output=True, check=True)


def run(contestant: str, work: Work, prepared: Prepared, peers: str) -> Run:
    """Let one contestant do a work once.

    Args:
        peers: the interpreter that has the peers.

    Returns:
        ``search_seconds`` (from after the imports to the last result), ``wall_seconds`` (the whole process), and lists
        with an entry a trial. Of a search for a target ``reached_seconds`` from the start of the process, or None where
        the time was over before.

    Raises:
        RunFailed: with the last lines that it wrote.
    """
    file = prepared.experiments.get(contestant, prepared.experiments[OURS])
    limit = work.cap_seconds
    if work.kind == "target":
        if contestant == OURS:
            return _until(_script("kerasweep_target.py", sys.executable, file, str(work.accuracy)), limit)
        return _until(_script(PEER_SCRIPTS[contestant], peers, prepared.task), limit)
    if contestant in PEER_SCRIPTS:
        return _timed(_script(PEER_SCRIPTS[contestant], peers, prepared.task), limit)
    # A whole process is what a user starts; it loads libraries beside other things, so that its search is timed apart.
    searched = _timed(_script("kerasweep_study.py", sys.executable, file), limit)
    whole = _timed([sys.executable, "-m", "search", "run", str(file), "--home", "home", "--quiet"], limit, says=False)
    return {**searched, "wall_seconds": whole["wall_seconds"]}


def _script(name: str, python: str, *arguments: object) -> list[str]:
    return [python, str(SCRIPTS / name), *map(str, arguments)]


def _timed(command: Sequence[str], limit: float, *, says: bool = True) -> Run:
    done, seconds, _ = _process(command, limit)
    if done is None:
        raise RunFailed(f"was not done within {limit:g} s")
    return {**(_last_line(done) if says else {}), "wall_seconds": round(seconds, 3)}


def _until(command: Sequence[str], limit: float) -> Run:
    """A search for a target: the time until it was reached, at most ``limit``."""
    done, seconds, began_at = _process(command, limit)
    said = {} if done is None else _last_line(done)
    reached = said.get("reached_at")
    trials = {"trials": len(said["values"]), "best": max(said["values"])} if said else {}
    spent = seconds if reached is None else reached - began_at
    return {"reached": reached is not None, "reached_seconds": round(spent, 3), **trials}


def _process(command: Sequence[str], limit: float) -> tuple[str | None, float, float]:
    """Run a command in an empty folder: what it printed (None: over the limit), its seconds, and when it began."""
    with tempfile.TemporaryDirectory(prefix="kerasweep-bench-", ignore_cleanup_errors=True) as scratch:
        began_at, began = time.time(), time.perf_counter()
        with open(Path(scratch, "stderr"), "w+", encoding="utf-8") as errors:
            process = subprocess.Popen(
                command,
                cwd=scratch,
                env=_environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
            try:
                out, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return None, time.perf_counter() - began, began_at
            seconds = time.perf_counter() - began
            if process.returncode:
                errors.seek(0)
                last = "\n".join(errors.read().splitlines()[-15:])
                raise RunFailed(f"{Path(command[1]).name} ended with code {process.returncode}:\n{last}")
        return out, seconds, began_at


def _last_line(printed: str) -> dict[str, Any]:
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if not lines:
        raise RunFailed(f"printed no result: {printed[-500:]!r}")
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def _environment() -> dict[str, str]:
    """The same for all: no accelerator, no chatter, no statistics sent anywhere."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("KERASWEEP_", "MLFLOW_"))}
    return {**inherited, **quiet, "PYTHONPATH": str(ROOT)}
