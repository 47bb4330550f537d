"""What does the search add to the networks that the examples start with?

    python benchmarks/examples.py --data-folder ../data --only xor,pima --scale quick

For each example the study is run; then the best config and those of `start_with`, made by hand, are trained under
three seeds each, for as many epochs at the most, and scored on the test part, which the search never saw. An
example without a test part (cross-validation of all rows) is cut into other folds instead. Data that an example
would fetch, or that has no public name, is taken from the folder's files as FILES has them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from search.data import load_dataset
from search.errors import SearchError
from search.experiment import Experiment, load_experiment
from search.home import Home
from search.portable import PortableModel
from search.reuse.best_config import BestConfig
from search.reuse.lookup import best_of
from search.reuse.retrain import retrain
from search.study.run import run_study
from spaces.model_config import ModelConfig
from tracking import MemoryTracker

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
RESULTS = Path(__file__).with_suffix(".md")
SEEDS = (101, 102, 103)
TITLE = "# What the search adds to the networks that the examples start with"
CONFIGS = "| example | config | metric | mean ± deviation | other metrics, means | seconds a training |"
STUDIES = "| example | trials | epochs at most | study, seconds | searched is at least as good | best config |"

# Example to the file that stands for its source, and what that file calls the target.
FILES: dict[str, tuple[str, str | None]] = {
    "pima": ("pima.csv.gz", "outcome"),
    "fraud": ("creditcard_fraud_extract.csv.gz", None),
    "mammography": ("mammography.npz", None),
    "fashion_mnist": ("fashion_mnist.npz", None),
    "fashion_mnist_cnn": ("fashion_mnist.npz", None),
    "weather": ("weather_jfk_daily_1970_2022.csv.gz", None),
    "names": ("seq_names_18_languages.csv.gz", None),
    "vowels": ("seq_JapaneseVowels.npz", None),
    "adult": ("adult.csv.gz", None),
    "california": ("california_housing.csv.gz", None),
}


@dataclass(frozen=True)
class Line:
    """One config of an example, trained under each of SEEDS.

    Attributes:
        config: `searched`, or `by hand N` for the N-th of `start_with`.
        metrics: of the test part (or, without one, the objective over other folds), a value a seed; the study's own
            metric comes first.
        seconds: of one training, mean.
    """

    config: str
    metrics: dict[str, tuple[float, ...]]
    seconds: float

    @property
    def mean(self) -> float:
        """Of the study's metric."""
        return statistics.fmean(next(iter(self.metrics.values())))


@dataclass(frozen=True)
class Outcome:
    """What came out of one example."""

    name: str
    trials: int
    epochs: int
    study_seconds: float
    higher_is_better: bool
    lines: tuple[Line, ...]
    params: str

    @property
    def holds(self) -> bool:
        """Whether the searched config is at least as good as every one made by hand."""
        best, *others = self.lines
        sign = 1 if self.higher_is_better else -1
        return all(sign * best.mean >= sign * line.mean for line in others if line.config.startswith("by hand"))


