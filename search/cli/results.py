"""What does a study print when it is over?"""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.text import Text

from search.data.validation import ValidationConfig
from search.experiment import Experiment
from search.home import Home, find_home
from search.pictures.rows import TrialRow, count_states
from search.pictures.terminal import render_leaderboard
from search.pictures.wording import format_params, format_result, format_value
from search.study.observer import StudyEnded
from search.units import format_duration
from tracking import redact_url

_ENDINGS = {
    "complete": "",
    "exhausted": "every configuration of the space has been tried",
    "timeout": "the study's timeout is over",
    "interrupted": "interrupted",
}


def result_of(row: TrialRow, validation: ValidationConfig) -> str:
    """A trial's value with its spread: ``0.7734 ± 0.0412 (10 folds)``."""
    value = format_result(row.value, row.spread)
    return value + (f" ({len(row.values)} {validation.unit}s)" if row.values else "")


def print_result(experiment: Experiment, ended: StudyEnded, home: Home, *, again: str, quiet: bool) -> None:
    """Leaderboard, best config, test score and the next commands, on stdout."""
    console = Console(highlight=False)
    # Commands keep their lines whole, to be pasted; sentences and the table fit themselves to a terminal.
    tell = partial(console.print, soft_wrap=True)
    say = partial(console.print, soft_wrap=not console.is_terminal)
    name, total = experiment.study, experiment.search.trials
    counts = ", ".join(f"{count} {state}" for state, count in count_states(ended.rows).items())
    if ended.parent_run is None:
        say(
            Text(
                f"study {name} has all of its {total} trials ({counts}); there is nothing left to do. "
                f"A higher --trials goes on."
            )
        )
    else:
        say(Text(f"study {name}: {counts}, in {format_duration(ended.seconds)}"))
    if ended.ending != "complete":
        left = f"; {ended.left} of {total} trials are left" if ended.left else ""
        say(Text(f"{_ENDINGS[ended.ending]}{left}"))
    best = ended.best
    if best is None:
        say(Text("no trial has completed, so there is no best model yet"))
    else:
        if not quiet:
            console.print(
                render_leaderboard(
                    ended.rows, 5, objective=ended.objective, direction=ended.direction, width=console.width
                )
            )
        say(
            Text.assemble(
                ("best  ", "bold"),
                f"trial {best.number}, {result_of(best, experiment.validation)} at epoch {best.best_epoch}: ",
                format_params(best.params),
            )
        )
        if ended.scores:
            scores = ", ".join(f"{metric} {format_value(value)}" for metric, value in ended.scores.items())
            say(Text.assemble(("test  ", "bold"), scores, " (rows that the search never saw)"))
    where = "" if home == find_home(None) else f" --home {home.path}"
    say()
    if ended.ending == "interrupted":
        tell(Text(f"go on with       {again}"))
    if best is not None and ended.ending != "interrupted":
        tell(Text(f"take it away     kerasweep best {name} -o best.yaml{where}"))
        server = experiment.tracking.uri
        at = f" --tracking-uri {redact_url(server)}" if server else where
        tell(Text(f"look at it       kerasweep ui {name}{at}"))
        tell(Text(f"see every trial  kerasweep trials {name}{where}"))
