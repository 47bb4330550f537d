"""What may an experiment file say, and what does it mean?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from search.custom.pins import check_pins
from search.custom.source import names_a_file, split_source
from search.data.config import DataConfig
from search.data.validation import ValidationConfig
from search.errors import ExperimentError, ModelError
from search.fixed_loss import with_loss
from search.home import check_study_name
from search.study.imbalance import check_class_weight, check_comparable
from search.study.strategy_config import PrunerConfig, SamplerConfig
from search.units import parse_bytes, parse_duration
from search.yaml_file import read_yaml
from spaces import Params, Space, parse_space, pin, problems
from spaces.errors import SpaceError, nearest
from spaces.metrics import METRICS, Direction, check_metric, direction_of
from spaces.thresholds import check_threshold

Seconds = Annotated[float, BeforeValidator(parse_duration)]
Bytes = Annotated[int, BeforeValidator(parse_bytes)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Objective(_Section):
    """What a study optimises. A metric's name alone will do: ``objective: val_auc``.

    Attributes:
        metric: as each epoch reports it; ``auto`` is validation accuracy, or for a regression validation RMSE.
        direction: None where the metric is known, see below.
    """

    metric: str = "auto"
    direction: Direction | None = None

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        if not metric:
            raise ValueError("must name a metric such as val_accuracy, got ''")
        return metric


class TrainingConfig(_Section):
    """How each trial is trained.

    Attributes:
        epochs: the most that a trial may take.
        batch_size: samples a step; None where the space searches it (else 32).
        early_stopping: epochs without a better objective after which a trial ends; 0 never. The weights of the
            best epoch are kept either way.
        metrics: what is computed once an epoch on the whole validation part, by name (docs/spaces.md); None takes the
            task's default ones.
        loss: what training makes small, where the space does not search it: a name, with settings such as
            ``{name: huber, huber_delta: 0.5}``, or your own ``file.py:function`` of (y_true, y_pred), relative to the
            experiment file. A regression's loss sees the target divided by its standard deviation.
        class_weight: what a training sample counts by its class: ``balanced``, or weights by label such as
            ``{0: 1, 1: 5}`` (1 for those left out); None is 1 for all. Validation counts all alike.
        threshold: the metric (accuracy, balanced_accuracy, f1, mcc) for which the probability is chosen, on the
            validation part, above which a sample is of the second class; it is kept with the model. None is 0.5.
        threads: threads of a worker (TensorFlow, PyTorch), or processes that train a large dense network together
            (Linux), kept with the study: with as many, a seed gives equal numbers. None shares the processor out among
            the workers for convolutions, your own model and large dense networks of the usual parts; it is one for
            other models and the executor ``inline``.
    """

    epochs: int = Field(100, ge=1, le=1_000_000, strict=True)
    batch_size: int | None = Field(None, ge=1, strict=True)
    early_stopping: int = Field(20, ge=0, strict=True)
    metrics: tuple[str, ...] | None = None
    loss: str | dict[str, Any] | None = None
    class_weight: Literal["balanced"] | dict[str | int | float | bool, Any] | None = None
    threshold: str | None = None
    threads: int | None = Field(None, ge=1, le=1024, strict=True)

    @field_validator("early_stopping", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return 0 if value is False or value is None else value


class SearchConfig(_Section):
    """How much is searched, and how.

    Attributes:
        trials: the study's total, over all runs of the command.
        timeout: seconds after which no further trial is started and the running ones are stopped.
        sampler: how the next config is drawn.
        pruner: when a poor trial is stopped.
        workers: processes that train side by side; None is one a processor core (at most 8, and as memory allows).
        executor: ``local`` (worker processes) or ``inline`` (this process, for notebooks and debugging).
        seed: everything random derives from it.
        storage: an Optuna storage URL; None is a journal file in the study's folder.
        trial_timeout: seconds after which a trial fails as over time.
        worker_memory: bytes beyond which a worker is replaced; None is its share of the machine's memory.
        trials_per_worker: trials after which a worker is replaced, should models of your own leave memory behind.
    """

    trials: int = Field(50, ge=1, le=1_000_000, strict=True)
    timeout: Seconds | None = None
    sampler: SamplerConfig = SamplerConfig(name="auto")
    pruner: PrunerConfig = PrunerConfig(name="auto")
    workers: int | None = Field(None, ge=1, le=1024, strict=True)
    executor: Literal["local", "inline"] = "local"
    seed: int = Field(0, ge=0, lt=2**31, strict=True)
    storage: str | None = None
    trial_timeout: Seconds | None = None
    worker_memory: Bytes | None = None
    trials_per_worker: int = Field(1000, ge=1, strict=True)

    @field_validator("workers", mode="before")
    @classmethod
    def _auto(cls, value: object) -> object:
        return None if value == "auto" else value


class TrackingConfig(_Section):
    """Where the record goes, and how much of it is kept.

    Attributes:
        uri: an MLflow tracking URI; None is what ``MLFLOW_TRACKING_URI`` says, else ``mlflow.db`` in the home folder.
        keep_models: of how many of the best trials the model files are kept.
        model_disk: bytes that these files may take together; the worst are dropped first.
        tensorboard: also write TensorBoard's event files, into ``tensorboard`` in the study's folder.
    """

    uri: str | None = None
    keep_models: int = Field(3, ge=1, le=1000, strict=True)
    model_disk: Bytes = 500_000_000
    tensorboard: bool = Field(False, strict=True)


class Experiment(_Section):
    """One study, as its file states it.

    Attributes:
        study: its name, and that of its folder and of its MLflow experiment: letters, digits, ``.``, ``_``, ``-``.
        data: where rows come from and how they are split.
        objective: what makes a model better.
        model: the family of models, such as ``mlp``, a stack of dense layers; or your own, ``my_model.py:build``
            (docs/custom-models.md), relative to the experiment file.
        space: what may vary from trial to trial.
        start_with: known-good configs that run first and are never pruned; the sampler completes what one leaves open.
        training: how each trial is trained.
        validation: whether trials are judged in folds (cross-validation), and how many times over.
        search: how much is searched, and how.
        tracking: where the record goes, and how much of it is kept.
    """

    study: str
    data: DataConfig
    objective: Objective = Objective()
    model: str = "mlp"
    space: dict[str, Any] = {}
    start_with: tuple[dict[str, Any], ...] = ()
    training: TrainingConfig = TrainingConfig()
    validation: ValidationConfig = ValidationConfig()
    search: SearchConfig = SearchConfig()
    tracking: TrackingConfig = TrackingConfig()

    @field_validator("study")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        return check_study_name(name)

    @field_validator("objective", mode="before")
    @classmethod
    def _short_objective(cls, value: object) -> object:
        return {"metric": value} if isinstance(value, str) else value

    @field_validator("objective", "space", "training", "validation", "search", "tracking", mode="before")
    @classmethod
    def _empty_section(cls, value: object) -> object:
        # YAML reads a key with nothing, or only comments, behind it as null.
        return {} if value is None else value

    @field_validator("start_with", mode="before")
    @classmethod
    def _empty_list(cls, value: object) -> object:
        return () if value is None else value

    @property
    def family(self) -> str:
        """The family of models: ``custom`` where ``model`` names a file of the user's own.

        Raises:
            ModelError: if it names one in a way that cannot be read.
        """
        if self.model == "custom" or names_a_file(self.model):
            split_source(self.model)
            return "custom"
        return self.model

    def build_space(self) -> Space:
        """The space with its defaults filled in.

        Raises:
            SpaceError: naming the key path.
        """
        training, family = self.training, self.family
        section = with_loss(self.space, training.loss, family)
        return parse_space(section, family=family, batch_size=training.batch_size, epochs=training.epochs)

    def pinned(self, space: Space) -> tuple[list[Params], tuple[str, ...]]:
        """The parameters of ``start_with``, and what there is to say about them."""
        if space.family == "custom":
            return check_pins(self.start_with), ()
        pins = [pin(space, config, f"start_with[{index}]") for index, config in enumerate(self.start_with)]
        return [params for params, _ in pins], tuple(notice for _, notices in pins for notice in notices)


def load_experiment(path: Path, changes: Mapping[str, Any] | None = None) -> Experiment:
    """Read and check an experiment file.

    Args:
        path: the YAML file.
        changes: key path to value, e.g. ``{"search.trials": 20}``, laid over what the file says.

    Raises:
        ExperimentError: naming file, key path, rule, value and remedy.
    """
    return parse_experiment(with_changes(read_yaml(path), changes or {}), str(path))


def parse_experiment(content: Mapping[str, Any], place: str) -> Experiment:
    """Check plain data as an experiment, its space included. ``place`` (a file) opens each error."""
    try:
        experiment = Experiment.model_validate(dict(content))
        space = experiment.build_space()
        experiment.pinned(space)
        _check_objective(experiment.objective)
        _check_training(experiment.training)
        check_comparable(experiment.objective.metric, space)
    except ValidationError as error:
        raise ExperimentError(f"{place}: {describe_problem(error, Experiment)}") from None
    except (SpaceError, ModelError, ExperimentError) as error:
        raise ExperimentError(f"{place}: {error}") from None
    return experiment


def with_changes(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``content`` with values replaced at dotted key paths; None leaves what the file says.

    Where a path leads through something that is no section, that stays as it is: the file's mistake is then reported.
    """
    result = dict(content)
    for path, value in changes.items():
        section, _, rest = path.partition(".")
        if value is None:
            continue
        inner = result.get(section)
        if not rest:
            result[section] = value
        elif inner is None or isinstance(inner, Mapping):
            result[section] = with_changes(inner or {}, {rest: value})
    return result


