"""Which of several arrays are inputs, which are targets, and to which part do they belong?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from search.data.beside import named_beside, with_beside
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


def from_arrays(source: str, arrays: Mapping[Any, Any], config: DataConfig | None = None) -> RawData:
    """Read a pair such as ``x`` and ``y``, or ``x_train`` and ``y_train`` with their like for validation and test.

    ``data.target`` may name the array of targets, ``data.inputs`` those of several inputs, ``data.groups`` and
    ``data.time`` one that tells which rows belong together, or their order. Where X is a frame, or a mapping of inputs,
    ``data.inputs`` may name what is in there.

    Raises:
        DataError: there is no such pair, or shapes disagree.
    """
    by_name = {str(name).lower(): array for name, array in arrays.items()}
    asked = None if config is None else config.target
    target = asked if asked is not None and _parts_of(by_name, asked.lower()) else "y"
    wanted = {name: entry.array or entry.text for name, entry in ((config and config.inputs) or {}).items()}
    pairs = PAIRS if target == "y" else tuple((x, target.lower()) for x in dict.fromkeys(x for x, _ in PAIRS))
    for x, y in pairs:
        parts = _parts_of(by_name, y)
        if not parts:
            continue
        inputs = {"": x} if not wanted or _is_inside(by_name, x, parts, wanted) else wanted
        lacking = [(name, array) for name, array in inputs.items() if not _is_there(by_name, array, parts)]
        held = {name: array for name, array in inputs.items() if array is not None}
        if not lacking:
            return _joined(source, by_name, held, y, parts, target, config)
        if wanted:
            others = [str(name) for name in arrays if str(name).lower() != _key(by_name, y, parts[0][1])]
            raise _no_input(source, *lacking[0], others)
    got = ", ".join(by_name) or "nothing"
    hint = "; if it has several inputs, name them in data.inputs" if len(arrays) > 2 and not wanted else ""
    raise DataError(f"{source}: must hold X and y, or x_train and y_train; got {got}{hint}")


def _is_there(arrays: Mapping[str, Any], array: str | None, parts: list[tuple[int, str]]) -> bool:
    """Whether each part has the array; columns of a table (None) are none."""
    return array is not None and all(_key(arrays, array.lower(), word) is not None for _, word in parts)


def _is_inside(
    arrays: Mapping[str, Any], x: str, parts: list[tuple[int, str]], wanted: Mapping[str, str | None]
) -> bool:
    """Whether X is a frame or a mapping, in which the inputs are to be looked up that are no arrays of their own."""
    if all(_is_there(arrays, array, parts) for array in wanted.values()):
        return False
    held = [arrays.get(_key(arrays, x, word) or "") for _, word in parts]
    return all(isinstance(one, Mapping) or hasattr(one, "columns") for one in held)


def _no_input(source: str, name: str, array: str | None, arrays: list[str]) -> DataError:
    if array is None:
        rule = f"data.inputs.{name} names columns, but the source holds arrays"
        return DataError(f"{source}: {rule}; name an array, e.g. {name}: x")
    return DataError(f"{source}: data.inputs: there is no array '{array}'; {nearest_column(array, arrays)}")


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
    """Add what ``data.groups`` and ``data.time`` name, unless X itself held it."""
    told: dict[str, tuple[str, Any]] = {}
    for key, name in named_beside(config).items():
        found = _key(arrays, name.lower(), word)
        if found is not None:
            told[key] = name, arrays[found]
        elif getattr(raw, key) is None and not _has_column(raw, name):
            what = f"'{name}_{word}', and each part needs its own" if word else f"'{name}'"
            near = nearest_column(f"{name}_{word}" if word else name, list(arrays))
            raise DataError(f"{raw.source}: data.{key}: there is no array {what}; {near}")
    return with_beside(raw, told)


def _has_column(raw: RawData, name: str) -> bool:
    """Whether X is a table of the user's own columns, this one among them; those of an array are only numbered."""
    return raw.table is not None and not raw.keep_constant and name in raw.table.columns
