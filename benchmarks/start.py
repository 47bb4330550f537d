"""How soon does a study's first trial begin? Run with ``python benchmarks/start.py [--repeats 5]``.

Nothing can train before TensorFlow is imported. A process that imports TensorFlow and Keras, and no more, is therefore
measured in turn with ``kerasweep run`` on digits, in an empty home: from the command to the moment at which a worker
begins the first trial. Libraries are read once before.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from search.home import Home
from search.study.journal_rows import Operation

STUDY = "start"
IMPORT = [sys.executable, "-c", "import tensorflow, keras"]
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def experiment(workers: int) -> dict[str, Any]:
    """A short study, with everything that a user gets."""
    return {
        "study": STUDY,
        "data": {"source": "sklearn:digits"},
        "training": {"epochs": 3},
        "search": {"trials": 2, "workers": workers, "seed": 1},
    }


def import_seconds() -> float:
    """Of TensorFlow and Keras, in a process of their own."""
    began = time.perf_counter()
    subprocess.run(IMPORT, check=True, env=QUIET, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_trial_seconds(workers: int) -> float:
    """From the command to the beginning of the first trial."""
    command = [sys.executable, "-m", "search"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "start.yaml")
        file.write_text(yaml.safe_dump(experiment(workers)), encoding="utf-8")
        began = time.time()
        run = [*command, "run", str(file), "--home", folder, "--quiet"]
        subprocess.run(run, check=True, env=QUIET, stdout=subprocess.DEVNULL)
        listed = [*command, "trials", STUDY, "--home", folder, "--csv"]
        trials = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
        lasted = {int(row["trial"]): float(row["seconds"]) for row in csv.DictReader(io.StringIO(trials))}
        ended = _ends(Home(Path(folder)).study(STUDY).journal)
    return min(ended[number] - lasted[number] for number in lasted) - began


def _ends(journal: Path) -> dict[int, float]:
    """Trial to when it ended, in seconds since 1970."""
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    ends = [line for line in lines if line["op_code"] == Operation.STATE and line.get("datetime_complete")]
    return {line["trial_id"]: datetime.fromisoformat(line["datetime_complete"]).timestamp() for line in ends}


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    import_seconds()
    first_trial_seconds(1)
    seconds: dict[str, list[float]] = {"importing TensorFlow": [], "first trial, 1 worker": [], "... 2 workers": []}
    for _ in range(options.repeats):
        for taken, one in zip(
            seconds.values(), (import_seconds(), first_trial_seconds(1), first_trial_seconds(2)), strict=True
        ):
            taken.append(one)
    alone = statistics.median(seconds["importing TensorFlow"])
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:22}{middle:>7.2f} s ({min(taken):.2f} to {max(taken):.2f}){middle / alone:>7.2f} x")


if __name__ == "__main__":
    main()