def experiment_of(name: str, data: Path | None, quick: bool, workers: int) -> Experiment:
    """The example, with a local file for its source where there is one; `quick` is a third of trials and epochs."""
    path = EXAMPLES / f"{name}.yaml"
    changes: dict[str, Any] = {"search.workers": workers, "tracking.keep_models": 1}
    if name in FILES and data is not None:
        file, target = FILES[name]
        changes |= {"data.source": str((data / file).resolve()), "data.target": target}
    if quick:
        whole = load_experiment(path)
        changes["search.trials"] = max(len(whole.start_with) + 2, whole.search.trials // 3)
        changes["training.epochs"] = max(2, whole.training.epochs // 3)
    return load_experiment(path, changes)


def measure(name: str, experiment: Experiment, workers: int, seeds: Iterable[int] = SEEDS) -> Outcome:
    """Run one study, then train its best config and those of `start_with` again, a seed in each of some processes."""
    with tempfile.TemporaryDirectory(prefix="kerasweep-examples-") as scratch:
        home = Home(Path(scratch))
        ended = run_study(experiment, home=home, folder=EXAMPLES, tracker=MemoryTracker())
        metric = ended.objective.removeprefix("val_")
        found = best_of(home, experiment.study)
        by_hand = [best_of(home, experiment.study, number) for number in range(len(experiment.start_with))]
        named = [("searched", found), *((f"by hand {number}", best) for number, best in enumerate(by_hand, 1))]
        if name == "stock":  # what the same net orders that only looks at squares
            named.append(("searched, with mse", found.model_copy(update={"model": without_loss(found)})))
        lines: list[Line] = []
        trained: dict[str, Line] = {}
        for config, best in named:
            # A search that found nothing better than what it was given has found that.
            line = trained.get(best.model.fingerprint) or train(config, best, metric, seeds, home.path, workers)
            trained[best.model.fingerprint] = line
            lines.append(replace(line, config=config))
    return Outcome(
        name=name,
        trials=len(ended.rows),
        epochs=experiment.training.epochs,
        study_seconds=ended.seconds,
        higher_is_better=ended.direction == "maximize",
        lines=tuple(lines),
        params=", ".join(f"{key}: {_short(value)}" for key, value in found.params.items()),
    )


def train(config: str, best: BestConfig, metric: str, seeds: Iterable[int], folder: Path, workers: int) -> Line:
    """Train one config under each seed, and score it on rows that decided nothing about it."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        done = list(pool.map(partial(train_once, best, metric, folder), seeds))
    rows, seconds = zip(*done, strict=True)
    names = sorted(rows[0], key=lambda name: name != metric)
    return Line(config, {name: tuple(row[name] for row in rows) for name in names}, statistics.fmean(seconds))


def train_once(best: BestConfig, metric: str, folder: Path, seed: int) -> tuple[dict[str, float], float]:
    """One training in this process; its metrics, and its seconds."""
    began, bundle = time.perf_counter(), folder / f"again-{seed}"
    # Without a test part other folds are the closest thing to rows that nobody has looked at.
    other = {"split_seed": seed} if best.data.test is None else {}
    done = retrain(best.model_copy(update={"seed": seed, **other}), bundle)
    assert done.value is not None
    extra = orders(best, bundle) if best.study == "stock" else {}
    # Over repeats the mean of all starts is asked for; a score on the test part is that of one of them.
    scored = {} if best.validation.repeats > 1 else done.scores
    return {**(scored or {metric: done.value}), **extra}, time.perf_counter() - began


def without_loss(best: BestConfig) -> ModelConfig:
    """The same model with its task's own loss."""
    return best.model.model_copy(update={"loss": None})


def orders(best: BestConfig, model: Path) -> dict[str, float]:
    """Of the test days of stock.py: the mean order, the share of days that it suffices on, and the money lost a day."""
    dataset = load_dataset(best.data, seed=best.split_seed, folder=EXAMPLES)
    rows = dataset.indices["test"]
    ordered = PortableModel.load(model).predict(dataset.raw.iloc[rows])["prediction"].to_numpy(float)
    demand = dataset.raw_target.iloc[rows].to_numpy(float)
    lost = np.where(demand > ordered, 3 * (demand - ordered), ordered - demand)  # PROFIT and COST of stock.py
    return {"ordered": ordered.mean(), "enough on": (demand <= ordered).mean(), "money lost": lost.mean()}


def config_rows(outcome: Outcome) -> list[str]:
    """Markdown: a row for each config, the study's own metric before the others."""
    rows = []
    for line in outcome.lines:
        metric, *others = line.metrics
        rest = ", ".join(f"{name} {statistics.fmean(line.metrics[name]):.4g}" for name in others)
        value = f"{line.mean:.4f} ± {_deviation(line.metrics[metric]):.4f}"
        rows.append(f"| {outcome.name} | {line.config} | {metric} | {value} | {rest} | {line.seconds:.1f} |")
    return rows


def study_rows(outcome: Outcome) -> list[str]:
    """Markdown: what the study cost, and what it found."""
    holds = "yes" if outcome.holds else "no"
    cost = f"{outcome.trials} | {outcome.epochs} | {outcome.study_seconds:.0f}"
    return [f"| {outcome.name} | {cost} | {holds} | {outcome.params} |"]


def page(outcomes: Iterable[Outcome], before: str = "") -> str:
    """Both tables; examples that only an earlier page has keep their rows."""
    outcomes = list(outcomes)
    measured = {outcome.name for outcome in outcomes}
    parts = [f"{TITLE}\n"]
    for heading, rows_of in ((CONFIGS, config_rows), (STUDIES, study_rows)):
        kept = _rows_under(heading, before, measured)
        rows = sorted([*kept, *(row for outcome in outcomes for row in rows_of(outcome))], key=_name_of)
        parts.append("\n".join([heading, "| --- " * (heading.count("|") - 1) + "|", *rows, ""]))
    return "\n".join(parts)


def _rows_under(heading: str, text: str, without: set[str]) -> list[str]:
    rows = text.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    return [row for row in rows if row.startswith("|") and _name_of(row) not in without]


def _name_of(row: str) -> str:
    return row.split("|")[1].strip()


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace(f"{EXAMPLES}/", "")


def _deviation(values: tuple[float, ...]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def main() -> int:
    """Measure one example after the other, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
    parser.add_argument("--only", default=",".join(every), help="examples, e.g. xor,pima")
    parser.add_argument("--data-folder", type=Path, help="folder of the files that FILES names; else data is fetched")
    parser.add_argument("--scale", choices=("quick", "full"), default="quick", help="a third of the budget, or all")
    parser.add_argument("--workers", type=int, default=2, help="processes that train side by side")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {RESULTS.name} as well")
    args = parser.parse_args()
    outcomes = []
    for name in args.only.split(","):
        try:
            experiment = experiment_of(name, args.data_folder, args.scale == "quick", args.workers)
            outcomes.append(measure(name, experiment, args.workers))
        except SearchError as error:  # data that is not there; the others go on
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        print("\n".join([*config_rows(outcomes[-1]), *study_rows(outcomes[-1])]), flush=True)
        if args.write:  # after each, as the next may take hours
            before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
            RESULTS.write_text(page(outcomes, before), encoding="utf-8")
    print(page(outcomes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
