"""Is a trial worth going on with, after what it has just reported?"""

from __future__ import annotations

import optuna

from search.messages import Judged
from search.study.endings import Endings
from search.study.explain import explain
from search.study.plan import Plan
from search.study.records import VERDICT
from search.study.running import Running


class Judge:
    """Reports values to the study and asks its pruner."""

    def __init__(self, plan: Plan, study: optuna.Study, endings: Endings) -> None:
        self._plan, self._endings = plan, endings
        self._prunes = not isinstance(study.pruner, optuna.pruners.NopPruner)

    def judged(self, number: int) -> Judged:
        """Which reports of a trial a verdict can come of."""
        # What a study starts with is what the rest is measured against, so it always runs to its end.
        if not self._prunes or number < len(self._plan.pins):
            return "nothing"
        return "rounds" if self._plan.rounds > 1 else "epochs"

    def may_stop(self, running: Running, step: int, last: int) -> bool:
        """Whether a verdict can come of this step; arguments as for ``judge``."""
        return running.job.judged != "nothing" and running.reported <= step < last

    def judge(self, running: Running, step: int, value: float, last: int) -> None:
        """Report a value to the study, and write a verdict onto the trial if it is too poor to go on with.

        Args:
            step: the epoch, or the round where a trial has several; ``last`` is the one at which the trial is over.
        """
        trial = running.proposal.trial
        # Report before asking: the last report becomes a pruned trial's value.
        if step > running.reported:
            trial.report(value, step)
        if self.may_stop(running, step, last) and trial.should_prune():
            running.verdict = self._explain(running, step)
            trial.set_user_attr(VERDICT, running.verdict)

    def _explain(self, running: Running, step: int) -> str:
        plan = self._plan
        return explain(
            plan.experiment.search.pruner,
            running.proposal.trial.study,  # with the trials that its pruner was shown
            self._endings.frozen(running.proposal),
            step,
            plan.direction,
            plan.objective,
            unit=plan.step_unit,
        )
