"""What does a person see while a study runs?"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.messages import EpochReport, RoundReport
from search.pictures.rows import TrialRow, better
from search.pictures.wording import format_params, format_result, format_value
from search.study.observer import StudyEnded, StudyOpened
from search.units import format_duration
from spaces import Params


@dataclass
class Doing:
    """How far a trial has come: rounds that have ended, with their values, and the epoch in the present one."""

    params: Params
    epoch: int = 0
    round: int = 1
    value: float | None = None
    values: list[float] = field(default_factory=list)


class Counts:
    """What has happened so far, as numbers; every display shows the same ones."""

    def __init__(self) -> None:
        self.study: StudyOpened | None = None
        self.began = time.monotonic()
        self.first_trial: float | None = None
        self.states = {"complete": 0, "pruned": 0, "diverged": 0, "failed": 0}
        self.repeated = 0
        self.best: TrialRow | None = None
        self.running: dict[int, Doing] = {}
        self.epochs: deque[float] = deque(maxlen=200)
        self.ended_here = 0

    def add(self, row: TrialRow) -> None:
        self.running.pop(row.number, None)
        if row.state == "running":
            return
        self.states[row.state] += 1
        self.ended_here += 1
        self.repeated += row.duplicate_of is not None
        if row.state == "complete" and row.value is not None and self.study is not None:
            best = self.best
            if best is None or best.value is None or better(row.value, best.value, self.study.direction):
                self.best = row

    @property
    def done(self) -> int:
        return (self.study.finished if self.study else 0) + self.ended_here

    def epochs_a_second(self) -> float:
        """Over the last epochs, of all workers together."""
        if len(self.epochs) < 2:
            return 0.0
        return (len(self.epochs) - 1) / max(1e-6, time.monotonic() - self.epochs[0])

    def seconds_left(self) -> float | None:
        """From the trials that ended in this run; the study's timeout caps it."""
        if self.study is None:
            return None
        spent = time.monotonic() - (self.first_trial or time.monotonic())
        guess = None
        if self.ended_here:
            guess = spent / self.ended_here * (self.study.total - self.done)
        if guess is not None and self.study.timeout_seconds is not None:
            guess = min(guess, max(0.0, self.study.timeout_seconds - (time.monotonic() - self.began)))
        return guess


