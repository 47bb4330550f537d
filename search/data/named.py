"""How are scikit-learn's, OpenML's and Keras' named data sets fetched?"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.data.files import read_file
from search.data.pairs import from_pair
from search.data.raw import RawData, from_frame
from search.errors import DataError
from spaces.errors import nearest

BUNDLED = ("iris", "digits", "wine", "breast_cancer", "diabetes")
FETCHED = ("california_housing", "covtype", "olivetti_faces")
KERAS = ("mnist", "fashion_mnist", "cifar10", "cifar100", "california_housing", "boston_housing")
FETCH_SECONDS = 1800
# Runs in a process of its own: whoever coordinates a study must not hold TensorFlow in memory.
KERAS_CODE = """
import sys, importlib, numpy
(x_train, y_train), (x_test, y_test) = importlib.import_module("keras.datasets." + sys.argv[1]).load_data()
numpy.savez(sys.argv[2], x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
"""


def read_sklearn(name: str) -> RawData:
    """Read a data set that scikit-learn brings or fetches.

    Raises DataError for an unknown name or a failed download.
    """
    from sklearn import datasets

    source = f"sklearn:{name}"
    name = name.removeprefix("fetch_").removeprefix("load_")
    if name in BUNDLED:
        bunch = getattr(datasets, f"load_{name}")()
    elif name in FETCHED:
        bunch = _download(source, lambda: getattr(datasets, f"fetch_{name}")(n_retries=1, delay=0.1))
    else:
        raise DataError(f"{source}: unknown data set; {nearest(name, (*BUNDLED, *FETCHED))}")
    return _from_bunch(source, bunch)


def read_openml(name: str) -> RawData:
    """Read a data set of openml.org by its number or name. Raises DataError if it cannot be had."""
    from sklearn.datasets import fetch_openml

    source = f"openml:{name}"
    if not name:
        raise DataError(f"{source}: must name a data set by number or name, such as openml:31")
    which: dict[str, Any] = {"data_id": int(name)} if name.isdigit() else {"name": name, "version": "active"}
    bunch = _download(source, lambda: fetch_openml(**which, as_frame=True, parser="pandas", n_retries=1, delay=0.1))
    return from_frame(source, bunch.frame, target=bunch.target_names[0] if bunch.target_names else None)


def read_keras(name: str) -> RawData:
    """Read a data set of ``keras.datasets``, in a process of its own.

    Raises DataError for unknown names and failures.
    """
    source = f"keras:{name}"
    if name not in KERAS:
        raise DataError(f"{source}: unknown data set; {nearest(name, KERAS)}")
    with tempfile.TemporaryDirectory(prefix="kerasweep-") as folder:
        path = Path(folder) / "data.npz"
        command = [sys.executable, "-P", "-c", KERAS_CODE, name, str(path)]
        quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        try:
            done = subprocess.run(
                command, env=quiet, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise DataError(f"{source}: did not arrive within {FETCH_SECONDS} s; try again") from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise DataError(f"{source}: cannot be fetched ({reason}); connect, or name a file instead")
        return read_file(path, source)


def _download(source: str, fetch: Callable[[], Any]) -> Any:
    try:
        with warnings.catch_warnings():
            # "Retry downloading", "multiple active versions": the error or the result says what matters.
            warnings.simplefilter("ignore")
            return fetch()
    except (OSError, ValueError, ImportError) as error:
        # URLError is an OSError; scikit-learn answers an unknown or sparse set with ValueError.
        reason = " ".join(str(error).split())
        raise DataError(f"{source}: cannot be fetched ({reason}); connect, or name a file instead") from error


def _from_bunch(source: str, bunch: Any) -> RawData:
    import pandas as pd

    images = getattr(bunch, "images", None)
    if images is not None and "olivetti" in source:
        return from_pair(source, images, bunch.target)
    names = getattr(bunch, "feature_names", None)
    frame = pd.DataFrame(bunch.data, columns=names)
    raw = from_pair(source, frame, bunch.target)
    # These sets are arrays with names: all their columns stay, so that an array of that width can be
    # predicted.
    return RawData(source, table=raw.table, target=raw.target, keep_constant=True)
