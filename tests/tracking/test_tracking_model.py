"""Does the best model load and predict without kerasweep, and was it recorded without loading it?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from record_places import client, opened

from tracking import BestModelRecord, MlflowTracker, StudyRecord, local_uri

ROOT = Path(__file__).resolve().parents[2]

CODE = '''
"""A model that multiplies the columns' sum, without Keras."""
import json, os, pathlib
if os.environ.get("FORBID_LOADING"):
    raise RuntimeError("the model's code was run while it was recorded")
import numpy as np
import pandas as pd

def _load_pyfunc(data_path):
    factor = json.loads((pathlib.Path(data_path) / "model.json").read_text())["factor"]

    class Model:
        def predict(self, rows, params=None):
            numbers = np.asarray(rows.select_dtypes("number") if hasattr(rows, "columns") else rows)
            total = numbers.reshape(len(numbers), -1).sum(axis=1)
            return pd.DataFrame({"prediction": factor * total})

    return Model()
'''
ROWS = pd.DataFrame({"age": [20, 30], "bmi": [1.5, 2.5], "city": ["Rome", "Oslo"], "ill": [True, False]})
OUTPUT = pd.DataFrame({"prediction": [43.0, 65.0]})


def export(folder: Path, factor: float = 2.0, example: Any = ROWS, name: str = "model") -> BestModelRecord:
    """A bundle and its code, as the search writes them."""
    bundle = folder / f"bundle-{factor}"
    bundle.mkdir(exist_ok=True)
    (bundle / "model.json").write_text(json.dumps({"factor": factor}))
    code = folder / "tiny_portable.py"
    code.write_text(CODE)
    return BestModelRecord(bundle, code, example, OUTPUT, ("pandas", "numpy"), {"test_accuracy": 0.9}, name)


def recorded(place: str, uri: str, *records: BestModelRecord) -> str:
    tracker = MlflowTracker(uri, None)
    parent = opened(tracker, StudyRecord(place))
    for record in records:
        tracker.log_best_model(record)
    tracker.close("FINISHED")
    return parent


@pytest.fixture(params=["sqlite", "http"])
def uri(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    local = request.param == "sqlite"
    found = local_uri(request.getfixturevalue("local_home")) if local else request.getfixturevalue("tracking_server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found)  # readers of models:/ go by the global address
    return str(found)


only_sqlite = pytest.mark.parametrize("uri", ["sqlite"], indirect=True)


def predict(model_uri: str, rows: Any) -> list[float]:
    import mlflow

    return list(mlflow.pyfunc.load_model(model_uri).predict(rows)["prediction"])


ELSEWHERE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("search", "spaces", "tracking"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import pandas as pd, mlflow
rows = pd.DataFrame({"age": [1, 2], "bmi": [0.5, 0.5], "city": ["a", "b"], "ill": [True, True]})
print([mlflow.pyfunc.load_model(uri).predict(rows)["prediction"].tolist() for uri in sys.argv[1:]])
"""


def test_the_model_predicts_where_kerasweep_is_not(uri: str, tmp_path: Path) -> None:
    parent = recorded("portable", uri, export(tmp_path))
    model_uri = client(uri).get_run(parent).data.tags["kerasweep.model_uri"]
    assert model_uri.startswith("models:/m-")
    # -I: neither the working directory nor PYTHONPATH is looked into.
    command = [sys.executable, "-I", "-c", ELSEWHERE, model_uri, f"runs:/{parent}/model"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # 2 * (1 + 0.5) and 2 * (2 + 0.5); booleans are no numbers here
    assert json.loads(done.stdout.splitlines()[-1]) == [[3.0, 5.0], [3.0, 5.0]]


@only_sqlite
def test_the_model_has_a_signature_an_example_and_its_requirements(uri: str, tmp_path: Path) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.models import get_model_info

    parent = recorded("card", uri, export(tmp_path))
    api = client(uri)
    model_uri = api.get_run(parent).data.tags["kerasweep.model_uri"]
    folder = Path(download_artifacts(model_uri, tracking_uri=uri))
    info = get_model_info(str(folder))
    inputs = {column["name"]: column["type"] for column in info.signature.inputs.to_dict()}
    assert inputs == {"age": "long", "bmi": "double", "city": "string", "ill": "boolean"}
    assert [column["name"] for column in info.signature.outputs.to_dict()] == ["prediction"]
    assert json.loads((folder / "input_example.json").read_text())["columns"] == list(ROWS.columns)
    requirements = (folder / "requirements.txt").read_text().split()
    assert [line for line in requirements if not line.startswith("mlflow")] == ["pandas", "numpy"]
    assert not list(folder.rglob("*.pkl"))
    model = api.get_logged_model(model_uri.removeprefix("models:/"))
    assert (str(model.status), model.source_run_id) == ("READY", parent)
    assert {metric.key: metric.value for metric in model.metrics} == {"test_accuracy": 0.9}
    assert [output.model_id for output in api.get_run(parent).outputs.model_outputs] == [model.model_id]


@only_sqlite
def test_arrays_have_a_tensor_signature(uri: str, tmp_path: Path) -> None:
    from mlflow.models import get_model_info

    parent = recorded("images", uri, export(tmp_path, example=np.zeros((2, 4, 4), dtype="float32")))
    assert predict(f"runs:/{parent}/model", np.ones((3, 4, 4), dtype="float32")) == [32.0, 32.0, 32.0]
    model_uri = client(uri).get_run(parent).data.tags["kerasweep.model_uri"]
    [tensor] = get_model_info(model_uri).signature.inputs.to_dict()
    assert tensor["tensor-spec"] == {"dtype": "float32", "shape": (-1, 4, 4)}


def test_a_better_model_takes_the_place_of_the_one_before(uri: str, tmp_path: Path) -> None:
    recorded("better", uri, export(tmp_path, 2.0))
    parent = recorded("better", uri, export(tmp_path, 3.0), export(tmp_path, 4.0))
    api = client(uri)
    [model] = api.search_logged_models([api.get_run(parent).info.experiment_id])
    assert api.get_run(parent).data.tags["kerasweep.model_uri"] == f"models:/{model.model_id}"
    assert predict(f"runs:/{parent}/model", ROWS) == [4 * 21.5, 4 * 32.5]


def test_files_of_the_model_before_are_deleted(local_home: Path, tmp_path: Path) -> None:
    uri = local_uri(local_home)
    tracker = MlflowTracker(uri, local_home / "artifacts")
    tracker.open_study(StudyRecord("disk"))
    tracker.log_best_model(export(tmp_path, 2.0))
    tracker.log_best_model(export(tmp_path, 3.0))
    tracker.close("FINISHED")
    assert len(list((local_home / "artifacts" / "disk").rglob("MLmodel"))) == 1


@only_sqlite
def test_a_model_that_was_registered_is_never_deleted(uri: str, tmp_path: Path) -> None:
    parent = recorded("registered", uri, export(tmp_path, 2.0))
    api = client(uri)
    model_uri = api.get_run(parent).data.tags["kerasweep.model_uri"]
    model_id = model_uri.removeprefix("models:/")
    api.create_registered_model("champion")
    api.create_model_version("champion", model_uri)
    recorded("registered", uri, export(tmp_path, 3.0))
    assert api.get_logged_model(model_id).tags["kerasweep.superseded"] == "true"
    assert predict("models:/champion/1", ROWS) == [2 * 21.5, 2 * 32.5]
    assert predict(f"runs:/{parent}/model", ROWS) == [3 * 21.5, 3 * 32.5]


def test_recording_a_model_neither_runs_it_nor_imports_keras(local_home: Path, tmp_path: Path) -> None:
    export(tmp_path)
    code = f"""
import sys
from pathlib import Path
import pandas as pd
from tracking import BestModelRecord, MlflowTracker, StudyRecord, local_uri
home = Path({str(local_home)!r})
tracker = MlflowTracker(local_uri(home), home / "artifacts")
tracker.open_study(StudyRecord("unloaded"))
rows = pd.DataFrame({{"age": [20, 30]}})
output = pd.DataFrame({{"prediction": [1.0, 2.0]}})
folder = Path({str(tmp_path)!r})
code = folder / "tiny_portable.py"
tracker.log_best_model(BestModelRecord(folder / "bundle-2.0", code, rows, output, ("numpy",)))
tracker.close("FINISHED")
print(sorted({{"tensorflow", "keras", "torch", "tiny_portable"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "FORBID_LOADING": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)
    assert not (tmp_path / "mlflow.db").exists()  # MLflow's default store, made by what goes by the global address


def test_a_code_file_that_is_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="named like a module"):
        BestModelRecord(tmp_path, tmp_path / "my-code.py", ROWS, OUTPUT, ())
