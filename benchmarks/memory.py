"""Does a worker grow from trial to trial? Run with ``python benchmarks/memory.py [--trials 500]``.

One worker trains short trials one after the other and is never replaced: small dense nets in NumPy (``mlp``), and
convolutions, whose graphs are traced (``cnn``). What it and the coordinator hold (resident, in MB) is read as trials
end; the record goes to a process of its own, as users have it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import psutil

from search.executors.local import LocalExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.pictures.rows import TrialRow
from search.study.observer import Silent
from search.study.run import run_study

_IMAGES = """
from sklearn.datasets import load_digits

def load():
    digits = load_digits()
    return digits.images[:600], digits.target[:600]
"""
_DIMENSIONS: dict[str, dict[str, Any]] = {
    "mlp": {"layers": {"int": [1, 3]}},
    "cnn": {"conv_layers": {"int": [1, 2]}, "filters": {"int": [4, 16]}},
}


class Watch(Silent):
    """Prints what is held after some of the trials."""

    def __init__(self, executor: LocalExecutor, every: int) -> None:
        self._executor, self._every, self._ended = executor, every, 0

    def trial_finished(self, row: TrialRow) -> None:
        self._ended += 1
        if self._ended in (10, 50) or self._ended % self._every == 0:
            workers = sum(_megabytes(pid) for pid in self._executor.pids)
            print(f"{self._ended:>7}{workers:>10.0f}{_megabytes(os.getpid()):>14.0f}", flush=True)


def _megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss / 1e6)


def measure(family: str, trials: int, folder: Path) -> None:
    """Print a table for one family."""
    source = "sklearn:digits"
    if family == "cnn":
        (folder / "images.py").write_text(_IMAGES, encoding="utf-8")
        source = f"{folder / 'images.py'}:load"
    content = {
        "study": family,
        "data": {"source": source},
        "model": family,
        "space": _DIMENSIONS[family],
        "training": {"epochs": 2},
        "search": {"trials": trials, "sampler": "random", "pruner": "none", "workers": 1, "seed": 1},
    }
    executor = LocalExecutor(1, jobs_per_worker=10 * trials, memory_bytes=psutil.virtual_memory().total)
    print(f"{family}\n{'trials':>7}{'worker':>10}{'coordinator':>14}", flush=True)
    watch = Watch(executor, max(1, trials // 5))
    run_study(parse_experiment(content, family), home=Home(folder / "home"), executor=executor, observer=watch)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=500)
    options = parser.parse_args()
    for family in _DIMENSIONS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            measure(family, options.trials, Path(folder))


if __name__ == "__main__":
    main()
