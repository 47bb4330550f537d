"""What does a large table cost beside plain ``fit``? Run with ``python benchmarks/large.py [--rows 2000000]``.

A table of 50 columns is written as Parquet and trained on by the same net, in batches of one size, for as many epochs:
by a script as a practitioner writes it (pandas, scikit-learn, ``fit``), and by ``kerasweep run`` with one trial in one
worker, with its record. Both in processes of their own, in turn:

- training: the call of ``fit``, or the whole trial, both with tracing and a validation after every epoch;
- whole: from the command to its end;
- memory: the most that all processes held together, with what they share counted once;
- its data: what of that is more than with a table of a thousandth of the rows, over the size of the table.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import yaml

COLUMNS, EPOCHS, BATCH, UNITS = 50, 3, 1024, (64, 32)
STUDY = "large"
_SAMPLE_SECONDS = 0.25


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of one run."""

    training: float
    whole: float
    memory: int


def write_table(path: Path, rows: int) -> int:
    """A table of numbers and two classes, float32; returns its bytes as pandas holds it."""
    draw = np.random.default_rng(0)
    values = draw.normal(size=(rows, COLUMNS)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"x{number}" for number in range(COLUMNS)])
    signal = values[:, :10].sum(axis=1) + np.sin(3 * values[:, 10]) + draw.normal(size=rows)
    frame["y"] = (signal > 0).astype(np.int8)
    frame.to_parquet(path)
    return int(frame.memory_usage(index=False).sum())


def plain(path: Path) -> None:
    """The script: it prints the seconds that ``fit`` took."""
    import keras
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    frame = pd.read_parquet(path)
    x, y = frame.drop(columns="y").to_numpy(), frame["y"].to_numpy(np.float32)
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x_train)
    x_train, x_valid = scaler.transform(x_train), scaler.transform(x_valid)
    layers = [keras.layers.Dense(units, activation="relu") for units in UNITS]
    model = keras.Sequential([keras.Input((COLUMNS,)), *layers, keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    began = time.perf_counter()
    model.fit(x_train, y_train, batch_size=BATCH, epochs=EPOCHS, validation_data=(x_valid, y_valid), verbose=0)
    print(time.perf_counter() - began)


def experiment(path: Path) -> str:
    """The same for kerasweep."""
    return yaml.safe_dump(
        {
            "study": STUDY,
            "data": {"source": str(path), "target": "y", "validation": 0.2, "test": 0},
            "model": "mlp",
            "space": {
                "layers": len(UNITS),
                "widths": "funnel",
                "units_first": UNITS[0],
                "units_last": UNITS[-1],
                "activation": "relu",
                "batch_norm": False,
                "dropout": 0,
                "optimizer": "adam",
                "learning_rate": 1e-3,
            },
            "training": {"epochs": EPOCHS, "batch_size": BATCH, "early_stopping": 0},
            "search": {"trials": 1, "workers": 1},
        }
    )


def measured(call: list[str]) -> tuple[str, float, int]:
    """What a command printed, the seconds that it took, and the bytes that it and its children held at most."""
    most, over = 0, threading.Event()

    def watch(process: psutil.Process) -> None:
        nonlocal most
        while not over.wait(_SAMPLE_SECONDS):
            held = 0
            for one in (process, *process.children(recursive=True)):
                try:
                    held += one.memory_full_info().pss
                except psutil.Error:
                    continue
            most = max(most, held)

    began = time.perf_counter()
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=quiet)
    watcher = threading.Thread(target=watch, args=(psutil.Process(process.pid),))
    watcher.start()
    printed, _ = process.communicate()
    whole = time.perf_counter() - began
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(call[:4])} ended with {process.returncode}:\n{printed}")
    return printed, whole, most


def cost_of_plain(path: Path) -> Cost:
    """The script, once."""
    printed, whole, memory = measured([sys.executable, __file__, "--plain", str(path)])
    return Cost(float(printed.split()[-1]), whole, memory)


def cost_of_ours(path: Path) -> Cost:
    """``kerasweep run``, once, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "large.yaml")
        file.write_text(experiment(path), encoding="utf-8")
        command = [sys.executable, "-m", "search"]
        printed, whole, memory = measured([*command, "run", str(file), "--home", folder, "--profile"])
        print(printed[printed.index("where the time went") :])
        listed = [*command, "trials", STUDY, "--home", folder, "--csv"]
        trials = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
        (trial,) = csv.DictReader(io.StringIO(trials))
        return Cost(float(trial["seconds"]), whole, memory)


def main() -> None:
    """Print a table of medians, and what each is over that of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain is not None:
        plain(options.plain)
        return
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "large.parquet"), Path(folder, "small.parquet")
        size = write_table(path, options.rows)
        write_table(small, options.rows // 1000)
        bases = cost_of_plain(small), cost_of_ours(small)
        pairs = [(cost_of_plain(path), cost_of_ours(path)) for _ in range(options.repeats)]
    scripts, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    print(f"{options.rows:,} x {COLUMNS}, {size / 1e6:.0f} MB, {EPOCHS} epochs of batches of {BATCH}")
    print(f"{'':10}{'plain fit':>12}{'kerasweep':>12}{'ratio':>8}")
    for name, unit, scale in (("training", "s", 1), ("whole", "s", 1), ("memory", "MB", 1e6)):
        a, b = (statistics.median(getattr(cost, name) for cost in costs) / scale for costs in (scripts, ours))
        print(f"{name:10}{a:>10.1f} {unit:2}{b:>9.1f} {unit:2}{b / a:>7.2f}")
    a, b = (
        (statistics.median(cost.memory for cost in costs) - base.memory) / size
        for costs, base in zip((scripts, ours), bases, strict=True)
    )
    print(f"{'its data':10}{a:>10.2f} x {b:>9.2f} x {b / a:>7.2f}")


if __name__ == "__main__":
    main()
