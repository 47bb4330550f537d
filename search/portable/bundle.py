"""How is fitted preprocessing kept in a folder, and read without running any code?"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .arrays import ArrayInput
from .errors import PortableError
from .preprocessor import Inputs, Preprocessor
from .sequences import SequenceInput
from .several import OneInput, SeveralInputs
from .table import Column, TableInput
from .target import Target
from .tokens import TokenInput

FORMAT = 2
MODEL_FILE, PIPELINE_FILE, SPEC_FILE = "model.keras", "preprocessor.skops", "spec.json"
# What the pipeline file may hold beyond the types that skops itself trusts (plain data, NumPy, scikit-learn).
TRUSTED_TYPES = frozenset({"numpy.dtype"})


def write_spec(preprocessor: Preprocessor, folder: Path, code: Sequence[str]) -> None:
    """Write ``spec.json`` and a skops file for each table."""
    folder.mkdir(parents=True, exist_ok=True)
    inputs = preprocessor.inputs
    spec = {
        "format": FORMAT,
        "task": preprocessor.task,
        "target": asdict(preprocessor.target),
        "inputs": _write_several(inputs, folder)
        if isinstance(inputs, SeveralInputs)
        else _write_one(inputs, folder / PIPELINE_FILE),
        "reading": preprocessor.reading,
        "code": list(code),
    }
    (folder / SPEC_FILE).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_spec(folder: Path) -> tuple[Preprocessor, tuple[str, ...]]:
    """Read what :func:`write_spec` wrote, and the names of the code files. Raises PortableError."""
    path = folder / SPEC_FILE
    if not path.is_file():
        raise PortableError(f"{folder}: not a model bundle (it has no {SPEC_FILE})")
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
        version = spec["format"]
        if version == 1:
            spec = _from_format_1(spec)
        elif version != FORMAT:
            raise PortableError(
                f"{folder}: bundle format {version!r} is not {FORMAT} or 1; use the kerasweep that wrote it"
            )
        told = spec["target"]
        target = Target(**(told | {"classes": None if told["classes"] is None else tuple(told["classes"])}))
        inputs = spec["inputs"]
        read: Inputs = (
            SeveralInputs(
                {name: _read_one(part, folder / _pipeline_of(name)) for name, part in inputs["parts"].items()},
                inputs["by_name"],
            )
            if inputs["kind"] == SeveralInputs.kind
            else _read_one(inputs, folder / PIPELINE_FILE)
        )
        return Preprocessor(spec["task"], target, read, spec["reading"]), tuple(spec["code"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise PortableError(f"{path}: damaged, cannot be read ({error})") from error


def _write_several(inputs: SeveralInputs, folder: Path) -> dict[str, Any]:
    parts = {name: _write_one(part, folder / _pipeline_of(name)) for name, part in inputs.parts.items()}
    return {"kind": inputs.kind, "by_name": inputs.by_name, "parts": parts}


def _write_one(part: OneInput, pipeline: Path) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": part.kind} | {
        key: value for key, value in vars(part).items() if key in part.__dataclass_fields__ and key != "pipeline"
    }
    if isinstance(part, TableInput):
        from skops.io import dump

        described["columns"] = [asdict(column) for column in part.columns]
        dump(part.pipeline, pipeline)
    return described


def _read_one(described: Mapping[str, Any], pipeline: Path) -> OneInput:
    kind = described["kind"]
    facts: dict[str, Any] = {key: _tuples(value) for key, value in described.items() if key != "kind"}
    match kind:
        case TableInput.kind:
            facts["columns"] = tuple(Column(**column) for column in described["columns"])
            return TableInput(**facts, pipeline=_load_pipeline(pipeline))
        case ArrayInput.kind:
            return ArrayInput(**facts)
        case SequenceInput.kind:
            return SequenceInput(**facts)
        case TokenInput.kind:
            return TokenInput(**facts)
    raise KeyError(f"unknown kind {kind!r}")


def _from_format_1(spec: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had one input, its facts beside the task."""
    shape = spec["input_shape"]
    inputs: dict[str, Any] = (
        {"kind": "table", "columns": spec["columns"], "shape": shape}
        if spec["kind"] == "table"
        else {"kind": "array", "shape": shape, "offset": spec["offset"], "scale": spec["scale"]}
    )
    return {"task": spec["task"], "target": spec["target"], "inputs": inputs, "reading": None, "code": []}


def _pipeline_of(name: str) -> str:
    return f"preprocessor.{name}.skops"


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _load_pipeline(path: Path) -> Any:
    from skops.io import get_untrusted_types, load

    try:
        untrusted = set(get_untrusted_types(file=path)) - TRUSTED_TYPES
        if untrusted:
            raise PortableError(
                f"{path}: holds types that are not trusted ({', '.join(sorted(untrusted))}); not loaded"
            )
        return load(path, trusted=sorted(TRUSTED_TYPES))
    except (zipfile.BadZipFile, FileNotFoundError, KeyError, json.JSONDecodeError) as error:
        raise PortableError(f"{path}: damaged or missing, cannot be read ({error})") from error
