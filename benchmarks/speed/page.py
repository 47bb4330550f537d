"""How are the results told on a page?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.speed.results import Comparison, Results, Spread, accuracy, bound, comparisons, differences
from benchmarks.speed.works import UNRECORDED, WORKS, Work

PICTURE = "RESULTS.png"
IDLE = 0.5  # load average above which a page says that the machine was busy
_INTRODUCTION = """# Speed beside real peers

Made by `make bench` from `results.json`; benchmarks/README.md says how it is measured. Seconds are medians, in brackets
the least and the most of the runs. How many times faster is the median over the repeats that both did, one after the
other, as a machine is faster in one hour than in the next: compare ratios, not seconds."""
_SEARCH = """## Search

From after the imports to the last result: the same configs, models, batches, epochs and metrics, a validation after
each epoch. kerasweep and the script record parameters and every epoch in MLflow, and after this time the best model;
KerasTuner and plain `fit` record nothing there. kerasweep also reads and splits the data in this time; its peers are
given the arrays."""
_WHOLE = """## The whole process

From the first command to its end, imports included; for kerasweep `kerasweep run`, which then also scores the best
model on the test part, saves it to be used again, and draws what it does."""
_LIMIT = """## The arithmetic alone

What the search takes, as a multiple of the time that its products of matrices would need at the measured peak of all
cores. One is the physical limit."""
_EQUAL = """## Is it the same work?

Validation accuracy, mean over configs and runs; weights are drawn anew by each, so that it agrees but for chance. The
last column says whether numbers of parameters, epochs of each trial and, on equal splits, accuracies agree: within
0.02, or within three standard errors of the differences between trainings of the same config."""


def page(results: Results) -> str:
    """The whole page, in Markdown."""
    parts = [_INTRODUCTION, _conditions(results)]
    measured = _measured(results)
    compared = [(work, one) for work, own in measured for one in comparisons(work, own)]
    if compared:
        parts += [f"![How many times faster]({PICTURE})", _SEARCH, _search(compared)]
        whole = [(work, one) for work, one in compared if work.kind != "target"]
        parts += [_WHOLE, _whole(whole)] if whole else []
    parts += [_LIMIT, _limits(measured, results["peak"])] if results.get("peak") else []
    parts += [_EQUAL, _equality(measured)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _measured(results: Results) -> list[tuple[Work, Mapping[str, Any]]]:
    return [(work, results["works"][work.name]) for work in WORKS if work.name in results["works"]]


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _conditions(results: Results) -> str:
    on, peak = results["machine"], results.get("peak", {})
    lines = [
        f"- Machine: {on['processor']}, {on['cores']} cores, {on['memory_gb']:g} GB, {on['system']}, "
        f"Python {on['python']}",
        f"- Versions: {', '.join(f'{name} {version}' for name, version in results['versions'].items())}",
    ]
    if on["environment"]:
        told = ", ".join(f"{name}={value}" for name, value in on["environment"].items())
        lines.append(f"- Set in its environment: {told}")
    if peak:
        lines.append(
            f"- Peak of a float32 product of matrices: {peak['one_thread']:.0f} GFLOP/s with one thread, "
            f"{peak['all_threads']:.0f} with all"
        )
    busy = [f"{name} {own['load']:g}" for name, own in results["works"].items() if own["load"] > IDLE]
    if busy:
        lines.append(f"- **The machine was not idle before it was measured; load: {', '.join(busy)}**")
    small = [work.name for work, own in _measured(results) if own["settings"]["epochs"] < work.epochs]
    if small:
        lines.append(f"- **In small, so that the figures mean nothing: {', '.join(small)}**")
    stand_ins = [name for name, own in results["works"].items() if own["settings"]["made_up"]]
    if stand_ins:
        lines.append(f"- Made-up data of the same shape in place of the real: {', '.join(stand_ins)}")
    return "\n".join(lines)


def _search(compared: Iterable[tuple[Work, Comparison]]) -> str:
    heading = ("work", "who", "seconds", "against", "seconds", "times faster", "to be", "met")
    return table(heading, [_search_row(work, one) for work, one in compared])


def _search_row(work: Work, one: Comparison) -> tuple[str, ...]:
    fast, slow = one.search
    times = f"**{bound(one)}{ratio(one.ratio)}**"
    slower = f"{_seconds(slow)}" + (f", {one.unreached} over time" if one.unreached else "")
    faster = f"{_seconds(fast)}" + (f", {one.own_unreached} over time" if one.own_unreached else "")
    met = "yes" if one.met else "no"
    return work.title, one.contest.fast, faster, one.contest.slow, slower, times, f"{one.contest.target:g}", met


def _whole(compared: Iterable[tuple[Work, Comparison]]) -> str:
    rows = []
    for work, one in compared:
        fast, slow = one.wall
        rows.append(
            (work.title, one.contest.fast, _seconds(fast), one.contest.slow, _seconds(slow), ratio(one.wall_ratio))
        )
    return table(("work", "who", "seconds", "against", "seconds", "times faster"), rows)


def _limits(measured: Iterable[tuple[Work, Mapping[str, Any]]], peak: Mapping[str, float]) -> str:
    rows = []
    for work, own in measured:
        operations = own["settings"]["operations"]
        if operations is None:
            continue
        limit = operations / (peak["all_threads"] * 1e9)
        for name, runs in own["runs"].items():
            seconds = Spread.of([run["search_seconds"] for run in runs]).median
            rows.append((work.title, f"{operations / 1e9:.3g}", f"{limit:.2g}", name, ratio(seconds / limit)))
    return table(("work", "GFLOP", "seconds at the peak", "who", "times the limit"), rows) if rows else ""


def _equality(measured: Iterable[tuple[Work, Mapping[str, Any]]]) -> str:
    rows, lines = [], []
    for work, own in measured:
        if work.kind == "target":
            continue
        differing = differences(own)
        lines += [f"- **{work.title}: {text}**" for text in differing]
        same = "no, see below" if differing else "yes"
        for name, runs in own["runs"].items():
            best, last = accuracy(runs)
            record = "none" if name in UNRECORDED else "MLflow"
            rows.append((work.title, name, str(len(runs)), f"{best:.4f}", f"{last:.4f}", record, same))
    heading = ("work", "who", "runs", "at the best epoch", "at the last", "record", "the same")
    return "\n\n".join(filter(None, [table(heading, rows) if rows else "", "\n".join(lines)]))


def ratio(value: float) -> str:
    """With as many digits as tell something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _seconds(spread: Spread) -> str:
    if spread.least == spread.most:
        return _number(spread.median)
    return f"{_number(spread.median)} ({_number(spread.least)} to {_number(spread.most)})"


def _number(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.1f}" if seconds >= 10 else f"{seconds:.2f}"
