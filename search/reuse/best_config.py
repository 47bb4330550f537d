"""What does the file say that carries a study's winner away?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from search.data.config import DataConfig
from search.data.validation import ValidationConfig
from search.errors import ExperimentError
from search.experiment import describe_problem
from search.yaml_file import read_yaml, to_yaml
from spaces.data_spec import Task
from spaces.errors import SpaceError
from spaces.metrics import Direction
from spaces.model_config import ModelConfig, read_model_config, resolve


class Training(BaseModel):
    """How the model was trained, as the experiment's ``training`` section has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int
    early_stopping: int
    threads: int
    metrics: tuple[str, ...]
    class_weight: Literal["balanced"] | dict[str | int | float | bool, float] | None = None
    threshold: str | None = None


class BestConfig(BaseModel):
    """One trial, complete enough to train it again to the same score.

    Attributes:
        value: the objective at ``epoch``, on the validation part; over several rounds (folds, repeats) their mean, and
            ``epoch`` the median of their best ones.
        spread: standard deviation of the objective over the rounds; None for one round.
        validation: the folds and repeats.
        threshold: the decision threshold that was chosen on validation data, where one was.
        test: metrics on the part that the search never saw; empty if they were never asked for.
        seed: the trial's own; ``split_seed`` decides which rows are in which part.
        params: as the space had them, for the reader; ``model`` is what counts.
        fingerprints: of the data and of the space; of the user's own loss the digest of its file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    trial: int
    objective: str
    direction: Direction
    value: float
    spread: float | None = None
    epoch: int
    threshold: float | None = None
    test: dict[str, float] = {}
    seed: int
    split_seed: int
    task: Task
    params: dict[str, int | float | str | bool]
    model: ModelConfig
    training: Training
    validation: ValidationConfig = ValidationConfig()
    data: DataConfig
    fingerprints: dict[str, str]
    versions: dict[str, str] = {}
    code: str = ""

    def to_text(self) -> str:
        """The file's content."""
        head = f"# The best of study '{self.study}': kerasweep train FILE, kerasweep predict {self.study} rows.csv\n"
        content = self.model_dump(mode="json", exclude_none=True)
        content["data"].setdefault("test", 0)  # None is no test part; left out it would be the default share
        if self.validation.folds is not None:
            del content["data"]["validation"]
        if self.validation == ValidationConfig():
            del content["validation"]
        return head + to_yaml(content)


def read_best(path: Path) -> BestConfig:
    """Read a file that ``kerasweep best`` wrote, perhaps edited since.

    Raises:
        ExperimentError: naming file, key path, rule and value.
    """
    content = read_yaml(path)
    try:
        if "model" in content:
            read_model_config(content["model"], "model")
        best = BestConfig.model_validate(content)
    except ValidationError as error:
        raise ExperimentError(f"{path}: {describe_problem(error, BestConfig)}") from None
    except SpaceError as error:
        raise ExperimentError(f"{path}: {error}") from None
    written = best.fingerprints.get("config")
    if best.model.fingerprint == written != _told_by(best):
        raise ExperimentError(f"{path}: params: was changed, but what is trained stands under model; change that")
    return best


def _told_by(best: BestConfig) -> str:
    """The fingerprint of the config that ``params`` describes, empty if they describe none."""
    custom = best.model.custom
    if custom is not None:
        values = {name: best.params.get(name, value) for name, value in custom.values.items()}
        return best.model.model_copy(update={"custom": custom.model_copy(update={"values": values})}).fingerprint
    try:
        return resolve(best.params, family=best.model.family).fingerprint
    except (KeyError, ValidationError):
        return ""


def make_best(
    *,
    name: str,
    experiment: Mapping[str, Any],
    facts: Mapping[str, Any],
    row: Any,
    config: ModelConfig,
    seed: int,
    scores: Mapping[str, float],
    threshold: float | None = None,
) -> BestConfig:
    """Gather one finished trial (a search.pictures.rows.TrialRow) and its study into a file's content."""
    training = experiment["training"]
    loss = "" if config.loss is None else facts["functions"].get(config.loss.name, "")
    own_loss = {"loss": loss} if loss else {}
    return BestConfig(
        study=name,
        trial=row.number,
        objective=facts["objective"],
        direction=facts["direction"],
        value=row.value,
        spread=row.spread,
        epoch=row.best_epoch,
        threshold=threshold,
        test=dict(scores),
        seed=seed,
        split_seed=experiment["search"]["seed"],
        task=facts["task"],
        params=dict(row.params),
        model=config,
        training=Training(**{key: training[key] for key in Training.model_fields if key in training}),
        validation=ValidationConfig.model_validate(experiment.get("validation", {})),
        data=DataConfig.model_validate(experiment["data"]),
        fingerprints={"data": facts["data"], "space": facts["space"], "config": config.fingerprint, **own_loss},
        versions=dict(facts["versions"]),
        code=facts["code"],
    )
