"""Which of several arrays are inputs, which are targets, and to which part do they belong?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.pairs import from_named, from_pair
from search.data.raw import FREE, TEST, VALIDATION, RawData, join, nearest_column
from search.errors import DataError

if TYPE_CHECKING:
    from search.data.config import DataConfig

# What inputs and targets are called, in lower case; alone, or with a part as in x_train and test_images.
PAIRS = (
    ("x", "y"),
    ("images", "labels"),
    ("data", "target"),
    ("data", "targets"),
    ("data", "labels"),
    ("inputs", "targets"),
    ("inputs", "labels"),
    ("features", "targets"),
    ("features", "labels"),
    ("arr_0", "arr_1"),
)
PARTS = ((FREE, "train"), (VALIDATION, "validation"), (VALIDATION, "valid"), (VALIDATION, "val"), (TEST, "test"))


def from_arrays(source: str, arrays: Mapping[str, NDArray[Any]], config: DataConfig | None = None) -> RawData:
    """Read a pair such as ``x`` and ``y``, or ``x_train`` and ``y_train`` with their like for validation and test.

    ``data.target`` may name the array of targets, ``data.inputs`` those of several inputs, ``data.groups`` and
    ``data.time`` one that tells which rows belong together, or their order.

    Raises:
        DataError: there is no such pair, or shapes disagree.
    """
    by_name = {name.lower(): array for name, array in arrays.items()}
    asked = None if config is None else config.target
    target = asked if asked is not None and _parts_of(by_name, asked.lower()) else "y"
    wanted = _arrays_of_inputs(source, config)
    pairs = PAIRS if target == "y" else tuple((x, target.lower()) for x in dict.fromkeys(x for x, _ in PAIRS))
    for x, y in pairs:
        inputs = wanted or {"": x}
        parts = _parts_of(by_name, y)
        lacking = [name for name in inputs.values() for _, word in parts if _key(by_name, name.lower(), word) is None]
        if parts and not lacking:
            return _joined(source, by_name, inputs, y, parts, target, config)
        if wanted and parts:
            near = nearest_column(
                lacking[0], [name for name in arrays if name.lower() != _key(by_name, y, parts[0][1])]
            )
            raise DataError(f"{source}: data.inputs: there is no array '{lacking[0]}'; {near}")
    got = ", ".join(by_name) or "nothing"
    hint = "; if it has several inputs, name them in data.inputs" if len(arrays) > 2 and not wanted else ""
    raise DataError(f"{source}: must hold X and y, or x_train and y_train; got {got}{hint}")


def _arrays_of_inputs(source: str, config: DataConfig | None) -> dict[str, str]:
    """Input name to array name, where the configuration names several."""
    found = {}
    for name, entry in ((config.inputs if config is not None else None) or {}).items():
        array = entry.array or entry.text
        if array is None:
            rule = f"data.inputs.{name} names columns, but the source holds arrays"
            raise DataError(f"{source}: {rule}; name an array, e.g. {name}: x")
        found[name] = array
    return found


def _parts_of(arrays: Mapping[str, Any], target: str) -> list[tuple[int, str]]:
    """The parts that there are targets for: one without a name, or train and some of validation and test."""
    if target in arrays:
        return [(FREE, "")]
    found = [(part, word) for part, word in PARTS if _key(arrays, target, word) is not None]
    return found if found and found[0][1] == "train" else []


def _key(arrays: Mapping[str, Any], name: str, part: str) -> str | None:
    candidates = (f"{name}_{part}", f"{part}_{name}") if part else (name,)
    return next((key for key in candidates if key in arrays), None)


def _joined(
    source: str,
    arrays: Mapping[str, NDArray[Any]],
    inputs: Mapping[str, str],
    y: str,
    parts: list[tuple[int, str]],
    target: str,
    config: DataConfig | None,
) -> RawData:
    pieces = []
    for part, word in parts:
        place = f"{source} {word}" if part != FREE else source
        labels = arrays[_key(arrays, y, word) or ""]
        held = {name: arrays[_key(arrays, array.lower(), word) or ""] for name, array in inputs.items()}
        if "" in held:
            raw = from_pair(place, held[""], labels, target=target, config=config)
        else:
            # from_named looks inputs up under the names that the configuration gives their arrays.
            given = {inputs[name]: array for name, array in held.items()}
            raw = from_named(place, given, labels, target=target, config=config)
        pieces.append((_arranged(raw, arrays, word, config), part))
    return join(pieces, source=source) if len(pieces) > 1 else pieces[0][0]


def _arranged(raw: RawData, arrays: Mapping[str, Any], word: str, config: DataConfig | None) -> RawData:
    """Add what ``data.groups`` and ``data.time`` name: to a table as a column, else beside the array."""
    import pandas as pd

    for key in ("groups", "time"):
        name = None if config is None else getattr(config, key)
        if name is None:
            continue
        found = _key(arrays, name.lower(), word)
        if found is None:
            near = nearest_column(name, list(arrays))
            raise DataError(f"{raw.source}: data.{key}: there is no array '{name}'; {near}")
        values = np.asarray(arrays[found])
        if values.shape != (len(raw),):
            rule = f"array '{name}' must have one value per row, ({len(raw)},), got {values.shape}"
            raise DataError(f"{raw.source}: data.{key}: {rule}")
        column = pd.Series(values, name=name)
        told = {key: column} if raw.table is None else {"table": raw.table.assign(**{name: column})}
        raw = replace(raw, **told)
    return raw
