"""What is done with the best config when a search is over: its model, its score, its folder?"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module, metadata
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial

from search.custom.space import trial_config
from search.executors.protocol import Executor
from search.home import StudyFolder
from search.messages import ScoreResult
from search.pictures.rows import TrialRow
from search.reuse.best_config import BestConfig, make_best
from search.reuse.bundle import CODE_PACKAGE, with_threshold, write_bundle
from search.study.keep import Kept, ModelShelf
from search.study.observer import Observer
from search.study.plan import Plan
from search.study.recorder import Recorder
from search.study.records import BEGIN, SCORES, StudyFacts, to_rows, trial_end
from search.study.train_again import KnownConfig, make_model, score, train_on_all
from tracking import BestModelRecord

if TYPE_CHECKING:
    from search.portable import Preprocessor


def deliver(
    plan: Plan,
    folder: StudyFolder,
    study: optuna.Study,
    best: TrialRow,
    executor: Executor,
    recorder: Recorder,
    observer: Observer,
    shelf: ModelShelf,
) -> None:
    """Score the best model once, write its folder, and put both into the record.

    Where trials have several rounds none of their models is kept, so the best config is first trained on all rows but
    the test part, for as many epochs as its rounds took on the median.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    trial = next(t for t in study.get_trials(deepcopy=False) if t.number == best.number)
    known, end = _known(plan, folder, trial, best), trial_end(trial)
    assert end is not None, "the best trial has ended"
    if plan.rounds > 1 and not known.model.exists():
        observer.notice(f"trial {best.number}, the best, is trained on all rows but the test part ...")
        problem = _make_model(known, best, executor, recorder, shelf)
        if problem:
            observer.notice(f"trial {best.number}: no model, it could not be trained on all rows ({problem})")
            return
    if not known.model.exists():
        observer.notice(f"trial {best.number}: its model file is gone; 'kerasweep train' makes it again")
        return
    result = score(executor, known, end.threshold)
    preprocessor = with_threshold(plan.dataset.preprocessor, end.threshold)
    content = _best_config(plan, study, best, known, result.metrics, end.threshold)
    write_bundle(folder.best, model=known.model, preprocessor=preprocessor, best=content, code=plan.model_files)
    study.set_user_attr(SCORES, {**study.user_attrs.get(SCORES, {}), str(best.number): dict(result.metrics)})
    recorder.best_model(_record(plan, folder, result, preprocessor))


def make_models(
    plan: Plan, folder: StudyFolder, study: optuna.Study, executor: Executor, recorder: Recorder, shelf: ModelShelf
) -> None:
    """Make the files of the models of which quick trials left the weights.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    trials = study.get_trials(deepcopy=False)
    rows = {row.number: row for row in to_rows(trials)}

    def make(kept: Kept) -> bool:
        trial = next(trial for trial in trials if trial.number == kept.number)
        return make_model(executor, _known(plan, folder, trial, rows[kept.number]), kept.path)

    shelf.finish(make, recorder)


def load_ahead() -> None:
    """Load what the end of a study takes, a second's worth, at a time when there is nothing else to do.

    Only where scikit-learn has prepared the data, which then takes part in the end too.
    """
    if "sklearn" in sys.modules:
        import_module("skops.io")
        import_module("optuna.importance")


def _known(plan: Plan, folder: StudyFolder, trial: FrozenTrial, best: TrialRow) -> KnownConfig:
    begin = trial.user_attrs[BEGIN]
    config = trial_config(trial.params, begin, family=plan.experiment.model, params=best.params)
    return KnownConfig(best.number, config, begin["seed"], folder.model(best.number))


def _make_model(known: KnownConfig, best: TrialRow, executor: Executor, recorder: Recorder, shelf: ModelShelf) -> str:
    """Train the best config on all rows but the test part; returns why it could not be done, empty if it was."""
    assert best.best_epoch is not None, "a completed trial has a best epoch"
    assert best.value is not None, "the best trial has a value"
    result = train_on_all(executor, known, epochs=best.best_epoch)
    if result.model is None:
        return result.reason
    if recorder.has_run(best.number):  # an earlier session may have recorded elsewhere
        shelf.put(best.number, best.value, recorder)
    return ""


def _best_config(
    plan: Plan,
    study: optuna.Study,
    best: TrialRow,
    known: KnownConfig,
    scores: Mapping[str, float],
    threshold: float | None,
) -> BestConfig:
    facts = StudyFacts.of(study)
    assert facts is not None, "a study that ran has its facts"
    return make_best(
        name=plan.experiment.study,
        experiment=facts.experiment,
        facts=facts.to_attr(),
        row=best,
        config=known.config,
        seed=known.seed,
        scores=scores,
        threshold=threshold,
    )


def _record(plan: Plan, folder: StudyFolder, result: ScoreResult, preprocessor: Preprocessor) -> BestModelRecord:
    return BestModelRecord(
        folder=folder.best,
        code=folder.best / CODE_PACKAGE,
        input_example=plan.dataset.sample,
        output_example=preprocessor.decode(result.outputs),
        requirements=_requirements(),
        metrics={f"test_{name}": value for name, value in result.metrics.items()},
        any_length=frozenset(one.name for one in plan.dataset.spec.inputs if one.kind == "sequence" and one.masked),
    )


def scores_of(study: optuna.Study, best: TrialRow | None) -> Mapping[str, float]:
    """Metrics of the best trial's model on the test part; empty if it was never scored."""
    known = study.user_attrs.get(SCORES, {})
    return known.get(str(best.number), {}) if best is not None else {}


def _requirements() -> tuple[str, ...]:
    names = ("tensorflow", "keras", "scikit-learn", "skops", "pandas", "numpy")
    return tuple(f"{name}=={metadata.version(name)}" for name in names)
