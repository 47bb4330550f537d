"""How is Keras's backend loaded, and how many processor threads may it use in this process?

TensorFlow and PyTorch take a number of threads. JAX has none to set: its processor backend always uses as many as there
are cores, so with it the last digits of a result depend on the machine, and `search.workers` is better left small.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


def import_backend() -> str:
    """Import Keras and its backend without start-up chatter, part of which no setting silences; returns its name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_to_nowhere(), without_collecting():
        import keras

        backend: str = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            tf.config.list_physical_devices()  # says the rest of what it has to say
    if backend == "tensorflow":
        tf.get_logger().setLevel("ERROR")
    return backend


@contextmanager
def without_collecting() -> Iterator[None]:
    """For imports: what they make stays, and to look through it for garbage takes a sixth of their time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


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
    """Limit the backend to so many threads, which share large operations; small ones stay on one."""
    match import_backend():
        case "tensorflow":
            _limit_tensorflow(threads)
        case "torch":
            import_module("torch").set_num_threads(threads)
        case _:
            return  # JAX, and NumPy's backend, have no such limit


def _limit_tensorflow(threads: int) -> None:
    """TensorFlow fixes the number when it first computes; a process that has computed already keeps what it has."""
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        # Layers follow on each other: there is little that could run side by side, and to look for it takes time.
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            warnings.warn(
                f"TensorFlow already runs in this process with its own number of threads, not {threads}; "
                "results may differ in the last digits from those of a worker process",
                stacklevel=3,
            )
    for device in tf.config.list_physical_devices("GPU"):
        try:
            # Several workers share a GPU only if none of them takes all of its memory at once.
            tf.config.experimental.set_memory_growth(device, True)
        except RuntimeError:
            return  # already in use by this process, with whatever was set then


@contextmanager
def one_after_the_other() -> Iterator[None]:
    """Inside, TensorFlow traces and runs graphs one operation at a time, where it would do so anyway and has no GPU.

    Its usual executor keeps account of which operations are ready for which thread: a quarter of a small model's step.
    TensorFlow shows this one in its internals only; without it graphs run as usual.
    """
    import tensorflow as tf

    threads = tf.config.threading.get_inter_op_parallelism_threads()
    with contextlib.ExitStack() as stack:
        if threads == 1 and not tf.config.list_physical_devices("GPU"):
            with contextlib.suppress(ImportError, AttributeError):
                context = import_module("tensorflow.python.eager.context")
                stack.enter_context(context.function_executor_type("SINGLE_THREADED_EXECUTOR"))
        yield


def forget_prepared() -> None:
    """Let TensorFlow forget the functions that it has made ready to run; those that are called again it makes anew.

    It holds each one that was ever called, also where nobody else does: 0.8 MB for a trial of a small model.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        with contextlib.suppress(ImportError, AttributeError):  # TensorFlow shows this in its internals only
            import_module("tensorflow.python.eager.context").context().clear_kernel_cache()


def out_of_memory_errors() -> tuple[type[BaseException], ...]:
    """What the backend raises where memory runs out."""
    import keras

    found: tuple[type[BaseException], ...] = (MemoryError,)
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return (*found, tf.errors.ResourceExhaustedError)
        case "torch":
            return (*found, import_module("torch").OutOfMemoryError)
    return found


def backend_versions() -> dict[str, str]:
    """Library to version, of Keras and what it computes with."""
    import keras

    name = keras.backend.backend()
    module = import_module(name)
    return {name: str(module.__version__), "keras": str(keras.__version__)}
