"""Which hyperparameters made the difference in a study?"""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.trial import TrialState

from search.study.store import quiet_optuna

_LEAST_TRIALS = 4


def importances(study: optuna.Study) -> Mapping[str, float]:
    """Share of each searched parameter in what separates good trials from others (PED-ANOVA), largest first.

    Empty while too few trials have completed, or where all have the same value.
    """
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(completed) < _LEAST_TRIALS or len({trial.value for trial in completed}) < 2:
        return {}
    with quiet_optuna():
        try:
            return dict(optuna.importance.get_param_importances(study))
        except (ValueError, RuntimeError):
            return {}  # Optuna's way to say that the trials do not tell