def describe_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem of a pydantic error as ``key.path: rule, got value; remedy``."""
    return problems.describe_problem(error, model, examples=_EXAMPLES)


def _check_objective(objective: Objective) -> None:
    if objective.metric == "auto" or objective.direction is not None or direction_of(objective.metric) is not None:
        return
    names = [f"val_{name}" for name in (*METRICS, "loss")]
    raise SpaceError(
        f"objective: it is not known whether {objective.metric!r} is better high or low; "
        f"write {{metric: {objective.metric}, direction: maximize}}, or {nearest(objective.metric, names)}"
    )


def _check_training(training: TrainingConfig) -> None:
    for index, name in enumerate(training.metrics or ()):
        check_metric(name, None, f"training.metrics[{index}]")
    check_class_weight(training.class_weight)
    if training.threshold is not None:
        check_threshold(training.threshold, "training.threshold")


_EXAMPLES = {
    "study": "name it, e.g. study: pima",
    "data": "{source: pima.csv, target: diabetes}",
    "data.source": "name a file or data set, e.g. source: pima.csv",
    "data.windows": "{length: 14, horizon: 1}",
    "data.windows.length": "rows of a window, e.g. length: 14",
    "data.inputs": "{numbers: [a, b], words: {text: c}}",
    "objective": "{metric: my_metric, direction: minimize}",
    "space": "{layers: {int: [1, 5]}}",
    "start_with": "[{layers: 2, units: [12, 8]}]",
    "start_with[0]": "{layers: 2, units: [12, 8]}",
    "training": "{epochs: 100}",
    "validation": "{folds: 10}",
    "validation.folds": "e.g. folds: 10",
    "training.metrics": "[accuracy]",
    "training.loss": "{name: huber, huber_delta: 0.5}",
    "training.class_weight": "{0: 1, 1: 5}",
    "search": "{trials: 60}",
    "search.sampler": "{name: tpe}",
    "search.pruner": "{name: halving}",
    "tracking": "{keep_models: 3}",
}
