"""Do convolutions train in the kernels that TensorFlow is fast with? (oneDNN's, three times as fast as its own.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.training.kept import KeptLoops
from search.training.lean import LeanLoop
from search.training.loops import epoch_order
from search.training.threads import limit_threads
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.builders import build
from spaces.suggesters import Sampled

SPACE: dict[str, Any] = {
    "conv_layers": 2, "filters": {"choice": [8], "shared": True}, "layers": 0, "activation": "relu",
    "batch_norm": False, "dropout": 0, "optimizer": "adam", "learning_rate": 0.01, "batch_size": 20,
}  # fmt: skip
SETUP = WorkerSetup(
    Path("arrays"), DataSpec.single((12, 12, 1), 3, "multiclass"), ("accuracy",), "val_loss", "minimize", None, 1
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def test_they_are_handed_to_onednn() -> None:
    import tensorflow as tf

    x, y = images()
    convolve = tf.function(lambda images, kernel: tf.nn.conv2d(images, kernel, 1, "SAME"))
    if not _of_onednn(operations_run(lambda: convolve(x, np.ones((3, 3, 1, 8), np.float32)))):
        pytest.skip("TensorFlow does not use oneDNN on this processor")
    loop = LeanLoop(model(config(), seed=1), config(), Part(x, y), None, SETUP, epochs=2)
    loop.train(epoch_order(1, 1, len(y)))
    ran = operations_run(lambda: loop.train(epoch_order(1, 2, len(y))))
    assert {"Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput", "MaxPool", "MaxPoolGrad"}.isdisjoint(ran)
    assert any("Conv2DBackpropFilter" in name for name in _of_onednn(ran))


def test_in_an_earlier_trials_graph_they_give_the_numbers_of_one_of_their_own() -> None:
    train, kept = Part(*images()), KeptLoops()
    first, second = config(), config(learning_rate=0.03)
    earlier = LeanLoop(model(first, seed=1), first, train, train, SETUP, epochs=3)
    kept.keep(first, earlier)
    trained(earlier)
    reused = kept.find(second, model(second, seed=2), epochs=3)
    assert reused is earlier
    reused.set_data(train, train)
    own = LeanLoop(model(second, seed=2), second, train, train, SETUP, epochs=3)
    assert trained(reused) == trained(own)
    for left, right in zip(reused.weights(), own.weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def images() -> tuple[Any, Any]:
    """x and y of 48 samples; the last batch of 20 is short."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(48, 12, 12, 1)).astype(np.float32), rng.integers(0, 3, 48).astype(np.int32)


def config(**changes: Any) -> ModelConfig:
    return resolve(parse_space({**SPACE, **changes}, family="cnn").suggest(Sampled(0)), family="cnn")


def model(built: ModelConfig, *, seed: int) -> Any:
    return build(built, SETUP.spec, SETUP.metrics, seed=seed)


def trained(loop: LeanLoop) -> list[dict[str, float]]:
    return [loop.train(epoch_order(1, epoch, 48)) | loop.validate() for epoch in (1, 2, 3)]


def operations_run(run: Callable[[], Any]) -> set[str]:
    """The kinds of operations in the graphs that TensorFlow runs, as it has changed them."""
    from tensorflow.python.eager import context

    context.enable_run_metadata()
    try:
        run()
        graphs = context.export_run_metadata().partition_graphs
    finally:
        context.disable_run_metadata()
    return {node.op for graph in graphs for node in graph.node}


def _of_onednn(operations: set[str]) -> set[str]:
    return {name for name in operations if name.startswith("_Mkl")}
