"""What has been measured so far, and what does it come to?

All that was measured lies in one JSON file, from which the page and the picture are made:

    {"machine": {}, "versions": {}, "peak": {},
     "works": {NAME: {"settings": {}, "load": 0.1, "runs": {CONTESTANT: [{}, ...]}}}}
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.speed.prepare import Prepared
from benchmarks.speed.works import Contest, Work

Results = dict[str, Any]
CHANCE = 0.02  # by which mean accuracies of the same configs on the same splits may differ in any case


@dataclass(frozen=True)
class Spread:
    """Some times in seconds: their median, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Comparison:
    """A contest, measured.

    Attributes:
        search: seconds of the search, fast and slow; wall: of the whole process. A search for a target has only one
            time, which is that of the whole process: both are it.
        ratio: how many times faster the search is; wall_ratio: the whole process.
        unreached: how many of the slow one's runs were over time, so that its times are the least that it needs.
        own_unreached: the same of the fast one.
    """

    work: str
    contest: Contest
    search: tuple[Spread, Spread]
    wall: tuple[Spread, Spread]
    ratio: float
    wall_ratio: float
    unreached: int = 0
    own_unreached: int = 0

    @property
    def met(self) -> bool:
        """Whether that is what it is to be."""
        return self.ratio >= self.contest.target and not self.own_unreached


def load(path: Path) -> Results:
    """What the file holds; nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"works": {}}


def save(results: Results, path: Path) -> None:
    """Write the file, as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def settings_of(work: Work, prepared: Prepared) -> dict[str, Any]:
    """What makes two measurements of a work comparable."""
    return {
        "epochs": work.epochs,
        "batch_size": work.batch_size,
        "configs": [dict(config) for config in work.configs],
        "folds": work.folds,
        "accuracy": work.accuracy,
        "made_up": prepared.made_up,
        "operations": prepared.operations,
    }


def at(results: Results, machine: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    """Say where and with what is measured next; what was measured elsewhere is dropped, as it cannot be compared."""
    here = {"machine": dict(machine), "versions": dict(versions)}
    if any(results.get(name, known) != known for name, known in here.items()):
        results["works"] = {}
    results |= here


def put(
    results: Results,
    work: Work,
    settings: Mapping[str, Any],
    runs: Mapping[str, list[dict[str, Any]]],
    *,
    load: float = 0.0,
) -> None:
    """Lay new runs over those of the same contestants; what was measured under other settings is dropped.

    Args:
        load: of the machine before anything was measured.
    """
    known = results["works"].get(work.name)
    if known is None or known["settings"] != json.loads(json.dumps(settings)):
        known = {"settings": dict(settings), "load": 0.0, "runs": {}}
    measured = {name: list(own) for name, own in runs.items() if own}
    stay = known["runs"].keys() - measured.keys()
    known["load"] = max(load, known["load"]) if stay else load
    known["runs"] |= measured
    results["works"][work.name] = known


def comparisons(work: Work, measured: Mapping[str, Any]) -> list[Comparison]:
    """The contests of a work of which both sides were measured."""
    runs = measured["runs"]
    found = []
    for contest in work.contests:
        if contest.fast not in runs or contest.slow not in runs:
            continue
        sides = runs[contest.fast], runs[contest.slow]
        if work.kind == "target":
            times = _spreads(sides, "reached_seconds")
            late = [sum(not run["reached"] for run in side) for side in sides]
            ratio = times[1].median / times[0].median  # how long it takes is chance, and not the machine's
            found.append(Comparison(work.name, contest, times, times, ratio, ratio, late[1], late[0]))
        else:
            search, wall = (_spreads(sides, name) for name in ("search_seconds", "wall_seconds"))
            ratios = _ratio(sides, "search_seconds"), _ratio(sides, "wall_seconds")
            found.append(Comparison(work.name, contest, search, wall, *ratios))
    return found


def differences(measured: Mapping[str, Any]) -> list[str]:
    """In what the contestants did not do the same work: parameters, epochs of each trial, or how well models became."""
    found = []
    for what in ("parameters", "epochs"):
        seen = {
            name: {tuple(sorted(run[what])) for run in runs if what in run} for name, runs in measured["runs"].items()
        }
        if len(set().union(*seen.values())) > 1:
            told = "; ".join(f"{name}: {sorted(values)}" for name, values in seen.items())
            found.append(f"{what} differ ({told})")
    # Repeats have splits of their own: only those that all have made are compared.
    common = min(map(len, measured["runs"].values()), default=0)
    reached = {name: _by_config(runs[:common]) for name, runs in measured["runs"].items() if common}
    if any(_lie_apart(*pair) for pair in combinations(reached.values(), 2)):
        told = "; ".join(f"{name}: {statistics.fmean(values):.4f}" for name, values in reached.items())
        found.append(f"accuracies lie further apart than chance has it ({told})")
    return found


def _by_config(runs: list[dict[str, Any]]) -> list[float]:
    """The accuracies of some runs, whose trials may have ended in any order: each config has its number of weights."""
    return [value for run in runs for _, value in sorted(zip(run["parameters"], run["values"], strict=True))]


def _lie_apart(ours: list[float], theirs: list[float]) -> bool:
    """Whether the mean difference of the same trainings is larger than 0.02, and than three of its standard errors."""
    apart = [one - other for one, other in zip(ours, theirs, strict=False)]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
    return abs(statistics.fmean(apart)) > max(CHANCE, 3 * error)


def accuracy(runs: list[dict[str, Any]]) -> tuple[float, float]:
    """Mean validation accuracy over configs and runs: at the best epoch, and at the last."""
    return tuple(  # type: ignore[return-value]
        statistics.fmean(value for run in runs for value in run[name]) for name in ("values", "final_values")
    )


def bound(comparison: Comparison) -> str:
    """What stands before a ratio that is only known from one side."""
    if comparison.own_unreached:
        return "? "
    return "≥ " if comparison.unreached else ""


def _ratio(sides: tuple[list[dict[str, Any]], list[dict[str, Any]]], name: str) -> float:
    """The median over the repeats that both did: a machine is a quarter slower in one hour than in the next."""
    return statistics.median(slow[name] / fast[name] for fast, slow in zip(*sides, strict=False))


def _spreads(sides: tuple[list[dict[str, Any]], list[dict[str, Any]]], name: str) -> tuple[Spread, Spread]:
    fast, slow = (Spread.of([run[name] for run in side]) for side in sides)
    return fast, slow
