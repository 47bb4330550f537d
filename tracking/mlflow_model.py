"""How does the best model become an MLflow model, in a process that never loads it?"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tracking.batches import points
from tracking.mlflow_values import clean_key, log_values
from tracking.records import MODEL_URI, STUDY, BestModelRecord


def log_model(client: Any, uri: str, experiment_id: str, run_id: str, study: str, record: BestModelRecord) -> str:
    """Log the model on the run, in place of earlier ones of that name; return its URI, ``models:/m-...``.

    These are the steps of ``mlflow.pyfunc.log_model``, done one by one, for two reasons. That function goes
    by the fluent API's active run and global tracking URI. And it runs the model on its input example to see
    that it can be served, which would import TensorFlow here.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    name = re.sub(r"[/:.%\"']", "_", record.name)  # MLflow's rule for model names
    before = [model.model_id for model in _models(client, experiment_id, run_id, name)]
    model = client.create_logged_model(experiment_id, name=name, source_run_id=run_id, tags={STUDY: study})
    card = Model(
        artifact_path=model.artifact_location,
        model_uuid=model.model_id,
        run_id=run_id,
        model_id=model.model_id,
    )
    with tempfile.TemporaryDirectory(prefix="kerasweep-model-") as place:
        folder = Path(place, "model")
        save_model(
            path=str(folder),
            loader_module=record.code.stem,
            code_paths=[str(record.code)],
            data_path=str(record.folder),
            mlflow_model=card,
            signature=signature(record.input_example, record.output_example, record.any_length),
            input_example=record.input_example,
            pip_requirements=list(record.requirements),
        )
        client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    uri_of_model = f"models:/{model.model_id}"
    scores = points(record.metrics, int(time.time() * 1000), 0)
    log_values(client, run_id, points=scores, model_id=model.model_id)
    log_values(client, run_id, tags={clean_key(MODEL_URI): uri_of_model})
    for model_id in before:  # last, so that at any moment there is one that loads
        _remove(client, uri, run_id, model_id)
    return uri_of_model


def signature(inputs: Any, outputs: Any, any_length: Collection[str] = ()) -> Any:
    """Infer the model's signature: of a table its columns, of an array or a dict of arrays a tensor each.

    Tensors have any number of rows, and any second size where ``any_length`` has their name ("input" for one alone).

    MLflow warns about integer columns while it infers. The types are therefore inferred from a copy with
    floats in their place, and the integers put back: warnings cannot be silenced on one thread alone.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

    def schema_of(example: Any) -> Any:
        if not hasattr(example, "columns"):
            tensors = infer_signature(example).inputs
            return Schema(
                [
                    TensorSpec(spec.type, (-1, -1, *spec.shape[2:]), spec.name)
                    if (spec.name or "input") in any_length
                    else spec
                    for spec in tensors
                ]
            )
        whole = {str(c) for c in example.columns if example[c].dtype.kind in "iu"}
        plain = example.astype({c: "float64" for c in example.columns if str(c) in whole})
        inferred = infer_signature(plain).inputs
        return Schema(
            [
                ColSpec(DataType.long, spec.name, required=spec.required) if spec.name in whole else spec
                for spec in inferred.inputs
            ]
        )

    return ModelSignature(inputs=schema_of(inputs), outputs=schema_of(outputs))


def _models(client: Any, experiment_id: str, run_id: str, name: str) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = client.search_logged_models([experiment_id], f"name = '{name}'", page_token=token)
        yield from (model for model in page if model.source_run_id == run_id)
        token = page.token
        if not token:
            return


def _remove(client: Any, uri: str, run_id: str, model_id: str) -> None:
    """Delete a model and its files, unless someone has registered it: the files are that version's too."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    versions = client.search_model_versions(f"run_id = '{run_id}'")
    if any(version.model_id == model_id or model_id in version.source for version in versions):
        client.set_logged_model_tags(model_id, {"kerasweep.superseded": "true"})
        return
    location = client.get_logged_model(model_id).artifact_location
    client.delete_logged_model(model_id)
    get_artifact_repository(location, tracking_uri=uri).delete_artifacts()
