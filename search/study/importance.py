"""Which hyperparameters made the difference in a study?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search.files import write_whole
from search.home import Home
from search.pictures.rows import Direction, TrialRow

if TYPE_CHECKING:
    import optuna

_LEAST_TRIALS = 4


def importances(study: optuna.Study) -> Mapping[str, float]:
    """Share of each searched parameter in what separates good trials from others (PED-ANOVA), largest first.

    Empty while too few trials have completed, or where all have the same value.
    """
    import optuna
    from optuna.trial import TrialState

    from search.study.store import quiet_optuna

    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(completed) < _LEAST_TRIALS or len({trial.value for trial in completed}) < 2:
        return {}
    with quiet_optuna():
        try:
            return dict(optuna.importance.get_param_importances(study))
        except (ValueError, RuntimeError):
            return {}  # Optuna's way to say that the trials do not tell


def kept_importances(
    completed: Sequence[optuna.trial.FrozenTrial], direction: Direction, file: Path
) -> Mapping[str, float]:
    """The same of the study's completed trials, and kept in a file: what computes them takes a second to load."""
    from search.study.long_study import GivenTrials

    shares = importances(GivenTrials(completed, direction))
    write_whole(file, json.dumps({"completed": len(completed), "shares": dict(shares)}))
    return shares


def known_importances(home: Home, name: str, rows: Sequence[TrialRow], *, running: bool) -> Mapping[str, float]:
    """Those that were kept; computed where trials have completed since, except while a process is at the study.

    Raises:
        StudyError: if the study cannot be read.
    """
    try:
        kept = json.loads(home.study(name).importances.read_bytes())
        if running or kept["completed"] == sum(row.state == "complete" for row in rows):
            return {str(param): float(share) for param, share in kept["shares"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    from search.study.store import load_study

    return importances(load_study(home, name)[0])
