"""Is a space that does not fit its data refused before a trial is spent on it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spaces import DataSpec, SpaceError, Task, parse_space, pin, resolve
from spaces.data_spec import InputSpec
from spaces.fits import check_fits, located
from spaces.suggesters import Sampled

NUMBERS = InputSpec((8,))
IMAGE = InputSpec((6, 9), "image")
COLOUR = InputSpec((6, 9, 3), "image")
SEQUENCE = InputSpec((5, 2), "sequence", masked=True)
TOKENS = InputSpec((7,), "tokens", vocabulary=20, masked=True)
SEVERAL = (InputSpec((3,), name="numbers"), InputSpec((7,), "tokens", "words", vocabulary=20))


def data(*inputs: InputSpec, task: Task = "multiclass") -> DataSpec:
    return DataSpec(inputs, 3 if task == "multiclass" else 1, task)


@pytest.mark.parametrize(
    ("family", "inputs"),
    [
        *(
            (family, inputs)
            for family in ("linear", "mlp", "custom")
            for inputs in [(NUMBERS,), (IMAGE,), (COLOUR,), (SEQUENCE,), (TOKENS,), SEVERAL]
        ),
        *(("cnn", (one,)) for one in (IMAGE, COLOUR, SEQUENCE, TOKENS)),
        *(("rnn", (one,)) for one in (SEQUENCE, TOKENS)),
    ],
)
def test_a_family_takes_what_it_can_read(family: str, inputs: tuple[InputSpec, ...]) -> None:
    space = parse_space({}, family=family)
    check_fits(space, data(*inputs))
    if family != "custom":
        check_fits(resolve(space.suggest(Sampled(0)), family=family), data(*inputs))


CASES: dict[str, tuple[str, dict[str, Any], DataSpec, str]] = {
    "a CNN over numbers": (
        "cnn",
        {},
        data(NUMBERS),
        "model: cnn takes images or sequences or tokens, and the input is 8 numbers without an order; write model: mlp",
    ),
    "an RNN over images": (
        "rnn",
        {},
        data(IMAGE),
        "model: rnn takes sequences or tokens, and the input is an image of 6 x 9; write model: cnn or mlp",
    ),
    "a CNN over several inputs": (
        "cnn",
        {},
        data(*SEVERAL),
        "model: cnn takes one input, and the data has 2 (numbers, words); write model: mlp, which joins them, or name",
    ),
    "an RNN over several inputs": ("rnn", {}, data(*SEVERAL), "model: rnn takes one input, and the data has 2"),
    "a kernel larger than the image": (
        "cnn",
        {"kernel_size": {"int": [3, 7]}},
        data(COLOUR),
        "space.kernel_size: must be at most 6, the smaller side of an image of 6 x 9 x 3, got 7; lower it",
    ),
    "a default kernel larger than the sequence": (
        "cnn",
        {},
        data(InputSpec((4, 2), "sequence")),
        "space.kernel_size: must be at most 4, the length of a sequence of 4 steps, got 5; lower it",
    ),
    "augmented numbers": ("mlp", {"flip": ["none", "both"]}, data(NUMBERS), "space.flip: varies images, and the input"),
    "augmented sequences": (
        "cnn",
        {"kernel_size": 3, "shift": {"float": [0, 0.1]}},
        data(SEQUENCE),
        "space.shift: varies images, and the input is a sequence of 5 steps; remove it",
    ),
    "a loss of another task": (
        "mlp",
        {"loss": ["mse", "huber"]},
        data(NUMBERS, task="binary"),
        "space.loss: huber is not defined for a binary task; Allowed: mse, mae, binary_crossentropy, focal",
    ),
    "a cross-entropy of numbers": (
        "mlp",
        {"loss": "binary_crossentropy"},
        data(NUMBERS, task="regression"),
        "space.loss: binary_crossentropy is not defined for a regression task",
    ),
    "weights in a regression": (
        "mlp",
        {"class_weight": "balanced"},
        data(NUMBERS, task="regression"),
        "space.class_weight: weighs rare classes, and a regression has no classes; remove it",
    ),
    "one weight for many classes": (
        "mlp",
        {"positive_weight": {"float": [1, 9]}},
        data(NUMBERS),
        "space.positive_weight: is for two classes, and the data has 3; use class_weight: balanced",
    ),
    "an input that is called like a layer": (
        "mlp",
        {},
        data(InputSpec((3,), name="hidden_1"), NUMBERS),
        "data.inputs.hidden_1: a layer of the model is called so; choose another name",
    ),
    "a loss file that is not there": (
        "mlp",
        {"loss": "no_such_file.py:loss"},
        data(NUMBERS),
        "space.loss: ",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_told_in_one_line(case: str) -> None:
    family, section, spec, begins = CASES[case]
    with pytest.raises(SpaceError) as caught:
        check_fits(parse_space(section, family=family), spec)
    assert str(caught.value).startswith(begins)
    assert "\n" not in str(caught.value)


def test_a_config_to_start_with_must_fit_though_it_may_lie_outside_the_space() -> None:
    space = parse_space({"kernel_size": {"int": [3, 5], "shared": False}}, family="cnn")
    params, _ = pin(space, {"filters": [4, 4], "kernel_size": [3, 9]}, "start_with[1]")
    check_fits(space, data(IMAGE), [{}])
    with pytest.raises(SpaceError, match=r"^start_with\[1\]\.kernel_size: must be at most 6, the smaller side of"):
        check_fits(space, data(IMAGE), [{}, params])


def test_a_model_of_other_data_must_fit_these() -> None:
    params = {"conv_layers": 1, "filters": 2, "kernel_size": 9, "layers": 0, "flip": "both"}
    config = resolve(params, family="cnn")
    check_fits(config, data(InputSpec((9, 9), "image")))
    with pytest.raises(SpaceError, match=r"^model\.conv: must be at most 6"):
        check_fits(config, data(IMAGE))
    with pytest.raises(SpaceError, match=r"^model\.augment\.flip: varies images"):
        check_fits(config, data(InputSpec((20, 3), "sequence")))


def test_the_users_loss_lies_beside_the_experiment(tmp_path: Path) -> None:
    space = parse_space({"loss": ["mse", "own.py:dear"]})
    placed, pins = located(space, [{"loss": "own.py:dear", "layers": 1}, {}], tmp_path)
    there = f"{tmp_path.resolve()}/own.py:dear"
    assert placed["loss"].domain.grid(None) == ("mse", there)
    assert pins == [{"loss": there, "layers": 1}, {}]
    assert located(placed, pins, tmp_path / "elsewhere") == (placed, pins)
