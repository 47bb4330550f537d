"""What does a trial cost in a study that has thousands? Run with ``python benchmarks/growth.py [--sizes 10,100,1000]``.

Trials are simulated, the stores are real (Optuna's journal and MLflow's database on this disk). A short study is run;
its journal is then lengthened to each size by copies of its own lines, with other numbers and values. From there the
study is gone on with, and asked about:

- a trial: from a result to the next job, and an epoch: from a report to its decision, medians of the last trials;
- resume: from the command to the first job;
- list, show, best: whole commands, with their imports;
- memory: of the coordinator, at the last trial and at its most (which is at the study's end), and of the process that
  writes the record, at its most.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psutil
from overhead import Nothing, Timed, median_ms

from search.experiment import Experiment, parse_experiment
from search.home import Home
from search.study.final import load_ahead
from search.study.observer import Silent
from search.study.run import run_study

STUDY = "growth"
TEMPLATES = 10
MORE = 20  # trials that are measured at each size
_CREATE, _PARAM = 4, 5  # Optuna's operations


def experiment(trials: int, sampler: str, epochs: int) -> Experiment:
    """A study with the default space of a small net."""
    return parse_experiment(
        {
            "study": STUDY,
            "data": {"source": "sklearn:iris"},
            "training": {"epochs": epochs, "early_stopping": 0},
            "search": {"trials": trials, "sampler": sampler, "pruner": "median", "seed": 1},
        },
        "benchmark",
    )


def lengthen(journal: Path, size: int) -> None:
    """Append copies of the trials that the journal has, until it has ``size`` of them."""
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    of_trial: list[list[dict[str, Any]]] = []
    for line in lines:
        if line["op_code"] == _CREATE:
            of_trial.append([line])
        elif "trial_id" in line:
            of_trial[line["trial_id"]].append(line)
    draw = random.Random(size)
    with journal.open("a", encoding="utf-8") as stream:
        for number in range(len(of_trial), size):
            for line in of_trial[number % TEMPLATES]:
                stream.write(json.dumps(_renumbered(line, number, draw), separators=(",", ":")) + "\n")


def _renumbered(line: dict[str, Any], number: int, draw: random.Random) -> dict[str, Any]:
    copied = dict(line)
    if "trial_id" in copied:
        copied["trial_id"] = number
    if copied["op_code"] == _PARAM:
        kind = json.loads(copied["distribution"])
        if kind["name"] == "FloatDistribution" and kind["attributes"]["step"] is None:
            copied["param_value_internal"] *= draw.uniform(0.98, 1.0)
            copied["param_value_internal"] = max(copied["param_value_internal"], kind["attributes"]["low"])
    begin = copied.get("user_attr", {}).get("kerasweep.begin")
    if begin is not None:
        copied["user_attr"] = {"kerasweep.begin": {**begin, "config": f"copy{number}"}}
    return copied


class Watching(Silent):
    """Notes when the first trial begins, and how much memory is in use at the last one."""

    def __init__(self) -> None:
        self.seconds, self.megabytes = 0.0, 0.0
        self._began = time.perf_counter()

    def trial_started(self, number: int, params: Any) -> None:
        self.seconds = self.seconds or time.perf_counter() - self._began
        self.megabytes = psutil.Process().memory_info().rss / 2**20


def measure(size: int, sampler: str, epochs: int, home: Path) -> dict[str, float]:
    """Milliseconds of a trial and an epoch, megabytes of memory, seconds of the rest."""
    load_ahead()  # as while real workers load TensorFlow
    run_study(experiment(TEMPLATES, sampler, epochs), home=Home(home), tracker=Nothing(), executor=Timed(0.0))
    lengthen(Home(home).study(STUDY).journal, size)
    executor, seen = Timed(0.0), Watching()
    run_study(experiment(size + MORE, sampler, epochs), home=Home(home), executor=executor, observer=seen)
    return {
        "trial": median_ms(executor.trial_seconds),
        "epoch": median_ms(executor.epoch_seconds),
        "memory": seen.megabytes,
        "most": most_megabytes(resource.RUSAGE_SELF),
        "record": most_megabytes(resource.RUSAGE_CHILDREN),  # the only child so far
        "resume": seen.seconds,
        **{name: min(command(home, name) for _ in range(2)) for name in ("list", "show", "best")},
    }


def most_megabytes(whose: int) -> float:
    """The most memory that was in use."""
    return resource.getrusage(whose).ru_maxrss / 1024


def command(home: Path, name: str) -> float:
    """Seconds of one whole command."""
    study = [] if name == "list" else [STUDY]
    call = [sys.executable, "-m", "search", name, *study, "--home", str(home)]
    began = time.perf_counter()
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def rows(sizes: list[int], sampler: str, epochs: int) -> Iterator[str]:
    """A line of the table for each size; each is measured in a process of its own, for its memory's sake."""
    for size in sizes:
        call = [sys.executable, __file__, "--one", str(size), "--sampler", sampler, "--epochs", str(epochs)]
        done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
        took = json.loads(done.stdout.splitlines()[-1])
        commands = "".join(f"{took[name]:>8.2f}s" for name in ("resume", "list", "show", "best"))
        memory = "".join(f"{took[name]:>8.0f}M" for name in ("memory", "most", "record"))
        yield f"{size:>7}{took['trial']:>8.1f}ms{took['epoch']:>8.2f}ms{commands}{memory}"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,100,1000,10000", help="trials that the study has already")
    parser.add_argument("--epochs", type=int, default=10, help="reports of a trial")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.one, options.sampler, options.epochs, Path(folder))))
        return
    heads = ("resume", "list", "show", "best", "memory", "most", "record")
    print(f"{'trials':>7}{'a trial':>10}{'an epoch':>10}" + "".join(f"{head:>9}" for head in heads))
    for row in rows([int(size) for size in options.sizes.split(",")], options.sampler, options.epochs):
        print(row, flush=True)


if __name__ == "__main__":
    main()
