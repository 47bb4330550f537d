"""Which spaces, and which trials of a finite space, do the tests of spaces go through?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from spaces import Params, Space, SpaceError, parse_space
from spaces.catalog import Quantity


def example_of(quantity: Quantity) -> bool | int | float:
    """Some value that a switch or a number may have: 0.5 where that is allowed."""
    if quantity.kind == "bool":
        return True
    if quantity.kind == "int":
        return int(quantity.minimum or 1)
    return -0.5 if quantity.maximum == 0 or quantity.below == 0 else max(0.5, quantity.minimum or 0)


# Small ranges of each kind, so that a space can be listed; the second of each pair has infinitely many values.
_FINITE: dict[str, list[Any]] = {
    "units": [16, [8, 12], {"int": [4, 6]}, {"int": [10, 31], "step": 10}, {"int": [8, 9], "log": True}],
    "activation": ["relu", ["relu", "tanh"], {"choice": ["elu", "selu", "gelu"]}],
    "batch_norm": [True, False, [True, False], [False, True]],
    "dropout": [0, [0, 0.25], {"float": [0, 0.5], "step": 0.2}, {"float": [0.1, 0.3], "step": 0.1}],
    "input_dropout": [0.1, [0.0, 0.1]],
    "learning_rate": [0.01, [0.001, 0.01], {"float": [0.25, 0.25]}],
    "momentum": [[0.0, 0.9], {"float": [0, 0.9], "step": 0.3}],
    "l2": [[0.0, 1e-4], 1e-4],
    "weight_decay": [[0.0, 1e-3]],
    "kernel_initializer": [["glorot_uniform", "he_normal"]],
    "batch_size": [10, [16, 32], {"int": [16, 64], "step": 16}],
}
_INFINITE: dict[str, list[Any]] = {
    "dropout": [{"float": [0, 0.5]}],
    "learning_rate": [{"float": [1e-4, 1e-1], "log": True}],
    "momentum": [{"float": [0, 0.99]}],
    "weight_decay": [{"float": [1e-6, 1e-2], "log": True}],
}
_PER_LAYER = ("units", "activation", "batch_norm", "dropout")
_CAN_BE_CONDITIONAL = ("activation", "batch_norm", "dropout", "input_dropout", "momentum", "l2", "weight_decay")
# Values of what may be asked for; a condition that the drawn space cannot meet is drawn again.
_ASKED: dict[str, list[Any]] = {
    "layers": [1, 2, [1, 2], [2, 3]],
    "optimizer": ["sgd", "adam", ["sgd", "rmsprop"]],
    "activation": ["relu", ["tanh", "selu"]],
    "batch_norm": [True, False],
    "l2": [1e-4],
    "input_dropout": [0.1],
    "weight_decay": [1e-3],
    "batch_size": [10, [16, 32]],
}


@st.composite
def sections(draw: st.DrawFn, *, finite: bool) -> dict[str, Any]:
    """A valid space section with conditions, per-layer and shared dimensions, in any order."""
    low = draw(st.integers(1, 2))
    section: dict[str, Any] = {
        "layers": {"int": [low, low + draw(st.integers(0, 1))]},
        "optimizer": draw(st.sampled_from(["sgd", ["adam", "sgd"], ["adam", "sgd", "rmsprop"]])),
    }
    required = ["units", "activation", "batch_norm", "dropout", "learning_rate", "momentum"]
    optional = draw(st.lists(st.sampled_from([n for n in _FINITE if n not in required]), unique=True, max_size=2))
    for name in draw(st.permutations([*required, *optional])):
        options = _FINITE[name] + ([] if finite else _INFINITE.get(name, []) * 3)
        entry = draw(st.sampled_from(options))
        extras: dict[str, Any] = {}
        if name in _PER_LAYER and draw(st.booleans()):
            extras["shared"] = draw(st.booleans())
        if name in _CAN_BE_CONDITIONAL and draw(st.booleans()):
            parents = draw(st.lists(st.sampled_from([n for n in section if n in _ASKED]), unique=True, max_size=2))
            if parents:
                extras["when"] = {parent: draw(st.sampled_from(_ASKED[parent])) for parent in parents}
        if extras:
            entry = {**(entry if isinstance(entry, dict) else {"choice": entry}), **extras}
        section[name] = entry
    try:
        parse_space(section)
    except SpaceError:
        assume(False)
    return section


def spaces(*, finite: bool) -> st.SearchStrategy[Space]:
    """Spaces of such sections."""
    return sections(finite=finite).map(parse_space)


def every_trial(space: Space) -> Iterator[Params]:
    """All trials of a finite space, by asking for every value of every range in turn."""
    odometer = _Odometer()
    while True:
        yield space.suggest(odometer)
        if not odometer.advance():
            return


class _Odometer:
    """Answers with the first values, then with the next of the last asked, and so on through all combinations."""

    def __init__(self) -> None:
        self._digits: list[int] = []
        self._sizes: list[int] = []

    def advance(self) -> bool:
        """Go on to the next combination; False after the last."""
        while self._sizes and self._digits[len(self._sizes) - 1] + 1 == self._sizes[-1]:
            self._sizes.pop()
        if not self._sizes:
            return False
        self._digits = self._digits[: len(self._sizes)]
        self._digits[-1] += 1
        self._sizes = []
        return True

    def _next(self, values: Sequence[Any]) -> Any:
        position = len(self._sizes)
        self._sizes.append(len(values))
        if position == len(self._digits):
            self._digits.append(0)
        return values[self._digits[position]]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._next(range(low, high + 1, step)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if low == high:
            return low
        assert step is not None, f"{name} has infinitely many values"
        values = [low]
        while values[-1] + step <= high + step / 2:
            values.append(values[-1] + step)
        return float(self._next(values))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._next(choices)
