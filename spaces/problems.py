"""How does a pydantic error read as one line with place, rule, value and remedy?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spaces.errors import nearest

_LONGEST_VALUE = 80
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("above", "gt"),
    "less_than": ("below", "lt"),
}
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite_number": "finite",
    "string": "text",
    "bool": "true or false",
}


def describe_problem(
    error: ValidationError, model: type[BaseModel], *, place: str = "", examples: Mapping[str, str] | None = None
) -> str:
    """The first problem of a pydantic error as ``key.path: rule, got value; remedy``.

    Args:
        model: what was validated; its fields are the known keys.
        place: opens the key path, e.g. ``model`` for a section that was validated by itself.
        examples: key path to an example of what to write there.
    """
    found = error.errors()
    # A misspelt key is also a missing one; the spelling is what helps.
    problem = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    location, value = problem["loc"], problem.get("input")
    path = key_path(location, place)
    example = (examples or {}).get(path)
    if location and location[-1] == "[key]":
        return f"{key_path(location[:-2], place)}: keys must be words, got {value!r}"
    match problem["type"]:
        case "extra_forbidden":
            return f"{path}: there is no such key; {nearest(location[-1], _fields_at(model, location[:-1]))}"
        case "missing":
            return f"{path}: is missing; {_write_it(path, example)}"
        case "value_error":
            return f"{path}: {problem['ctx']['error']}"
        case "literal_error":
            return f"{path}: {shown(value)} is not known; {nearest(value, _names(problem))}"
        case "model_type" | "dict_type" | "model_attributes_type" | "mapping_type":
            return f"{path}: must be a mapping{_such_as(example)}, got {shown(value)}"
        case "tuple_type" | "list_type":
            return f"{path}: must be a list{_such_as(example)}, got {shown(value)}"
        case kind:
            return f"{path}: must be {_rule(kind, problem)}, got {shown(value)}{_quoted(kind, value)}"


def key_path(location: tuple[int | str, ...], place: str = "") -> str:
    """``hidden[0].units`` for ``("hidden", 0, "units")``; what only names a kind of value is left out."""
    text = place
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not re.match(r"(function-|nullable|constrained-|literal\[|(int|float|str|bool)$)", part):
            text += f".{part}" if text else part
    return text or "the file"


def shown(value: object) -> str:
    """A value as it reads in a message: on one line, and not longer than that can bear."""
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 4]} ..."


def _rule(kind: str, problem: ErrorDetails) -> str:
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"{words} {problem['ctx'][key]}"
    base = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float").removesuffix("_parsing_size")
    return _KINDS.get(base) or problem["msg"].removeprefix("Input should be ")


def _quoted(kind: str, value: object) -> str:
    # YAML reads an unquoted 2024 as a number.
    return "; write it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""


def _write_it(path: str, example: str | None) -> str:
    if example is None:
        return "add it"
    return f"write e.g. {path}: {example}" if example.startswith(("{", "[")) else example


def _such_as(example: str | None) -> str:
    return f" such as {example}" if example else ""


def _names(problem: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", problem["ctx"]["expected"])


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location:
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field is not None else None
        if inner is not None:
            model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model that an annotation holds: itself, or inside ``X | None`` or ``tuple[X, ...]``."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
