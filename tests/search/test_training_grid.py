"""Whatever the space holds, an epoch trains as Keras's own `fit` does: configs drawn from the documented ranges."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.training.fitting import FitLoop
from search.training.loops import epoch_order, loop_kind
from search.training.threads import limit_threads
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.catalog import FAMILY_DIMENSIONS, LOSS_SETTINGS, LOSSES, OPTIMIZERS, SCHEDULES
from spaces.suggesters import Sampled

Family = Literal["linear", "mlp", "cnn", "rnn"]
EPOCHS = 3
EXAMPLES = int(os.environ.get("KERASWEEP_TEST_CONFIGS", "2"))  # of each family, of rnn half as many
ROWS = {"train": 45, "validation": 20}  # the last batch is a short one

SHAPES: dict[Family, DataSpec] = {
    "linear": DataSpec.single((6,), 3, "multiclass"),
    "mlp": DataSpec.single((6,), 1, "binary"),
    "cnn": DataSpec.single((8, 8, 1), 3, "multiclass"),
    "rnn": DataSpec.single((5, 2), 1, "regression"),
}

# Gradients are clipped one way or another.
CLIPPED = {"linear": "clipvalue", "mlp": "clipnorm", "cnn": "global_clipnorm", "rnn": "clipnorm"}

# Small models, and rates at which rounding does not grow from step to step.
SMALL: dict[str, Any] = {
    "layers": {"int": [0, 2]},
    "units": {"int": [2, 5]},
    "units_first": 5,
    "units_last": 2,
    "conv_layers": 1,
    "filters": {"int": [2, 3]},
    "recurrent_layers": {"int": [1, 2]},
    "state_size": {"int": [2, 4]},
    "embedding": 4,
    "learning_rate": {"float": [1e-4, 3e-3], "log": True},
    "second_learning_rate": 1e-3,
    "second_from": 2,
    "epsilon": 1e-4,
    "batch_size": [7, 16],
}


def space_of(family: Family) -> Any:
    """Every dimension of the family, over its documented range or a smaller one."""
    wanted = {name: SMALL.get(name, "auto") for name in FAMILY_DIMENSIONS[family]}
    if family == "mlp":
        wanted["layers"] = {"int": [1, 2]}
    losses = [name for name, loss in LOSSES.items() if SHAPES[family].task in loss.tasks]
    unused = {name for name, takers in LOSS_SETTINGS.items() if not set(losses).intersection(takers)}
    unused |= {"clipvalue", "clipnorm", "global_clipnorm"} - {CLIPPED[family]}
    wanted |= {"loss": losses, "optimizer": list(OPTIMIZERS), "schedule": list(SCHEDULES)}
    return parse_space({name: value for name, value in wanted.items() if name not in unused}, family=family)


def parts(spec: DataSpec) -> tuple[Part, Part]:
    draw = np.random.default_rng(0)
    made = []
    for rows in ROWS.values():
        x = draw.normal(size=(rows, *spec.input_shape)).astype(np.float32)
        signal = x.reshape(rows, -1)[:, :3]
        y: Any = {
            "binary": (signal[:, :1] > 0).astype(np.float32),
            "multiclass": signal.argmax(axis=1).astype(np.int32),
            "regression": signal.sum(axis=1, keepdims=True),
        }[spec.task]
        made.append(Part(x, y))
    return made[0], made[1]


def trained(config: ModelConfig, spec: DataSpec, *, through_fit: bool) -> tuple[Any, list[dict[str, float]]]:
    train, validation = parts(spec)
    metrics = ("mae",) if spec.task == "regression" else ("accuracy",)
    setup = WorkerSetup(Path("arrays"), spec, metrics, "val_loss", "minimize", None, 1)
    limit = 0 if through_fit else 2**30
    kind = loop_kind(config, setup, train, validation, epochs=EPOCHS, in_memory_bytes=limit)
    assert (kind is FitLoop) == through_fit
    model = kind.new_model(config, setup, seed=3)
    loop = kind(model, config, train, validation, setup, epochs=EPOCHS)
    reports = []
    for epoch in range(1, EPOCHS + 1):
        report = loop.train(epoch_order(3, epoch, ROWS["train"]))
        with loop.averaged():
            report |= {f"val_{name}": value for name, value in loop.validate().items()}
        reports.append(report)
    loop.set_weights(loop.weights())
    return model, reports


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


@pytest.mark.parametrize("family", SHAPES)
def test_any_config_trains_as_fit_does(family: Family) -> None:
    # Recurrent ones take the longest to trace.
    check_configs(family, examples=(EXAMPLES + 1) // 2 if family == "rnn" else EXAMPLES, tolerance=1e-5)


# Gradients of the second are scaled, and steps left out in which they are too large for it.
@pytest.mark.parametrize(("family", "precision"), [("cnn", "mixed_bfloat16"), ("rnn", "mixed_float16")])
def test_so_it_does_in_sixteen_bits(family: Family, precision: str) -> None:
    # Of recurrent layers Keras's own `predict` rounds otherwise than its `evaluate`, in the third digit.
    check_configs(family, examples=(EXAMPLES + 1) // 2, tolerance=1e-2, precision=precision)


def check_configs(family: Family, *, examples: int, tolerance: float, **changes: Any) -> None:
    """Train configs drawn from the family's space as a trial would and through ``fit``, and compare.

    Args:
        tolerance: of metrics, absolute and relative; weights may differ by 1e-5.
        changes: parameters that are not drawn.
    """
    space = space_of(family)

    @settings(max_examples=examples, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 10_000))
    def check(seed: int) -> None:
        config = resolve({**space.suggest(Sampled(seed)), "precision": "float32", **changes}, family=family)
        (ours, reported), (theirs, expected) = (
            trained(config, SHAPES[family], through_fit=through_fit) for through_fit in (False, True)
        )
        for left, right in zip(reported, expected, strict=True):
            if not np.isfinite(right["loss"]):  # a trial would end here
                assert not np.isfinite(left["loss"])
                return
            assert left == pytest.approx(right, abs=tolerance, rel=tolerance)
        for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(left, right, atol=1e-5)

    check()
