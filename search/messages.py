"""What do the coordinator and its workers say to each other?

The same frozen messages go over every executor. Arrays never do: a worker maps them from the folder that its
setup names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spaces.catalog import Scalar
from spaces.data_spec import DataSpec
from spaces.domains import Domain
from spaces.metrics import Direction
from spaces.model_config import ModelConfig

Judged = Literal["epochs", "rounds", "nothing"]
Outcome = Literal["completed", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class WorkerSetup:
    """What all jobs of a study share.

    Attributes:
        arrays: folder of ``x_train.npy``, ``y_train.npy`` and the other parts.
        target_std: standard deviation by which a regression target was divided; None otherwise. ``target_mean`` is
            what was taken from it before.
        threads: threads of one worker.
        rounds: how often each trial's config is trained: folds times repeats.
        resampled: whether each round has arrays of its own, in ``round_1``, ``round_2``, ... (cross-validation);
            else all rounds train on the same arrays with different seeds.
        class_weight: what a sample counts by its class: ``balanced`` (in inverse proportion to the class's share of
            the training part), or a weight per class index; None is 1 for all.
        threshold: the metric by which a binary decision threshold is chosen on the validation part; None is 0.5.
        code: the user's own model, ``/path/my_model.py:build``, whose classes saved models refer to; empty for none.
        in_memory_bytes: training data larger than this goes through Keras's own ``fit``; None is a quarter of
            the memory that is free when the worker starts.
    """

    arrays: Path
    spec: DataSpec
    metrics: tuple[str, ...]
    objective: str
    direction: Direction
    target_std: float | None
    threads: int
    rounds: int = 1
    resampled: bool = False
    class_weight: Literal["balanced"] | tuple[float, ...] | None = None
    threshold: str | None = None
    target_mean: float = 0.0
    code: str = ""
    in_memory_bytes: int | None = None


@dataclass(frozen=True)
class TrialJob:
    """One trial to train.

    Attributes:
        number: the trial's number in the study.
        epochs: the most that it may take.
        early_stopping: epochs without a better objective after which it ends; 0 never.
        save_to: where to save the best epoch's model; None saves none.
        weights_to: where to save the weights alone instead, as an ``.npz`` file, of a trial so quick that to make the
            model's file would take a good part of its time; a ModelJob makes it later. None always saves the model.
        save_if_better_than: save only a model whose value beats this; None saves always.
        attempt: 1, or 2 after a worker was lost.
        full: train on the training and validation parts together, with nothing left to validate on.
        outputs_to: where to save what the model of each round said of the rows that judged it, as an ``.npz`` file with
            ``round_1``, ``round_2``, ...: float32 (samples, outputs), at the round's best epoch; None saves none.
        rows: how many of the samples an epoch trains on, to see how long it takes; None is all.
        judged: which reports may bring a verdict. Training goes on once these are answered; the answer to others may
            come while it goes on.
    """

    number: int
    config: ModelConfig
    seed: int
    epochs: int
    early_stopping: int
    save_to: Path | None = None
    weights_to: Path | None = None
    save_if_better_than: float | None = None
    attempt: int = 1
    full: bool = False
    outputs_to: Path | None = None
    rows: int | None = None
    judged: Judged = "epochs"


@dataclass(frozen=True)
class ModelJob:
    """Make the file of a model of which a trial saved the weights alone.

    Attributes:
        config, seed: the trial's.
        weights: what it saved; save_to: the ``.keras`` file.
    """

    number: int
    config: ModelConfig
    seed: int
    weights: Path
    save_to: Path


@dataclass(frozen=True)
class ScoreJob:
    """Score a saved model on the part of the data that the search never sees, and let it predict the sample rows.

    Attributes:
        config: of the model, which names its loss; None is the task's default one.
        threshold: the decision threshold kept with a binary model; None is 0.5.
    """

    number: int
    model: Path
    config: ModelConfig | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class PictureLabels:
    """In which words and units pictures speak.

    Attributes:
        target: its name.
        classes: as text, in the order of their indices; empty for a regression.
        axes: for two numeric inputs, of each its name and the prepared values of raw 0 and raw 1; else empty.
    """

    target: str = "target"
    classes: tuple[str, ...] = ()
    axes: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class PictureJob:
    """Draw what a saved model does with rows that it was not trained on.

    Attributes:
        model: the ``.keras`` file; None where there are only outputs.
        outputs: what a TrialJob of several rounds left at its ``outputs_to``; these are then looked at, since the model
            was trained on all rows.
        folder: where to write; it is made.
        title: what the pictures are of, e.g. ``pima, trial 12``.
        threshold: the decision threshold kept with a binary model; None is 0.5.
    """

    number: int
    model: Path | None
    folder: Path
    title: str = ""
    outputs: Path | None = None
    threshold: float | None = None
    labels: PictureLabels = PictureLabels()


@dataclass(frozen=True)
class Suggest:
    """A user's own model asks for a hyperparameter while it is built; the trial waits for its Suggested."""

    number: int
    name: str
    domain: Domain


