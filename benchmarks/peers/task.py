"""What is a peer to do, and how does it say what came out? (With NumPy alone: peers have their own environment.)"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Task:
    """The file that the script was given, read."""

    arrays: Path
    rounds: int
    task: str
    outputs: int
    configs: list[dict[str, Any]]
    epochs: int
    batch_size: int
    accuracy: float
    seed: int

    def parts(self, round: int = 0) -> tuple[Any, Any, Any, Any]:
        """x_train, y_train, x_validation, y_validation; of a fold where ``round`` is from 1 on."""
        folder = self.arrays / f"round_{round}" if round else self.arrays
        names = "x_train", "y_train", "x_validation", "y_validation"
        x_train, y_train, x, y = (np.load(folder / f"{name}.npy") for name in names)
        return x_train, y_train, x, y


@dataclass
class Outcome:
    """What a script prints as its last line: seconds from after the imports, and a list entry a trial."""

    began: float = field(default_factory=time.perf_counter)
    search_seconds: float = 0.0
    trial_seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    final_values: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)

    def add(self, seconds: float, history: list[float], parameters: int) -> None:
        """A trial has ended: its validation accuracy after each epoch."""
        self.trial_seconds.append(round(seconds, 4))
        self.values.append(max(history))
        self.final_values.append(history[-1])
        self.epochs.append(len(history))
        self.parameters.append(parameters)
        self.search_seconds = round(time.perf_counter() - self.began, 4)

    def say(self, **others: Any) -> None:
        """Print it, with everything else that is to be known."""
        whole = {name: value for name, value in vars(self).items() if name != "began"}
        whole["end_seconds"] = round(time.perf_counter() - self.began, 4)
        print(json.dumps({**whole, **others}), flush=True)


def read_task() -> Task:
    """The task in the file that the command line names; scripts write into the current folder."""
    content = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return Task(**{**content, "arrays": Path(content["arrays"])})