class PlainDisplay:
    """Lines on stderr, for logs and for terminals that are none."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console, self._verbose, self.counts = console, verbose, Counts()

    def close(self) -> None:
        """Nothing is held."""

    def opened(self, study: StudyOpened) -> None:
        self.counts.study = study
        self._say(opening_line(study))
        for kind, sentence in (("sampler", study.sampler), ("pruner", study.pruner)):
            self._say(f"  {kind} {sentence if self._verbose else in_short(sentence)}")

    def notice(self, text: str) -> None:
        self._say(f"note: {text}")

    def worker_ready(self, seconds: float) -> None:
        if self._verbose:
            self._say(f"worker ready, its libraries took {format_duration(seconds)}")

    def trial_started(self, number: int, params: Params) -> None:
        self.counts.first_trial = self.counts.first_trial or time.monotonic()
        if self._verbose:
            self._say(f"trial {number} starts: {format_params(params)}")

    def epoch(self, report: EpochReport) -> None:
        if self._verbose:
            metrics = ", ".join(f"{name} {value:.4g}" for name, value in report.metrics.items())
            where = f" {self._unit} {report.round}" if self._rounds > 1 else ""
            self._say(f"trial {report.number}{where} epoch {report.epoch}: {metrics}")

    def round(self, report: RoundReport) -> None:
        if self._verbose:
            value = format_value(report.value)
            self._say(f"trial {report.number} {self._unit} {report.round}: {value} at epoch {report.best_epoch}")

    def trial_finished(self, row: TrialRow) -> None:
        before = self.counts.best
        self.counts.add(row)
        total = self.counts.study.total if self.counts.study else 0
        value = f" {format_result(row.value, row.spread)}" if row.value is not None else ""
        news = "  <- best so far" if self.counts.best is not before else ""
        reason = f" ({row.reason})" if row.reason and (self._verbose or row.state != "pruned") else ""
        config = format_params(row.params)
        self._say(f"[{self.counts.done}/{total}] trial {row.number} {row.state}{value}{reason}: {config}{news}")

    def stopping(self, reason: str) -> None:
        self._say(f"stopping: {reason}; the trials in training end after their epoch")

    def finishing(self, doing: str) -> None:
        """Say what is done once the trials are over: it takes seconds."""
        self._say(f"{doing} ...")

    def ended(self, study: StudyEnded) -> None:
        """The result is printed elsewhere, on stdout."""

    @property
    def _rounds(self) -> int:
        return self.counts.study.rounds if self.counts.study else 1

    @property
    def _unit(self) -> str:
        return self.counts.study.unit if self.counts.study else "round"

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveDisplay(PlainDisplay):
    """A few lines at the foot of the terminal that change in place; what is finished scrolls above them."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        super().__init__(console, verbose=verbose)
        self._message = "reading data; starting workers"
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def close(self) -> None:
        self._live.stop()

    def opened(self, study: StudyOpened) -> None:
        super().opened(study)
        self._message = "workers are loading TensorFlow"

    def trial_started(self, number: int, params: Params) -> None:
        super().trial_started(number, params)
        self.counts.running[number] = Doing(params)

    def epoch(self, report: EpochReport) -> None:
        super().epoch(report)
        self._message = ""
        self.counts.epochs.append(time.monotonic())
        doing = self.counts.running.setdefault(report.number, Doing({}))
        objective = self.counts.study.objective if self.counts.study else "loss"
        doing.epoch, doing.round, doing.value = report.epoch, report.round, report.metrics.get(objective)

    def round(self, report: RoundReport) -> None:
        super().round(report)
        self.counts.running.setdefault(report.number, Doing({})).values.append(report.value)

    def stopping(self, reason: str) -> None:
        self._message = f"stopping ({reason}); again to leave at once"

    def finishing(self, doing: str) -> None:
        self._message = f"{doing} ..."

    def _say(self, text: str) -> None:
        # Rich writes outside its lock: a refresh between this line's rendering and its writing would wipe it out.
        with self._live._lock:
            self._console.print(text, markup=False, highlight=False)

    def _render(self) -> RenderableType:
        counts, study = self.counts, self.counts.study
        if study is None:
            return Text(f"{self._message} ...", style="dim")
        lines: list[RenderableType] = [_bar_line(counts, study)]
        best = counts.best
        if best is not None:
            lines.append(
                Text.assemble(
                    ("best ", "bold"),
                    (f"{format_result(best.value, best.spread)} ", "bold green"),
                    f"trial {best.number}, epoch {best.best_epoch}: {format_params(best.params)}",
                    overflow="ellipsis",
                    no_wrap=True,
                )
            )
        for number, doing in sorted(counts.running.items()):
            progress = f"epoch {doing.epoch}/{study.epochs}" if doing.epoch else "building"
            value = doing.value
            if study.rounds > 1 and doing.epoch:
                progress = f"{study.unit} {doing.round}/{study.rounds} {progress}"
                value = fmean(doing.values) if doing.values else None
            shown = f" {format_value(value)}" if value is not None else ""
            lines.append(
                Text(
                    f"  trial {number} {progress}{shown}: {format_params(doing.params)}",
                    style="dim",
                    overflow="ellipsis",
                    no_wrap=True,
                )
            )
        if self._message:
            lines.append(Text(self._message, style="yellow"))
        return Group(*lines)


class QuietDisplay(PlainDisplay):
    """Nothing but what the study prints at its end."""

    def _say(self, text: str) -> None:
        return


@contextmanager
def make_display(*, quiet: bool, verbose: bool) -> Iterator[PlainDisplay]:
    """The display that suits stderr: a live one on a terminal, lines elsewhere, none if quiet."""
    console = Console(stderr=True)
    kind: Any = QuietDisplay if quiet else LiveDisplay if console.is_terminal and sys.stderr.isatty() else PlainDisplay
    display = kind(console, verbose=verbose)
    try:
        yield display
    finally:
        display.close()


def in_short(sentence: str) -> str:
    """The name of a sampler or pruner, and why it was chosen if the study left that open."""
    name, _, rest = sentence.partition(":")
    return name + (f" (auto:{rest.rpartition('(auto:')[2]}" if "(auto:" in rest else "")


def opening_line(study: StudyOpened) -> str:
    """One line that says what is about to run."""
    workers = f"{study.workers} worker{'s' if study.workers > 1 else ''}"
    done = f", {study.finished} of them done" if study.finished else ""
    rounds = f", {study.rounds} {study.unit}s each" if study.rounds > 1 else ""
    return (
        f"study {study.study}: {study.total} trials{done}{rounds}, {study.direction} {study.objective}, "
        f"up to {study.epochs} epochs, {workers}"
    )


def _bar_line(counts: Counts, study: StudyOpened) -> Table:
    line = Table.grid(padding=(0, 1))
    left = counts.seconds_left()
    words = [f"{counts.done}/{study.total} trials"]
    words += [f"{count} {state}" for state, count in counts.states.items() if count]
    if rate := counts.epochs_a_second():
        words.append(f"{rate:.0f} epochs/s" if rate >= 10 else f"{rate:.1f} epochs/s")
    if left is not None:
        words.append(f"{format_duration(left)} left")
    line.add_row(ProgressBar(total=study.total, completed=counts.done, width=24), Text(" · ".join(words)))
    return line
