"""How are the results drawn?"""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed.page import ratio
from benchmarks.speed.results import Comparison, Results, bound, comparisons
from benchmarks.speed.works import OURS, OURS_2, OURS_HALF, WORKS, Work

_MET, _SHORT, _GOAL = "#2a78d6", "#c9822b", "#333333"
_LABEL = 1.4  # so many times further right a label ends than its bar


def bars(results: Results) -> list[tuple[str, Comparison]]:
    """Label and comparison of each bar, in the order of the table."""
    measured = [work for work in WORKS if work.name in results["works"]]
    return [(_label(work, one), one) for work in measured for one in comparisons(work, results["works"][work.name])]


def draw(results: Results, path: Path) -> None:
    """A bar for each ratio on a logarithmic axis, with a mark where it is to be; nothing where none is measured."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = bars(results)
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(9, 1.3 + 0.36 * len(rows)), layout="constrained")
    for place, (_, one) in enumerate(rows):
        # A bar begins at one, which is no faster: what is slower goes to the left.
        axes.barh(place, one.ratio - 1, left=1, height=0.62, color=_MET if one.met else _SHORT)
        axes.plot([one.contest.target] * 2, [place - 0.4, place + 0.4], color=_GOAL, linewidth=2)
        text = f"{bound(one)}{ratio(one.ratio)}"
        end, goal = max(one.ratio, 1.0), one.contest.target
        at = (goal if end < goal < _LABEL * end else end, place)  # behind a mark that it would meet
        axes.annotate(text, at, (6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_xscale("log")
    least, most = min(one.ratio for _, one in rows), max(max(one.ratio, one.contest.target) for _, one in rows)
    axes.set_xlim(min(0.8, least * 0.8), most * 2)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=9)
    axes.invert_yaxis()
    axes.axvline(1, color=_GOAL, linewidth=0.8)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if least * 0.8 <= tick <= most * 2]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("times faster (black marks: what is to be; blue: met, brown: short of it)")
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _label(work: Work, one: Comparison) -> str:
    against = one.contest.slow
    if one.contest.fast == OURS_2:
        alone = "1 worker" if OURS_HALF not in work.contestants else "1 worker on all cores"
        against = alone if against == OURS else against.removeprefix("kerasweep, ")
        return f"{work.name}: 2 workers, against {against}"
    return f"{work.name}: against {against}"
