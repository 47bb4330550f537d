"""Which trial of a study is taken away, and what is known of it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search.custom.space import trial_config
from search.errors import StudyError
from search.home import Home, check_name
from search.pictures.rows import TrialRow, ranked
from search.reuse.best_config import BestConfig, make_best, read_best


def best_of(home: Home, name: str, trial: int | None = None) -> BestConfig:
    """The best trial of a study, or the one with a number.

    Raises:
        StudyError: if there is no such study or trial, or none has completed.
    """
    from search.study.reading import read_study
    from search.study.records import SCORES

    study = read_study(home, name)
    row = _choose(study.rows, name, study.facts.direction, trial)
    notes = study.notes(row.number)
    fixed = notes.begin["fixed"]
    drawn = {param: value for param, value in row.params.items() if param not in fixed}
    return make_best(
        name=name,
        experiment=study.facts.experiment,
        facts=study.facts.to_attr(),
        row=row,
        config=trial_config(drawn, notes.begin, family=study.facts.experiment["model"], params=row.params),
        seed=notes.begin["seed"],
        scores=study.attrs.get(SCORES, {}).get(str(row.number), {}),
        threshold=notes.threshold,
    )


def find_best(home: Home, what: str, trial: int | None = None) -> BestConfig:
    """From a file that ``kerasweep best`` wrote, or from a study's name."""
    path = Path(what)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if trial is not None:
            raise StudyError(f"--trial {trial}: {what} holds one trial already; leave it out, or name the study")
        return read_best(path)
    return best_of(home, check_name(what), trial)


def _choose(rows: Sequence[TrialRow], name: str, direction: str, trial: int | None) -> TrialRow:
    if trial is None:
        ranking = ranked(rows, direction)  # type: ignore[arg-type]
        if not ranking:
            raise StudyError(f"study '{name}' has no completed trial yet; 'kerasweep run' it further")
        return ranking[0]
    row = next((row for row in rows if row.number == trial), None)
    if row is None:
        raise StudyError(f"study '{name}' has no trial {trial}; it has 0 to {len(rows) - 1}")
    if row.state != "complete" or row.best_epoch is None:
        raise StudyError(f"trial {trial} of study '{name}' is {row.state}, not complete; 'kerasweep trials {name}'")
    return row
