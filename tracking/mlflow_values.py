"""How are plain values written as MLflow's own, within its rules and limits?"""

from __future__ import annotations

import getpass
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tracking.batches import METRICS_LIMIT, PARAMS_LIMIT, TAGS_LIMIT, Point, chunks
from tracking.records import DatasetRecord, Scalar

_KEY_LIMIT, _DIGEST_LIMIT, _NAME_LIMIT = 250, 36, 500


def clean_key(key: str) -> str:
    """Give the nearest key that MLflow takes for a metric, param or tag.

    >>> clean_key("f1@0.5")
    'f1_0.5'
    """
    allowed = re.sub(r"[^\w.\- :/]", "_", key)[:_KEY_LIMIT] or "_"
    if allowed.startswith(("/", "..")) or allowed == "." or posixpath.normpath(allowed) != allowed:
        return re.sub(r"[./]", "_", allowed)
    return allowed


def text(value: Scalar) -> str:
    """Write a param's value: as YAML would, so booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def log_values(
    client: Any,
    run_id: str,
    *,
    points: Sequence[Point] = (),
    params: Mapping[str, Scalar] | None = None,
    tags: Mapping[str, str] | None = None,
    model_id: str | None = None,
) -> None:
    """Log metrics, params and tags of a run in as few requests as MLflow's limits allow."""
    from mlflow.entities import Metric, Param, RunTag

    # Numbers of a model carry its id and its run's; numbers of a run carry neither.
    owner = {} if model_id is None else {"model_id": model_id, "run_id": run_id}
    of_metrics = list(
        chunks([Metric(clean_key(p.key), p.value, p.time_ms, p.step, **owner) for p in points], METRICS_LIMIT)
    )
    of_params = list(chunks([Param(clean_key(k), text(v)) for k, v in (params or {}).items()], PARAMS_LIMIT))
    of_tags = list(chunks([RunTag(clean_key(k), str(v)) for k, v in (tags or {}).items()], TAGS_LIMIT))
    # One request may hold 1000 of all three kinds together, so a full one of metrics goes alone.
    if of_metrics and len(of_metrics[-1]) + PARAMS_LIMIT + TAGS_LIMIT <= METRICS_LIMIT:
        rest, last = of_metrics[:-1], of_metrics[-1]
    else:
        rest, last = of_metrics, []
    for metrics in rest:
        client.log_batch(run_id, metrics=metrics)
    for place in range(max(len(of_params), len(of_tags), 1 if last else 0)):
        client.log_batch(
            run_id,
            metrics=last if place == 0 else (),
            params=of_params[place] if place < len(of_params) else (),
            tags=of_tags[place] if place < len(of_tags) else (),
        )


def dataset_input(record: DatasetRecord) -> Any:
    """Write a dataset as MLflow's ``DatasetInput``."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    kind, source = _source(record.source)
    dataset = Dataset(
        name=record.name[:_NAME_LIMIT],
        digest=record.digest[:_DIGEST_LIMIT],
        source_type=kind,
        source=json.dumps(source),
        schema=record.schema,
        profile=record.profile,
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", record.context)])


def _source(source: str) -> tuple[str, dict[str, object]]:
    """Name MLflow's type for a source, and its description as that type's loader reads it."""
    if source.startswith(("http://", "https://")):
        return "http", {"url": source}
    if re.match(r"\w{2,}:(?!//)", source):  # sklearn:digits, openml:40945, keras:mnist: data that code gives
        return "code", {"tags": {"mlflow.source.name": source}}
    return "local", {"uri": source}


def new_params(known: Mapping[str, str], params: Mapping[str, Scalar]) -> tuple[dict[str, Scalar], dict[str, str]]:
    """Split params of a run that goes on: those not recorded yet, and, as tags, those that differ now.

    MLflow refuses to change a recorded param.
    """
    missing = {key: value for key, value in params.items() if clean_key(key) not in known}
    changed = {
        f"kerasweep.now.{key}": text(value)
        for key, value in params.items()
        if key not in missing and known[clean_key(key)] != text(value)
    }
    return missing, changed


def source_tags() -> dict[str, str]:
    """Give the tags by which MLflow's pages say who made a run, and with what."""
    try:
        user = getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container whose user id has no name
        user = "unknown"
    return {"mlflow.source.type": "LOCAL", "mlflow.source.name": "kerasweep", "mlflow.user": user}
