"""Which pictures are drawn of the best few trials, by whom, and how do they get into the record?"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from numpy.typing import NDArray

from search.executors.protocol import Executor
from search.home import StudyFolder
from search.messages import JobLost, Mistake, PictureJob, PictureLabels, PictureResult, WorkerBug
from search.study.keep import Kept
from search.study.observer import Observer
from search.study.plan import Plan
from search.study.recorder import Recorder
from search.study.records import trial_end
from search.study.stop import StopRequest

if TYPE_CHECKING:
    from search.data.dataset import Dataset

PICTURES = "kerasweep.pictures"  # on the study: the numbers of the trials whose pictures are in the record
FOLDER = "evaluation"
_POLL_SECONDS = 0.2
_MOST_COLUMNS = 200


def are_due(study: optuna.Study, folder: StudyFolder) -> bool:
    """Whether an earlier run was stopped while it drew the pictures of a kept model."""
    done = study.user_attrs.get(PICTURES)
    if done is None or not folder.models.is_dir():
        return False
    kept = {file.name for file in folder.models.iterdir()}
    return any(
        trial.number not in done and kept & {folder.model(trial.number).name, folder.outputs(trial.number).name}
        for trial in study.get_trials(deepcopy=False)
    )


def draw_pictures(
    plan: Plan,
    folder: StudyFolder,
    study: optuna.Study,
    kept: Sequence[Kept],
    executor: Executor,
    recorder: Recorder,
    observer: Observer,
    stop: StopRequest,
) -> None:
    """Have the pictures of every kept model drawn that has none yet, several at once where there are workers.

    Where trials have several rounds, those of the best few are drawn from what their rounds' models said; only the best
    has a model of its own. A trial that cannot be drawn is told of and left out: the study is over and its results are
    safe. After a request to stop no further one is begun, and the next run of the study draws the rest.
    """
    done: list[int] = list(study.user_attrs.get(PICTURES, []))
    jobs = [job for job in _jobs(plan, folder, study, kept) if job.number not in done]
    if PICTURES not in study.user_attrs:
        study.set_user_attr(PICTURES, done)
    running: dict[int, PictureJob] = {}
    while not stop.reason and (jobs or running):
        while jobs and len(running) < executor.capacity:
            job = jobs.pop(0)
            running[job.number] = job
            executor.submit(job)
        for event in executor.events(_POLL_SECONDS):
            number = getattr(event, "number", None)
            if number not in running or not isinstance(event, PictureResult | JobLost | WorkerBug):
                continue
            job = running.pop(number)
            reason = _why_not(event)
            if reason:
                observer.notice(f"trial {job.number}: no pictures of what it predicts: {reason}")
            if isinstance(event, PictureResult) and event.files:
                mistakes = raw_mistakes(plan, event)
                events = folder.tensorboard / f"trial_{job.number}"
                recorder.put_pictures(
                    job.number, partial(collect, plan.experiment.study, job.folder, event, mistakes, events)
                )
            done.append(job.number)
            study.set_user_attr(PICTURES, sorted(done))


def _jobs(plan: Plan, folder: StudyFolder, study: optuna.Study, kept: Sequence[Kept]) -> list[PictureJob]:
    """A job for each trial that left a model or what its rounds' models said."""
    labels = labels_of(plan.dataset)
    models = {model.number: model.path for model in kept}
    jobs = []
    for trial in study.get_trials(deepcopy=False):
        outputs = folder.outputs(trial.number)
        end = trial_end(trial)
        if end is None or (trial.number not in models and not outputs.exists()):
            continue
        job = PictureJob(
            number=trial.number,
            model=models.get(trial.number),
            folder=folder.arrays / "pictures" / f"trial_{trial.number}",
            title=f"{plan.experiment.study}, trial {trial.number}",
            outputs=outputs if outputs.exists() else None,
            threshold=end.threshold,
            labels=labels,
        )
        jobs.append(job)
    return jobs


def _why_not(event: PictureResult | JobLost | WorkerBug) -> str:
    """Why a trial has no pictures; empty if it has."""
    match event:
        case PictureResult():
            return event.left_out.get("predictions", "")
        case JobLost():
            return event.reason
        case WorkerBug():
            return event.traceback.strip().splitlines()[-1]


def labels_of(dataset: Dataset) -> PictureLabels:
    """The words of the pictures: target, classes, and the two inputs where there are just two numbers."""
    classes = dataset.preprocessor.target.classes
    return PictureLabels(
        target=dataset.target_name,
        classes=() if classes is None else tuple(map(str, classes)),
        axes=_axes(dataset),
    )


