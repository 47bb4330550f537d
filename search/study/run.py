"""How is a study launched, from a checked experiment to its best model on disk and in the record?"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from search.data.files import release_memory
from search.errors import StudyError
from search.executors.inline import InlineExecutor
from search.executors.local import LocalExecutor
from search.executors.protocol import Executor
from search.experiment import Experiment, SearchConfig
from search.files import write_text_whole
from search.home import Home, StudyFolder
from search.pictures.rows import TrialRow, ranked
from search.study.arrays import on_disk, write_arrays
from search.study.coordinator import Coordinator
from search.study.final import deliver, make_models, scores_of
from search.study.gallery import are_due, draw_pictures
from search.study.journal_rows import read_rows
from search.study.long_study import MOST_STARTUP, LongStudy
from search.study.observer import Observer, Silent, StudyEnded, StudyOpened
from search.study.parts import Parts
from search.study.plan import Plan, make_plan
from search.study.preflight import check_places
from search.study.profile import Profile, Profiler
from search.study.proposals import Proposer, left_running
from search.study.pruners import make_pruner
from search.study.recorder import MODULES_OF_RECORDS, Recorder
from search.study.records import ENDING, SCORES, STUDY, StudyFacts
from search.study.samplers import make_sampler
from search.study.stop import StopRequest
from search.study.store import open_for_run, prepare_journal
from search.study.strategy_config import SamplerConfig, choose_sampler
from search.study.take_over import finished_states
from search.study.workers import worker_count
from search.versions import code_version, library_versions
from search.yaml_file import to_yaml
from tracking import TensorBoardLog, Tracker, TrackerApart, local_artifacts, local_uri

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM)
_FLUSH_SECONDS = 300.0


def run_study(
    experiment: Experiment,
    *,
    home: Home,
    place: str = "experiment",
    folder: Path | None = None,
    observer: Observer | None = None,
    stop: StopRequest | None = None,
    tracker: Tracker | None = None,
    executor: Executor | None = None,
) -> StudyEnded:
    """Run a study until its total is reached, or go on with one that was begun.

    Args:
        place: what error messages call the experiment.
        folder: relative data sources are resolved against it; None is the current folder.
        tracker: where the record goes; None is MLflow, at the experiment's ``tracking.uri`` or in the home.
        executor: where trials run; None is what the experiment says. It is closed at the end.

    Raises:
        SearchError, SpaceError, TrackingError: expected mistakes, before anything is written where they can be known.
        WorkerFailure: a bug, with the worker's traceback.
    """
    profiler = Profiler()
    check_places(experiment, home)
    folder = folder or Path.cwd()
    study_folder = home.study(experiment.study)
    executor = executor or make_executor(experiment.search)
    try:
        if not study_folder.path.exists():
            executor.open()  # workers load TensorFlow while the data is read
        with profiler.watch.time("data"):
            plan = make_plan(experiment, place=place, folder=folder)
        _pruner_of(plan)  # refused, if it is to be, before anything is written
        home.make_ready()
        with study_folder.locked():
            watched = observer or Silent(), stop or StopRequest(), profiler
            launch = _Launch(plan, home, study_folder, executor, *watched)
            del plan  # the prepared samples go to disk, and nothing is to keep them in memory
            return launch.run(tracker)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        what = f"{error.filename or home.path}: cannot be written ({os.strerror(error.errno).lower()})"
        raise StudyError(
            f"{what}; make room there, then run the same command again: what is finished is kept"
        ) from error
    finally:
        executor.close()


def make_executor(search: SearchConfig) -> Executor:
    """The executor that an experiment asks for."""
    if search.executor == "inline":
        return InlineExecutor()
    import psutil

    workers = worker_count(search)
    memory = search.worker_memory or int(psutil.virtual_memory().total * 0.6 / workers)
    return LocalExecutor(workers, jobs_per_worker=search.trials_per_worker, memory_bytes=memory)


class _Launch:
    """One run of a study, under its lock."""

    def __init__(
        self,
        plan: Plan,
        home: Home,
        folder: StudyFolder,
        executor: Executor,
        observer: Observer,
        stop: StopRequest,
        profiler: Profiler,
    ) -> None:
        self._plan, self._home, self._folder = plan, home, folder
        self._executor, self._observer, self._stop, self._profiler = executor, observer, stop, profiler
        self._began = time.monotonic()
        self._code = code_version(plan.folder)

    def run(self, tracker: Tracker | None) -> StudyEnded:
        torn = prepare_journal(self._folder)
        study, proposer = self._open()
        plan, search = self._plan, self._plan.experiment.search
        if torn is not None:
            self._observer.notice(torn)
        for notice in plan.notices:
            self._observer.notice(notice)
        total, done = search.trials, _finished(study)
        self._observer.opened(self._opened(done))
        best = self._best(study)
        scored = best is None or str(best.number) in study.user_attrs.get(SCORES, {})
        settled = scored and not are_due(study, self._folder)
        if done >= total and settled and next(left_running(study), None) is None:
            return self._end(study, "complete", None, None)
        with self._profiler.watch.time("data"):
            write_arrays(plan.dataset, self._folder.arrays, plan.experiment.validation, seed=search.seed)
            folds = plan.experiment.validation.folds is not None
            self._plan = plan = replace(plan, dataset=on_disk(plan.dataset, self._folder.arrays, folds=folds))
            release_memory()
        began = time.perf_counter()
        self._executor.start(plan.setup(self._folder.arrays))
        # Worker processes load TensorFlow by themselves, and say how long it took; in this process it is loaded here.
        self._profiler.worker_ready(time.perf_counter() - began)
        tracker = tracker or make_tracker(plan.experiment, self._home)
        status: Any = "FAILED"
        try:
            board = TensorBoardLog(self._folder.tensorboard) if plan.experiment.tracking.tensorboard else None
            recorder = Recorder(plan, tracker, self._tags(), board)
            recorder.open({"sampler": self._sampler_text, "pruner": self._pruner_text})
            if study.user_attrs.get(ENDING):
                study.set_user_attr(ENDING, "")  # how an earlier run ended is no longer how the study stands
            parts = Parts(plan, self._folder, study, proposer, self._executor, recorder, self._observer)
            coordinator = Coordinator(parts, self._stop, self._profiler)
            if any(trial.state != TrialState.WAITING for trial in study.get_trials(deepcopy=False)):
                coordinator.take_over(tracker.reconcile(finished_states(study)))
            ending = coordinator.run()
            study.set_user_attr(ENDING, ending)
            with self._profiler.watch.time("final"):
                self._deliver(study, coordinator, recorder, ending)
            self._observer.finishing("writing the record")
            tracker.flush(_FLUSH_SECONDS)
            coordinator.note_record()  # a short study ends before its record is set up
            parent = recorder.parent_run(None)
            status = "KILLED" if ending == "interrupted" else "FINISHED"
        finally:
            tracker.close(status)
        shutil.rmtree(self._folder.arrays, ignore_errors=True)
        if search.storage is None:
            read_rows(self._folder.journal, self._folder.rows)  # so that whoever asks next need not read all of it
        profile = self._profiler.profile(self._executor.capacity, tracker.busy_seconds)
        return self._end(study, ending, parent, profile)

    def _open(self) -> tuple[optuna.Study, Proposer]:
        plan, search = self._plan, self._plan.experiment.search
        space = plan.space
        asked: dict[str, Any] = {
            "seed": search.seed,
            "space_size": space.size,
            "trials": search.trials,
            "has_conditions": space.has_conditions,
            "workers": worker_count(search),
        }
        chosen, _ = choose_sampler(search.sampler, space_size=space.size, trials=search.trials)
        sampler, self._sampler_text = make_sampler(search.sampler, **asked)
        if sampler is None:
            # Completes what start_with leaves open; the grid's own points are enqueued.
            sampler, _ = make_sampler(SamplerConfig(name="random"), **asked)
        pruner, self._pruner_text = _pruner_of(plan)
        # CMA-ES reads its state from its latest generation, which a choice of the trials may lack.
        startup = max(chosen.startup_trials or 0, search.pruner.startup_trials or 0)
        needs_all = chosen.name == "cmaes" or startup > MOST_STARTUP
        # Hyperband asks the storage itself, for all trials.
        packed = not needs_all and "hyperband" not in (search.pruner.name, search.pruner.inner)
        study = open_for_run(plan, self._folder, sampler, pruner, packed=packed)
        known = StudyFacts.of(study)
        if known is not None:
            if plan.experiment.training.threads is None:  # as it began, so that its trials stay repeatable
                self._plan = plan = plan.with_threads(known.experiment["training"].get("threads", 1))
            # The budget may differ from run to run; `list` and `show` count against the latest.
            budget = {**known.experiment, "search": plan.resolved()["search"]}
            latest = replace(known, experiment=budget, functions=dict(plan.functions))
            if latest != known:
                study.set_user_attr(STUDY, latest.to_attr())
        else:
            for pinned in plan.pins:
                study.enqueue_trial(dict(pinned), skip_if_exists=True)
            study.set_user_attr(STUDY, self._facts().to_attr())
            write_text_whole(self._folder.experiment, to_yaml(plan.resolved()))
        points = chosen.points if chosen.name == "grid" else None
        return study, Proposer(
            study if needs_all else LongStudy(study), space, seed=search.seed, grid_points=points, grid_seed=search.seed
        )

    def _deliver(self, study: optuna.Study, coordinator: Coordinator, recorder: Recorder, ending: str) -> None:
        recorder.draw(coordinator.snapshot(), final=True)
        make_models(self._plan, self._folder, study, self._executor, recorder, coordinator.shelf)
        best = self._best(study)
        if best is None or ending == "interrupted":
            return
        self._observer.finishing("scoring the best model, drawing what it does")
        parts = self._plan, self._folder, study
        if str(best.number) not in study.user_attrs.get(SCORES, {}):
            deliver(*parts, best, self._executor, recorder, self._observer, coordinator.shelf)
        draw_pictures(*parts, coordinator.shelf.kept, self._executor, recorder, self._observer, self._stop)

    def _end(self, study: optuna.Study, ending: str, parent: str | None, profile: Profile | None) -> StudyEnded:
        from search.study.records import to_rows

        best = self._best(study)
        ended = StudyEnded(
            ending=ending,
            objective=self._plan.objective,
            direction=self._plan.direction,
            best=best,
            scores=scores_of(study, best),
            left=max(0, self._plan.experiment.search.trials - _finished(study)),
            seconds=time.monotonic() - self._began,
            rows=tuple(to_rows(study.get_trials(deepcopy=False))),
            parent_run=parent,
            profile=profile,
        )
        self._observer.ended(ended)
        return ended

    def _best(self, study: optuna.Study) -> TrialRow | None:
        from search.study.records import to_rows

        ranking = ranked(to_rows(study.get_trials(deepcopy=False)), self._plan.direction)
        return ranking[0] if ranking else None

    def _opened(self, done: int) -> StudyOpened:
        plan = self._plan
        return StudyOpened(
            study=plan.experiment.study,
            total=plan.experiment.search.trials,
            finished=done,
            workers=self._executor.capacity,
            objective=plan.objective,
            direction=plan.direction,
            sampler=self._sampler_text,
            pruner=self._pruner_text,
            epochs=plan.experiment.training.epochs,
            timeout_seconds=plan.experiment.search.timeout,
            rounds=plan.rounds,
            unit=plan.step_unit,
        )

    def _facts(self) -> StudyFacts:
        plan = self._plan
        return StudyFacts(
            experiment=plan.resolved(),
            objective=plan.objective,
            direction=plan.direction,
            space=plan.space.fingerprint,
            data=plan.dataset.fingerprint,
            training=plan.training_fingerprint,
            task=plan.dataset.spec.task,
            versions=dict(library_versions()),
            code=self._code,
            functions=dict(plan.functions),
            data_summary=f"{plan.dataset.rows} rows, {plan.dataset.columns} columns; {plan.dataset.task_reason}",
        )

    def _tags(self) -> Mapping[str, str]:
        versions = {f"version.{name}": version for name, version in library_versions().items()}
        return {"kerasweep.code": self._code, **versions}


def make_tracker(experiment: Experiment, home: Home) -> Tracker:
    """MLflow, at the experiment's URI or in the home folder."""
    uri = tracking_uri(experiment.tracking.uri, home)
    return TrackerApart(
        uri, local_artifacts(home.path) if uri == local_uri(home.path) else None, ahead=MODULES_OF_RECORDS
    )


def tracking_uri(given: str | None, home: Home) -> str:
    """The experiment's tracking URI, else the environment's, else the home folder's."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or local_uri(home.path)


def _pruner_of(plan: Plan) -> tuple[Any, str]:
    """The study's pruner, whose steps are epochs, or rounds where a trial has several; and what it does."""
    steps = plan.rounds if plan.rounds > 1 else plan.experiment.training.epochs
    return make_pruner(plan.experiment.search.pruner, epochs=steps, direction=plan.direction, unit=plan.step_unit)


def _finished(study: optuna.Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
