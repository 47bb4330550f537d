"""What is done with the best config when a search is over: its model, its score, its folder?"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import optuna

from search.custom.space import trial_config
from search.errors import SearchError
from search.executors.protocol import Executor
from search.home import StudyFolder
from search.messages import (
    Decision,
    EpochReport,
    Event,
    Job,
    JobLost,
    RoundReport,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerBug,
)
from search.pictures.rows import TrialRow
from search.reuse.best_config import make_best
from search.reuse.bundle import CODE_PACKAGE, with_threshold, write_bundle
from search.study.keep import ModelShelf
from search.study.observer import Observer
from search.study.plan import Plan
from search.study.recorder import Recorder
from search.study.records import BEGIN, SCORES, StudyFacts, trial_end
from search.study.worker_failure import failure_of
from spaces.model_config import ModelConfig
from tracking import BestModelRecord

_POLL_SECONDS = 0.2
_ATTEMPTS = 2
_RUN_ID_SECONDS = 10.0


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
    facts = StudyFacts.of(study)
    assert facts is not None, "a study that ran has its facts"
    trial = next(t for t in study.get_trials(deepcopy=False) if t.number == best.number)
    begin = trial.user_attrs[BEGIN]
    seed, end = begin["seed"], trial_end(trial)
    assert end is not None, "the best trial has ended"
    config = trial_config(trial.params, begin, family=plan.experiment.model, params=best.params)
    model = folder.model(best.number)
    if plan.rounds > 1 and not model.exists():
        observer.notice(f"trial {best.number}, the best, is trained on all rows but the test part ...")
        problem = train_on_all(executor, best, config, seed=seed, model=model)
        if problem:
            observer.notice(f"trial {best.number}: no model, it could not be trained on all rows ({problem})")
            return
        assert best.value is not None, "the best trial has a value"
        if recorder.run_id(best.number, _RUN_ID_SECONDS) is not None:  # an earlier session may have recorded elsewhere
            shelf.put(best.number, best.value, recorder)
    if not model.exists():
        observer.notice(f"trial {best.number}: its model file is gone; 'kerasweep train' makes it again")
        return
    result = finish_job(executor, ScoreJob(best.number, model, config, end.threshold))
    assert isinstance(result, ScoreResult), result
    content = make_best(
        name=plan.experiment.study,
        experiment=facts.experiment,
        facts=facts.to_attr(),
        row=best,
        config=config,
        seed=seed,
        scores=result.metrics,
        threshold=end.threshold,
    )
    preprocessor = with_threshold(plan.dataset.preprocessor, end.threshold)
    write_bundle(folder.best, model=model, preprocessor=preprocessor, best=content, code=plan.model_files)
    study.set_user_attr(SCORES, {**study.user_attrs.get(SCORES, {}), str(best.number): dict(result.metrics)})
    recorder.best_model(
        BestModelRecord(
            folder=folder.best,
            code=folder.best / CODE_PACKAGE,
            input_example=plan.dataset.sample,
            output_example=preprocessor.decode(result.outputs),
            requirements=_requirements(),
            metrics={f"test_{name}": value for name, value in result.metrics.items()},
            any_length=frozenset(one.name for one in plan.dataset.spec.inputs if one.kind == "sequence" and one.masked),
        )
    )


def train_on_all(executor: Executor, best: TrialRow, config: ModelConfig, *, seed: int, model: Path) -> str:
    """Train a config on all rows but the test part, for its best epoch's number of epochs, into ``model``.

    Returns:
        Why it could not be done, empty if it was.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    assert best.best_epoch is not None, "a completed trial has a best epoch"
    job = TrialJob(best.number, config, seed, best.best_epoch, early_stopping=0, save_to=model, full=True)
    result = finish_job(executor, job)
    assert isinstance(result, TrialResult), result
    return "" if result.model is not None else result.reason or "the disk is full"


def finish_job(executor: Executor, job: Job) -> Event:
    """Have one job done, all of its epochs, with nothing else running; returns its result.

    Raises:
        SearchError: if its worker dies twice.
        WorkerFailure: if it meets a bug.
    """
    for _ in range(_ATTEMPTS):
        executor.submit(job)
        lost = False
        while not lost:
            for event in executor.events(_POLL_SECONDS):
                match event:
                    case WorkerBug():
                        raise failure_of(event)
                    case JobLost():
                        lost = True
                    case EpochReport() | RoundReport():
                        executor.answer(event.number, Decision())
                    case _ if getattr(event, "number", None) == job.number:
                        return event
    raise SearchError(f"trial {job.number}: its model could not be finished, the worker died twice; run again")


def scores_of(study: optuna.Study, best: TrialRow | None) -> Mapping[str, float]:
    """Metrics of the best trial's model on the test part; empty if it was never scored."""
    known = study.user_attrs.get(SCORES, {})
    return known.get(str(best.number), {}) if best is not None else {}


def _requirements() -> tuple[str, ...]:
    names = ("tensorflow", "keras", "scikit-learn", "skops", "pandas", "numpy")
    return tuple(f"{name}=={metadata.version(name)}" for name in names)
