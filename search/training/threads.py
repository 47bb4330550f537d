"""How many processor threads may TensorFlow use in this process?"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def import_tensorflow() -> Any:
    """Import TensorFlow without its start-up chatter, part of which no setting silences."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_to_nowhere():
        import keras
        import tensorflow as tf

        assert keras.backend.backend() == "tensorflow", "set KERAS_BACKEND=tensorflow, or leave it unset"
        tf.config.list_physical_devices()  # says the rest of what it has to say
    tf.get_logger().setLevel("ERROR")
    return tf


@contextmanager
def _stderr_to_nowhere() -> Iterator[None]:
    # The messages come from C++ through the file descriptor, not through sys.stderr.
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def limit_threads(threads: int) -> None:
    """Limit TensorFlow to so many threads; for a small model one is faster than two, and exact to the last digit.

    TensorFlow fixes the number when it first computes; a process that has computed already keeps what it has.
    """
    tf = import_tensorflow()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            warnings.warn(
                f"TensorFlow already runs in this process with its own number of threads, not {threads}; "
                "results may differ in the last digits from those of a worker process",
                stacklevel=2,
            )
    for device in tf.config.list_physical_devices("GPU"):
        try:
            # Several workers share a GPU only if none of them takes all of its memory at once.
            tf.config.experimental.set_memory_growth(device, True)
        except RuntimeError:
            return  # already in use by this process, with whatever was set then
