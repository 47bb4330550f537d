"""Does ``hp`` mean what it means in KerasTuner? (Values from its documentation, compared with 1.4.8 once by hand.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from search.custom.hp import HyperParameters
from search.custom.optuna_trial import ModelTrial
from search.errors import ModelError
from spaces.domains import Choice, Domain, FloatRange, IntRange

Call = tuple[str, tuple[Any, ...], dict[str, Any]]

# Call, value without a tuner, all values that it may have.
CALLS: list[tuple[str, Call, Any, list[Any] | None]] = [
    ("whole numbers", ("Int", (6, 12), {}), 6, [6, 7, 8, 9, 10, 11, 12]),
    ("a step that ends short of the maximum", ("Int", (6, 13), {"step": 3}), 6, [6, 9, 12]),
    ("a factor", ("Int", (2, 32), {"step": 2, "sampling": "log"}), 2, [2, 4, 8, 16, 32]),
    ("a factor from above", ("Int", (2, 32), {"step": 2, "sampling": "reverse_log"}), 2, [2, 18, 26, 30, 32]),
    ("a factor that ends short", ("Int", (3, 100), {"step": 3, "sampling": "LOG"}), 3, [3, 9, 27, 81]),
    ("one whole number", ("Int", (5, 5), {}), 5, [5]),
    ("a default", ("Int", (1, 3), {"default": 2}), 2, [1, 2, 3]),
    ("fractions", ("Float", (0, 1), {"step": 0.2}), 0.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ("powers of ten", ("Float", (0.001, 10), {"step": 10, "sampling": "log"}), 0.001, [0.001, 0.01, 0.1, 1.0, 10.0]),
    ("any number", ("Float", (1e-4, 1e-2), {"sampling": "log"}), 1e-4, None),
    ("numbers", ("Choice", ([8, 16, 32],), {}), 8, [8, 16, 32]),
    ("words", ("Choice", (["relu", "tanh"],), {"default": "tanh"}), "tanh", ["relu", "tanh"]),
    ("a switch", ("Boolean", (), {}), False, [False, True]),
    ("a switch that is on", ("Boolean", (), {"default": True}), True, [False, True]),
    ("fixed", ("Fixed", (3,), {}), 3, [3]),
]  # fmt: skip

BAD: list[tuple[str, Call, str]] = [
    ("min above max", ("Int", (5, 1), {}), "hp.Int('a'): min_value must be at most max_value, got 5 and 1"),
    ("half a unit", ("Int", (1.5, 5), {}), "hp.Int('a'): min_value must be a whole number, got 1.5"),
    ("unknown sampling", ("Int", (1, 5), {"sampling": "cubic"}), "one of linear, log, reverse_log, got 'cubic'"),
    ("log from zero", ("Float", (0, 5), {"sampling": "log"}), "min_value must be above 0 with sampling='log'"),
    ("a factor of one", ("Int", (1, 5), {"sampling": "log", "step": 1}), "step must be above 1 with sampling='log'"),
    ("a step of zero", ("Float", (1, 5), {"step": 0}), "step must be above 0, got 0"),
    ("words for numbers", ("Float", ("low", 5), {}), "min_value must be a number, got 'low'"),
    ("nothing to choose", ("Choice", ([],), {}), "needs at least one value"),
    ("mixed types", ("Choice", ([1, "x"],), {}), "values must all be of one type, got [1, 'x']"),
    ("a choice of None", ("Choice", ([None, 1],), {}), "must be numbers, words or true and false, got None"),
    ("a default that is no choice", ("Choice", ([1, 2],), {"default": 3}), "default must be one of [1, 2], got 3"),
    ("a list that is fixed", ("Fixed", ([1],), {}), "must be numbers, words or true and false, got [1]"),
]  # fmt: skip


def call(hp: HyperParameters, asked: Call) -> Any:
    kind, arguments, settings = asked
    return getattr(hp, kind)("a", *arguments, **settings)


def values_of(domain: Domain) -> list[Any] | None:
    return None if domain.size() is None else sorted(domain.grid(None))


@pytest.mark.parametrize("case", [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_a_call_allows_what_it_allows_in_keras_tuner(case: tuple[Call, Any, list[Any] | None]) -> None:
    asked, default, values = case
    hp = HyperParameters()
    assert call(hp, asked) == default
    assert values_of(hp.space[0].domain) == values


@pytest.mark.parametrize("case", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_call_that_cannot_be_is_told_in_one_line(case: tuple[Call, str]) -> None:
    asked, words = case
    with pytest.raises(ModelError) as caught:
        call(HyperParameters(), asked)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def asking(**values: Any) -> tuple[HyperParameters, list[tuple[str, Domain]]]:
    """An hp whose values are given, and what it was asked for."""
    asked: list[tuple[str, Domain]] = []

    def suggest(name: str, domain: Domain) -> Any:
        asked.append((name, domain))
        return values[name]

    return HyperParameters(suggest), asked


def test_each_name_is_asked_for_once_and_then_known() -> None:
    hp, asked = asking(units=8)
    assert [hp.Int("units", 4, 16), hp.Int("units", 4, 16), hp.get("units"), hp["units"]] == [8, 8, 8, 8]
    assert asked == [("units", IntRange(4, 16))]
    assert hp.values == {"units": 8}
    assert ("units" in hp, "layers" in hp) == (True, False)


def test_the_same_name_with_another_range_is_a_mistake() -> None:
    hp, _ = asking(units=8)
    hp.Int("units", 4, 16)
    with pytest.raises(ModelError, match=r"hp 'units': was asked for as .*4, 16.*, and now as .*4, 32.*another name"):
        hp.Int("units", 4, 32)


def test_name_scopes_join_with_slashes() -> None:
    hp, asked = asking(**{"block/units": 3, "block/inner/rate": 0.5, "units": 7})
    with hp.name_scope("block"):
        assert hp.Int("units", 1, 9) == 3
        with hp.name_scope("inner"):
            assert hp.Float("rate", 0, 1) == 0.5
        assert hp.get("units") == 3
    assert hp.Int("units", 1, 9) == 7
    assert [name for name, _ in asked] == ["block/units", "block/inner/rate", "units"]


def test_what_depends_on_a_condition_that_does_not_hold_is_none_and_not_asked_for() -> None:
    hp, asked = asking(kind="cnn", filters=16, kernel=3)
    assert hp.Choice("kind", ["mlp", "cnn"]) == "cnn"
    with hp.conditional_scope("kind", ["mlp"]):
        assert hp.Int("units", 4, 8) is None
    with hp.conditional_scope("kind", ["cnn"]):
        assert hp.Int("filters", 4, 32) == 16
    assert hp.Int("kernel", 1, 5, parent_name="kind", parent_values=["cnn"]) == 3
    assert hp.Boolean("bias", parent_name="kind", parent_values="mlp") is None
    assert [name for name, _ in asked] == ["kind", "filters", "kernel"]
    assert (hp.is_active("units"), hp.is_active("filters")) == (False, True)
    with pytest.raises(ValueError, match="units is currently inactive"):
        hp.get("units")
    with pytest.raises(KeyError, match="rate does not exist"):
        hp.get("rate")


def test_one_name_may_have_a_range_for_each_condition() -> None:
    hp, asked = asking(kind="b", units=30)
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["a"]):
        assert hp.Int("units", 1, 10) is None
    with hp.conditional_scope("kind", ["b"]):
        assert hp.Int("units", 20, 50) == 30
    assert asked[-1] == ("units", IntRange(20, 50))


def test_conditions_nest() -> None:
    hp, _ = asking(a=True, b=False)
    hp.Boolean("a")
    with hp.conditional_scope("a", [True]):
        hp.Boolean("b")
        with hp.conditional_scope("b", [True]):
            assert hp.Int("c", 1, 2) is None
    assert list(hp.values) == ["a", "b"]


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda hp: hp.conditional_scope("nothing", [1]).__enter__(), "nothing of that name was asked for before"),
        (lambda hp: hp.Int("a", 1, 2, parent_name="a", parent_values=[1]), "nothing of that name"),
        (lambda hp: hp.merge(hp), "hp.merge: is not supported"),
        (lambda hp: hp.get_config(), "hp.get_config: is not supported"),
        (lambda hp: hp.Int("", 1, 2), "hp.Int: needs a name"),
    ],
    ids=["unknown parent", "its own parent", "merge", "get_config", "no name"],
)
def test_what_is_not_there_is_named(use: Callable[[HyperParameters], Any], words: str) -> None:
    with pytest.raises(ModelError) as caught:
        use(HyperParameters())
    assert words in str(caught.value)


def test_a_copy_knows_the_values_and_gives_defaults() -> None:
    hp, asked = asking(units=8)
    hp.Int("units", 4, 16)
    twin = hp.copy()
    assert (twin.Int("units", 4, 16), twin.Int("layers", 1, 3, default=2)) == (8, 2)
    assert len(asked) == 1
    assert "layers" not in hp


def test_a_trial_asks_as_optunas_does() -> None:
    asked: dict[str, Domain] = {}
    trial = ModelTrial(lambda name, domain: asked.setdefault(name, domain).grid(3)[0], number=5)
    trial.suggest_int("units", 4, 64, log=True)
    trial.suggest_int("layers", 1, 4, step=2)
    trial.suggest_float("rate", 1e-4, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.5, step=0.1)
    trial.suggest_categorical("act", ["relu", "tanh"])
    trial.suggest_uniform("u", 0, 1)
    trial.suggest_loguniform("l", 1, 10)
    trial.suggest_discrete_uniform("d", 0, 1, 0.5)
    assert asked == {
        "units": IntRange(4, 64, log=True),
        "layers": IntRange(1, 3, 2),
        "rate": FloatRange(1e-4, 1e-2, log=True),
        "dropout": FloatRange(0.0, 0.5, 0.1),
        "act": Choice(("relu", "tanh")),
        "u": FloatRange(0.0, 1.0),
        "l": FloatRange(1.0, 10.0, log=True),
        "d": FloatRange(0.0, 1.0, 0.5),
    }
    trial.set_user_attr("note", 1)
    assert (trial.number, trial.params["act"], trial.should_prune()) == (5, "relu", False)
    with pytest.raises(ModelError, match="trial 'units': was asked for as"):
        trial.suggest_int("units", 4, 32)
    with pytest.raises(ModelError, match="step or log=True, not both"):
        trial.suggest_float("x", 1, 2, step=0.1, log=True)
    with pytest.raises(ModelError, match=r"trial\.study"):
        _ = trial.study