def _axes(dataset: Dataset) -> tuple[tuple[str, float, float], ...]:
    """For two numeric inputs: names, and what raw 0 and raw 1 are after preparation."""
    spec = dataset.spec
    if len(spec.inputs) != 1 or spec.input_shape != (2,) or spec.inputs[0].kind != "numbers":
        return ()
    if dataset.columns != 2 or any(column.kind != "numeric" for column in dataset.preprocessor.columns):
        return ()
    zero, one = dataset.preprocessor.transform(np.array([[0.0, 0.0], [1.0, 1.0]]))
    names = dataset.feature_names if len(dataset.feature_names) == 2 else ("input 1", "input 2")
    return tuple((str(name), float(zero[axis]), float(one[axis])) for axis, name in enumerate(names))


@dataclass(frozen=True)
class RawMistakes:
    """The rows that a trial got wrong, by their places in the data set, and their raw inputs (none of images)."""

    mistakes: Sequence[Mistake]
    columns: list[str]
    rows: list[Sequence[Any]]


def raw_mistakes(plan: Plan, result: PictureResult) -> RawMistakes | None:
    """What is to be seen of a trial's mistakes; None if there are none."""
    places = rows_of(plan, result.part)
    if not result.mistakes or places is None:
        return None
    places = places[[one.row for one in result.mistakes]]
    _, first = np.unique(places, return_index=True)  # several rounds may be wrong about one row
    mistakes = [replace(result.mistakes[index], row=int(places[index])) for index in sorted(first)]
    return RawMistakes(mistakes, *raw_rows(plan.dataset, np.array([one.row for one in mistakes])))


def collect(
    study: str, drawn: Path, result: PictureResult, wrong: RawMistakes | None, events: Path, into: Path
) -> None:
    """Put a trial's pictures, its mistakes with their raw inputs, the page and any TensorBoard files into a folder.

    Runs in the record's process.

    Args:
        drawn: the folder with the pictures.
        events: the folder with the trial's TensorBoard files, if it has any.
    """
    from search.pictures.evaluation import part_text
    from search.pictures.evaluation_page import write_page
    from search.pictures.mistakes import draw_mistake_table, write_mistakes

    target = into / FOLDER
    target.mkdir()
    files = [name for name in result.files if (drawn / name).exists()]
    for name in files:
        shutil.copyfile(drawn / name, target / name)
    if wrong is not None:
        write_mistakes(target / "mistakes.csv", wrong.mistakes, wrong.columns, wrong.rows)
        if wrong.columns and "mistakes.png" not in files:
            subtitle = f"{study}, trial {result.number}, {part_text(result.part)}"
            draw_mistake_table(wrong.mistakes, wrong.columns, wrong.rows, target / "mistakes.png", subtitle=subtitle)
            files.append("mistakes.png")
    if events.is_dir():
        shutil.copytree(events, into / "tensorboard" / events.name)
    write_page(target, f"{study}, trial {result.number}", files, result.left_out)


def rows_of(plan: Plan, part: str) -> NDArray[np.int64] | None:
    """Where the rows that were looked at stand in the data set; None where none were."""
    dataset, validation = plan.dataset, plan.experiment.validation
    if part != "rounds":
        return dataset.indices.get(part)  # type: ignore[call-overload]
    if validation.folds is None:
        return np.tile(dataset.indices["validation"], plan.rounds)
    from search.data.folds import fold_rows

    judged = [judge for _, judge in fold_rows(dataset, validation, seed=plan.experiment.search.seed)]
    return np.asarray(dataset.indices["train"][np.concatenate(judged)])


def raw_rows(dataset: Dataset, places: NDArray[np.int64]) -> tuple[list[str], list[Sequence[Any]]]:
    """The raw inputs at some places of the data set: names of columns and a row for each; none for images and such."""
    from search.data.dataset import take_raw

    raw = take_raw(dataset.raw, places)
    tables = list(raw.values()) if isinstance(raw, Mapping) else [raw]
    names: list[str] = []
    columns: list[Any] = []
    for table in tables:
        if hasattr(table, "iloc"):
            found = {str(name): table[name].tolist() for name in table.columns}
        elif table.ndim == 2:
            given = dataset.feature_names if len(dataset.feature_names) == table.shape[1] else ()
            found = {
                (given[index] if given else f"input_{index + 1}"): table[:, index].tolist()
                for index in range(table.shape[1])
            }
        else:
            continue
        names += found
        columns += found.values()
    if not names or len(names) > _MOST_COLUMNS:
        return [], [()] * len(places)
    return names, list(zip(*columns, strict=True))
