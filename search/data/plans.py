"""What decides the shape of an input before anything is fitted, and how is it fitted?

A plan holds for every split of the same rows, so that models have one shape in all folds. It is fitted to the rows that
train, at their positions in the raw inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import take_raw
from search.data.prepare import categories_of, fit_array, fit_sequence, fit_table, fit_tokens
from search.portable import ArrayInput, Column, Inputs, OneInput, SequenceInput, SeveralInputs, TableInput, TokenInput
from search.portable.table import as_frame
from search.portable.tokens import TokenUnit, as_texts
from spaces.data_spec import InputSpec

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TablePlan:
    """Columns of a table; ``categories`` of those that are not numeric where they are already known."""

    columns: tuple[Column, ...]
    categories: tuple[NDArray[Any], ...] | None = None

    def fit(self, raw: Any, rows: Rows) -> TableInput:
        frame = as_frame(raw, [column.name for column in self.columns])
        return fit_table(frame, self.columns, rows, categories=self.categories)


@dataclass(frozen=True)
class ArrayPlan:
    """An array of more than two axes: an image, or just numbers."""

    layout: Literal["numbers", "image"]

    def fit(self, raw: Any, rows: Rows) -> ArrayInput:
        return fit_array(np.asarray(raw), self.layout, rows)


@dataclass(frozen=True)
class SequencePlan:
    """Sequences of at most ``steps`` steps; ``masked`` where they differ in length."""

    steps: int
    masked: bool

    def fit(self, raw: Any, rows: Rows) -> SequenceInput:
        return fit_sequence(np.asarray(raw)[rows], steps=self.steps, masked=self.masked)


@dataclass(frozen=True)
class TokenPlan:
    """A column of texts; ``most`` bounds the vocabulary, ``size`` is how much of it a model has room for."""

    column: str
    unit: TokenUnit
    length: int
    most: int
    size: int | None = None

    def fit(self, raw: Any, rows: Rows) -> TokenInput:
        texts = as_texts(take_raw(raw, rows), self.column)
        return fit_tokens(texts, self.column, self.unit, length=self.length, most=self.most, size=self.size)


Plan = TablePlan | ArrayPlan | SequencePlan | TokenPlan


@dataclass(frozen=True)
class SeveralPlans:
    """One plan per input; ``by_name`` as in SeveralInputs."""

    parts: Mapping[str, Plan]
    by_name: bool

    def fit(self, raw: Any, rows: Rows) -> SeveralInputs:
        parts = {name: plan.fit(raw[name] if self.by_name else raw, rows) for name, plan in self.parts.items()}
        return SeveralInputs(parts, self.by_name)


def plan_of(fitted: Inputs) -> Plan | SeveralPlans:
    """The plan by which other training rows give inputs of the same shapes."""
    if isinstance(fitted, SeveralInputs):
        return SeveralPlans({name: _plan_of(part) for name, part in fitted.parts.items()}, fitted.by_name)
    return _plan_of(fitted)


def _plan_of(fitted: OneInput) -> Plan:
    match fitted:
        case TableInput():
            categories = categories_of(fitted)
            return TablePlan(fitted.columns, None if categories is None else tuple(categories))
        case ArrayInput():
            return ArrayPlan(fitted.layout)
        case SequenceInput():
            return SequencePlan(fitted.shape[0], fitted.masked)
        case TokenInput():
            return TokenPlan(fitted.column, fitted.unit, fitted.length, most=fitted.size, size=fitted.size)


def reading_of(plan: Plan | SeveralPlans) -> str:
    """How the values are read, where it is not all that can be done with them: part of the data's fingerprint."""
    match plan:
        case SeveralPlans():
            return " ".join(f"{name}={reading_of(part)}" for name, part in plan.parts.items())
        case SequencePlan():
            return f"sequence {plan.steps}"
        case TokenPlan():
            return f"{plan.unit} {plan.length} of {plan.column}"
    return ""


def input_specs(fitted: Inputs) -> tuple[InputSpec, ...]:
    """What a model has to know about its inputs."""
    if isinstance(fitted, SeveralInputs):
        return tuple(_spec(part, name) for name, part in fitted.parts.items())
    return (_spec(fitted, "input"),)


def _spec(part: OneInput, name: str) -> InputSpec:
    match part:
        case TableInput():
            return InputSpec(part.shape, name=name)
        case ArrayInput():
            return InputSpec(part.shape, part.layout, name)
        case SequenceInput():
            return InputSpec(part.shape, "sequence", name, masked=part.masked)
        case TokenInput():
            # Texts have different lengths; even where all happen to have one, a new one may be shorter.
            return InputSpec(part.shape, "tokens", name, vocabulary=part.size, masked=True)
