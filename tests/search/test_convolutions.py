"""Do convolutions train in the kernels that TensorFlow is fast with? (oneDNN's, three times as fast as its own.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.training.lean import LeanLoop
from search.training.loops import epoch_order
from search.training.threads import limit_threads
from spaces import DataSpec, parse_space, resolve
from spaces.builders import build
from spaces.suggesters import Sampled

SPACE: dict[str, Any] = {
    "conv_layers": 2, "filters": {"choice": [8], "shared": True}, "layers": 0, "activation": "relu",
    "batch_norm": False, "dropout": 0, "optimizer": "adam", "learning_rate": 0.01, "batch_size": 16,
}  # fmt: skip


def test_they_are_handed_to_onednn() -> None:
    import tensorflow as tf

    limit_threads(1)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(48, 12, 12, 1)).astype(np.float32), rng.integers(0, 3, 48).astype(np.int32)
    convolve = tf.function(lambda images, kernel: tf.nn.conv2d(images, kernel, 1, "SAME"))
    if not _of_onednn(operations_run(lambda: convolve(x, np.ones((3, 3, 1, 8), np.float32)))):
        pytest.skip("TensorFlow does not use oneDNN on this processor")
    spec, setup_spec = DataSpec.single((12, 12, 1), 3, "multiclass"), ("accuracy",)
    config = resolve(parse_space(SPACE, family="cnn").suggest(Sampled(0)), family="cnn")
    setup = WorkerSetup(Path("arrays"), spec, setup_spec, "val_loss", "minimize", None, 1)
    loop = LeanLoop(build(config, spec, setup_spec, seed=1), config, Part(x, y), None, setup, epochs=2)
    loop.train(epoch_order(1, 1, len(y)))
    ran = operations_run(lambda: loop.train(epoch_order(1, 2, len(y))))
    assert {"Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput", "MaxPool", "MaxPoolGrad"}.isdisjoint(ran)
    assert any("Conv2DBackpropFilter" in name for name in _of_onednn(ran))


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