@dataclass(frozen=True)
class Suggested:
    """The answer to a Suggest."""

    value: Scalar


@dataclass(frozen=True)
class EpochReport:
    """One completed epoch (1-based, in its round); metrics in the target's original units; memory is the worker's."""

    number: int
    epoch: int
    metrics: Mapping[str, float]
    seconds: float
    memory_bytes: int = 0
    round: int = 1


@dataclass(frozen=True)
class RoundReport:
    """One completed round (1-based) of a trial that has several: the objective at its best epoch.

    Like an EpochReport it is answered by a Decision; a trial with one round sends none.
    """

    number: int
    round: int
    value: float
    best_epoch: int
    epochs: int


@dataclass(frozen=True)
class Decision:
    """The answer to a report."""

    stop: bool = False


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Attributes:
        outcome: ``stopped`` is on the coordinator's word; ``diverged`` on a loss that is not finite.
        value, best_epoch: the objective at its best epoch; None if no epoch had one. Over several rounds their mean,
            and the median of their best epochs.
        values: the objective of each completed round, where there are several; empty otherwise.
        threshold: the decision threshold of the saved model, where one was chosen.
        reason: why it did not complete; empty if it did.
        seconds: wall time from receiving the job.
        model: the saved model, or its weights alone, if it was saved.
        spent: how much of the time went into ``build``, ``trace``, ``train``, ``validate`` and ``save``, in seconds; a
            graph that is traced where it first runs counts as training.
    """

    number: int
    outcome: Outcome
    value: float | None
    best_epoch: int | None
    epochs: int
    seconds: float
    parameters: int
    reason: str = ""
    model: Path | None = None
    memory_bytes: int = 0
    values: tuple[float, ...] = ()
    threshold: float | None = None
    spent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelResult:
    """The file that a ModelJob made; None if the disk is full."""

    number: int
    model: Path | None


@dataclass(frozen=True)
class ScoreResult:
    """Metrics on the test part (empty if there is none), and the outputs for the sample rows."""

    number: int
    metrics: Mapping[str, float]
    outputs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Mistake:
    """A row that a model gets wrong.

    Attributes:
        row: its position in the part of the data.
        true, predicted: classes as text, or numbers in the target's units.
        probability: what the model gave its prediction; None for a regression.
    """

    row: int
    true: str | float
    predicted: str | float
    probability: float | None = None


@dataclass(frozen=True)
class PictureResult:
    """What a PictureJob left in its folder.

    Attributes:
        files: names of the files, in the order in which to look at them.
        part: the rows that were looked at: ``validation``, ``test``, or ``rounds`` for those that judged each round.
        mistakes: the worst ones, worst first.
        left_out: picture to the reason why it is not there.
    """

    number: int
    files: tuple[str, ...] = ()
    part: str = "validation"
    mistakes: tuple[Mistake, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class JobLost:
    """The worker of a job, or a process that trained with it, died, hung or grew too large."""

    number: int
    reason: str
    may_retry: bool = True


@dataclass(frozen=True)
class WorkerReady:
    """A worker has loaded its libraries and data."""

    versions: Mapping[str, str] = field(default_factory=dict)
    import_seconds: float = 0.0


@dataclass(frozen=True)
class WorkerBug:
    """Something that nobody expected; the study stops and shows it.

    Attributes:
        mistake: where it is an expected mistake after all (a model that does not fit the data), its one line.
    """

    number: int | None
    traceback: str
    mistake: str = ""


Job = TrialJob | ModelJob | ScoreJob | PictureJob
Report = EpochReport | RoundReport | Suggest
Reply = Decision | Suggested
Event = Report | TrialResult | ModelResult | ScoreResult | PictureResult | JobLost | WorkerReady | WorkerBug
