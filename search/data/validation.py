"""How is a config judged: on one part, in folds, and how many times over?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

By = Literal["auto", "stratified", "random", "groups", "time"]


class ValidationConfig(BaseModel):
    """The ``validation`` section of an experiment.

    Attributes:
        folds: parts into which all rows but the test part are cut; each judges a model that was trained on the
            others. None judges by the one part that ``data.validation`` sets aside.
        repeats: how many times over, each with another seed: of the weights and of the order of the samples, and with
            folds also of how the rows are cut (time-ordered folds stay as they are).
        by: how folds are cut. ``stratified`` keeps the share of each class; ``random`` does not look at it; ``groups``
            leaves the rows of one ``data.groups`` together; ``time`` trains on what comes before, in the order of
            ``data.time``, on more of it from fold to fold. ``auto`` is groups or time where ``data`` names them, else
            stratified for classes and random for a regression.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folds: int | None = Field(None, le=1000, strict=True)
    repeats: int = Field(1, le=1000, strict=True)
    by: By = "auto"

    @field_validator("folds")
    @classmethod
    def _folds_are_several(cls, value: int | None) -> int | None:
        if value is not None and value < 2:
            raise ValueError(f"must be at least 2, got {value}; leave it out to judge by one part (data.validation)")
        return value

    @field_validator("repeats")
    @classmethod
    def _repeats_are_some(cls, value: int) -> int:
        if value < 1:
            raise ValueError(f"must be at least 1 (each config is trained once), got {value}")
        return value

    @model_validator(mode="after")
    def _by_is_of_folds(self) -> ValidationConfig:
        if self.folds is None and self.by != "auto":
            raise ValueError(f"by: {self.by} says how folds are cut; give their number too, e.g. folds: 10")
        return self

    @property
    def rounds(self) -> int:
        """Trainings of one config."""
        return self.repeats * (self.folds or 1)

    @property
    def unit(self) -> str:
        """What one training is called."""
        if self.folds is None:
            return "repeat"
        return "fold" if self.repeats == 1 else "round"
