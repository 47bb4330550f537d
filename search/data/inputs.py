"""Which inputs does a model learn from, and what about them is worth saying?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from search.data.columns import Profile, first_infinite, flow_list, looks_like_row_number, profile, refusal
from search.data.plans import Plan, SeveralPlans, TablePlan
from search.data.raw import RawData, listed
from search.data.targets import TargetFacts
from search.errors import DataError
from search.portable import Column

if TYPE_CHECKING:
    import pandas as pd

RARE_SHARE = 0.1
MOST_DUPLICATE_COLUMNS = 200
HASH_ROWS = 65_536


@dataclass(frozen=True)
class Inputs:
    """The raw inputs in use, and how each is prepared.

    Attributes:
        values: a frame, an array without columns, or a dict of them by input name.
        plan: for one input or for several.
        feature_names: the columns of a table.
    """

    values: Any
    plan: Plan | SeveralPlans
    feature_names: tuple[str, ...]
    notices: tuple[str, ...]


def table_inputs(raw: RawData, frame: pd.DataFrame, *, key: str = "") -> tuple[TablePlan, list[str]]:
    """How the columns of a frame are prepared as one input; what cannot be learnt from is refused.

    Args:
        frame: the rows in use, indexed by their row in the source.
        key: the key path of an input that names its columns; "" where all columns of a table are inputs.

    Raises:
        DataError: a column is text, dates, empty, mixed or infinite, or no column is left.
    """
    profiles = [profile(frame[name]) for name in frame.columns]
    _refuse_columns(raw, frame, profiles, key)
    notices = []
    constant = [p.name for p in profiles if p.kind == "constant"]
    if constant and raw.keep_constant:
        notices.append(f"columns with one value only (kept, as rows come as arrays): {listed(constant)}")
        profiles = [replace(p, kind="numeric") if p.kind == "constant" else p for p in profiles]
    elif constant:
        notices.append(f"left out columns with one value only: {listed(constant)}")
        profiles = [p for p in profiles if p.kind != "constant"]
    if not profiles:
        place = f"{key}: " if key else ""
        raise DataError(f"{raw.source}: {place}must have an input column beside the target, got none that varies")
    notices += _column_notices(frame, profiles)
    return TablePlan(tuple(Column(p.name, cast(Any, p.kind)) for p in profiles)), notices


def finite_array(raw: RawData, array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """The array of the rows in use, if it holds finite numbers only; DataError names the first row that does not."""
    if array.dtype.kind == "f":
        # False for NaN too, and for numbers that float32 cannot hold.
        fits = np.abs(array) <= np.finfo(np.float32).max
        finite = fits.reshape(len(array), -1).all(axis=1)
        if not finite.all():
            where = raw.place(int(rows[np.argmin(finite)]))
            raise DataError(f"{raw.source}: X must hold finite numbers, got NaN or infinity in {where}; fill it in")
    return array


def _refuse_columns(raw: RawData, frame: pd.DataFrame, profiles: list[Profile], key: str) -> None:
    useless = [(p, reason) for p in profiles if (reason := refusal(p, len(frame)))]
    leave = f"take it out of {key}" if key else "leave it out with data.drop: "
    if useless:
        first, reason = useless[0]
        more = f" (and {len(useless) - 1} more cannot be inputs)" if len(useless) > 1 else ""
        drop = "" if key else flow_list([p.name for p, _ in useless])
        raise DataError(f"{raw.source}: {reason}{more}; {leave}{drop}{_remedy(first, key)}")
    for p in profiles:
        drop = f"or {leave}" if key else f"or leave the column out with data.drop: {flow_list([p.name])}"
        if p.kind == "mixed":
            where = raw.place(int(frame.index[p.row or 0]))
            raise DataError(mixed_message(raw.source, f"column '{p.name}'", where, p.value, drop))
        if p.kind in ("numeric", "constant") and (row := first_infinite(frame[p.name])) is not None:
            where, value = raw.place(int(frame.index[row])), frame[p.name].iloc[row]
            rule = f"column '{p.name}' must hold finite numbers, got {value} in {where}"
            raise DataError(f"{raw.source}: {rule}; correct it, {drop}")


def _remedy(refused: Profile, key: str) -> str:
    if refused.kind == "empty":
        return ""
    derive = ", or derive numbers or categories from it first"
    if refused.kind != "text":
        return derive
    name = flow_list([refused.name])[1:-1]
    way = f"give it an input of its own, {{text: {name}}}" if key else f"read it with data.text: {name}"
    return f", {way}{derive}"


def mixed_message(source: str, what: str, where: str, value: Any, further: str) -> str:
    """Write the line for numbers beside words; ``further`` is the last remedy."""
    found = f"{what} mixes numbers and words: {where} holds {str(value)!r}"
    return f"{source}: {found}; correct it, empty the cell, {further}"


def _column_notices(frame: pd.DataFrame, profiles: list[Profile]) -> list[str]:
    notices = [
        f"column '{p.name}' holds numbers and words; its {p.distinct} values are taken as categories"
        for p in profiles
        if p.numbers_and_words
    ]
    counters = [p.name for p in profiles if looks_like_row_number(frame[p.name])]
    if counters:
        remedy = f"leave out what is only a number with data.drop: {flow_list(counters)}"
        notices.append(f"columns that look like row numbers or ids: {listed(counters)}; {remedy}")
    gaps = [p.name for p in profiles if p.missing]
    if gaps:
        notices.append(f"filled in missing values in: {listed(gaps)}")
    return notices


def row_notices(inputs: Inputs, labels: pd.Series[Any], facts: TargetFacts) -> list[str]:
    """Say how many rows repeat others, and which class is rare."""
    notices = []
    values = inputs.values
    if hasattr(values, "columns") and values.shape[1] <= MOST_DUPLICATE_COLUMNS:
        copies = _copies(values, labels)
        if copies:
            total = f"{copies} of {len(values)} rows are copies of earlier ones"
            notices.append(f"{total}, and may lie on both sides of the split")
    if facts.codes is not None and facts.classes is not None:
        shares = np.bincount(facts.codes) / len(facts.codes)
        rarest = int(np.argmin(shares))
        if shares[rarest] < RARE_SHARE / (len(shares) - 1):
            rare = f"class {facts.classes[rarest]!r} is rare ({shares[rarest]:.1%} of the rows)"
            notices.append(f"{rare}: accuracy says little about it")
    return notices


def _copies(values: pd.DataFrame, labels: pd.Series[Any]) -> int:
    """How many rows are like an earlier one, target included.

    By 64-bit hashes, which take a twentieth of the time: of ten million different rows two have the same one in a
    few of a million cases.
    """
    import pandas as pd

    hashes = [
        pd.util.hash_pandas_object(values[start : start + HASH_ROWS], index=False).to_numpy()
        for start in range(0, len(values), HASH_ROWS)
    ]
    target = pd.util.hash_array(labels.to_numpy())
    return int(pd.DataFrame({"row": np.concatenate(hashes), "target": target}).duplicated().sum())


def columns_in_use(frame: pd.DataFrame, leave_out: Collection[str]) -> Sequence[str]:
    """The columns that may be inputs, in order."""
    return [name for name in frame.columns if name not in leave_out]
