"""How does a data configuration become a split and prepared data set?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from search.data.arrangement import Arrangement, arrange
from search.data.columns import profile
from search.data.config import DataConfig
from search.data.dataset import Dataset, PartName, RawPart
from search.data.fingerprint import fingerprint
from search.data.inputs import mixed_message, row_notices
from search.data.plans import ArrayPlan, input_specs, reading_of
from search.data.prepare import describe_target, encode
from search.data.raw import FREE, TEST, TRAIN, UNUSED, VALIDATION, RawData, join, listed, nearest_column
from search.data.selection import reading_of_files, select_inputs
from search.data.sources import read_source
from search.data.splits import PART_NAMES, check_parts, parts_of_column, split_rows
from search.data.targets import TargetFacts, guess_target, infer_target
from search.data.windows import windowed
from search.errors import DataError
from search.portable import Preprocessor
from spaces.data_spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 10
_REMEDY = "give it as an array of that name: in an NPZ file, or in the dict that a function returns"


def load_dataset(
    config: DataConfig, *, seed: int, folder: Path, family: str | None = None, pooled: bool = False
) -> Dataset:
    """Read, check, split and prepare the data; the same for the same contents, configuration and seed.

    Args:
        config: source, target and split.
        seed: decides the split.
        folder: relative paths start here.
        family: of the model; ``rnn`` and ``cnn`` help to tell sequences from images.
        pooled: leave all rows but the test part in the training part, as what folds are cut from; the validation part
            is then empty.

    Raises:
        DataError: the data cannot be read or learnt from; one line with place, rule, value and remedy.
    """
    raw = _read_all(config, folder)
    if config.windows is not None:
        raw, config = windowed(raw, config, pooled=pooled)
    target = _target_name(config, raw)
    if config.groups is not None and config.groups in (target, None if raw.table is not None else "y"):
        rule = f"data.groups must not be the target '{config.groups}': all rows of a class would stand in one part"
        raise DataError(f"{raw.source}: {rule}; name what belongs together, such as a patient or a day")
    labels, notices = _labels(raw, target)
    rows = labels.index.to_numpy()
    if len(labels) < LEAST_ROWS:
        raise DataError(f"{raw.source}: must have at least {LEAST_ROWS} rows to be split, got {len(labels)}")
    left_out = {target, *config.drop, *filter(None, [config.split, config.groups, config.time])}
    inputs = select_inputs(raw, rows, config, left_out, family=family)
    images = isinstance(inputs.plan, ArrayPlan)
    facts = infer_target(labels, config.task, source=raw.source, place=raw.place, images=images)
    arrangement = _arrangement(config, raw, rows)
    parts, split_notices = _split(config, raw, rows, facts, seed, arrangement, pooled)
    notices = [*raw.notices, *notices, *inputs.notices, *row_notices(inputs, labels, facts), *split_notices]

    described = describe_target(facts, target, parts == TRAIN)
    indices = {cast(PartName, name): np.flatnonzero(parts == part) for part, name in PART_NAMES.items()}
    fitted = inputs.plan.fit(inputs.values, indices["train"])
    preprocessor = Preprocessor(facts.task, described, fitted, reading_of_files(raw, config))
    y = encode(facts, described)
    made = [RawPart(preprocessor, inputs.values, found, y[found]) for found in indices.values()]
    outputs = len(facts.classes or ()) if facts.task == "multiclass" else 1
    return Dataset(
        spec=DataSpec(input_specs(fitted), outputs, facts.task),
        train=made[TRAIN],
        validation=made[VALIDATION],
        test=made[TEST] if len(made[TEST]) else None,
        preprocessor=preprocessor,
        fingerprint=fingerprint(
            inputs.values, labels, parts, task=facts.task, reading=reading_of(inputs.plan) + arrangement.fingerprint
        ),
        source=config.source,
        rows=int((parts != UNUSED).sum()),
        columns=_width(inputs.values),
        task_reason=facts.reason,
        target_name=target,
        feature_names=inputs.feature_names,
        notices=tuple(notices),
        raw=inputs.values,
        raw_target=labels.reset_index(drop=True),
        indices={name: found for name, found in indices.items() if len(found)},
        arrangement=arrangement,
    )


def _width(values: Any) -> int:
    """How many raw numbers (or words) a sample has."""
    if isinstance(values, dict):
        return sum(map(_width, values.values()))
    return int(np.prod(values.shape[1:]))


def _read_all(config: DataConfig, folder: Path) -> RawData:
    """Read the source and the files that hold its other parts, under each other."""
    raw = read_source(config.source, folder, config)
    given = set() if raw.parts is None else set(raw.parts.tolist())
    pieces = [(raw, FREE)]
    for part, value in ((VALIDATION, config.validation), (TEST, config.test)):
        if isinstance(value, str):
            name = PART_NAMES[part]
            if part in given:
                rule = f"already holds a {name} part, so data.{name} cannot be '{value}'"
                raise DataError(f"{raw.source}: {rule}; give a fraction or leave it out")
            pieces.append((read_source(value, folder, config), part))
    if len(pieces) == 1:
        return raw
    joined = join(pieces, source=raw.source)
    if raw.parts is not None and joined.parts is not None:
        parts = np.concatenate([raw.parts, joined.parts[len(raw) :]])
        joined = replace(joined, parts=parts, origins=(*raw.origins, *joined.origins[1:]))
    return joined


def _target_name(config: DataConfig, raw: RawData) -> str:
    """Find the target, and hold every column that the configuration names to those that there are."""
    if raw.table is None:
        name = raw.target or "target"
        if config.target not in (None, name):
            rule = f"data.target must be '{name}' or left out for arrays, got '{config.target}'"
            raise DataError(f"{raw.source}: {rule}")
        named = "data.split" if config.split else "data.drop" if config.drop else None
        if named:
            raise DataError(f"{raw.source}: {named} names columns, but the source holds arrays; leave it out")
        return name
    columns = [str(name) for name in raw.table.columns]
    target = config.target or raw.target
    if target is None:
        guess = f"is '{guess_target(columns)}' meant? Columns: {listed(columns)}"
        raise DataError(f"{raw.source}: data.target must name the column to predict; {guess}")
    named_columns = [("target", target), *(("drop", name) for name in config.drop)]
    for key in ("split", "groups", "time"):
        if (name := getattr(config, key)) is not None:
            named_columns.append((key, name))
    for key, name in named_columns:
        if name not in columns:
            raise DataError(f"{raw.source}: data.{key}: no column '{name}'; {nearest_column(name, columns)}")
    return target


def _labels(raw: RawData, target: str) -> tuple[pd.Series[Any], list[str]]:
    """Return the targets that there are, indexed by their row in the source, and what was left out."""
    import pandas as pd

    labels = raw.labels if raw.table is None else raw.table[target]
    assert labels is not None
    labels = labels.rename(target)
    facts = profile(labels)
    what = f"target '{target}'"
    if facts.kind == "empty":
        rule = f"{what} must hold values, all {len(labels)} are missing"
        raise DataError(f"{raw.source}: {rule}; name another target")
    if facts.kind in ("date", "other"):
        raise DataError(f"{raw.source}: {what} must hold numbers or classes, got {facts.kind} ({facts.value})")
    if facts.kind == "mixed":
        where = raw.place(facts.row or 0)
        raise DataError(mixed_message(raw.source, what, where, facts.value, "or name another target"))
    if facts.kind == "numeric" and labels.dtype == object and not any(isinstance(v, str) for v in labels):
        # Decimals and Python's own numbers, as Parquet files and users' frames may hold them.
        labels = pd.to_numeric(labels)
    if not facts.missing:
        return labels, []
    labels = labels.dropna()
    if labels.dtype.kind == "f" and bool((labels % 1 == 0).all()):
        # Only the missing values had made decimals of these whole numbers.
        labels = labels.astype(np.int64)
    rows = f"{facts.missing} row" + ("s" if facts.missing > 1 else "")
    return labels, [f"left out {rows} whose target '{target}' is missing"]


def _arrangement(config: DataConfig, raw: RawData, rows: NDArray[np.int64]) -> Arrangement:
    """What the source or its columns say of the rows in use: which belong together, which come first."""
    told = []
    for name, series in ((config.groups, raw.groups), (config.time, raw.time)):
        if series is None and name is not None:
            if raw.table is None:
                rule = f"there is no '{name}' beside the arrays X and y"
                raise DataError(f"{raw.source}: {rule}, as data.groups or data.time ask; {_REMEDY}")
            series = raw.table[name]
        told.append(None if series is None else series.iloc[rows])
    return arrange(*told, source=raw.source, place=raw.place)


def _refuse_few_groups(
    config: DataConfig, raw: RawData, arrangement: Arrangement, fixed: NDArray[np.int8], pooled: bool
) -> None:
    """Whole groups stand in one part, so each part that is to be drawn needs one of its own."""
    if arrangement.groups is None or arrangement.times is not None or FREE not in fixed:
        return
    drawn = {"test": config.test, "validation": None if pooled else config.validation}
    parts = ["training", *(name for name, share in drawn.items() if isinstance(share, float) and share)]
    groups = len(np.unique(arrangement.groups[fixed == FREE]))
    if groups < len(parts):
        name = f"'{config.groups}'" if config.groups is not None else "what the source groups by"
        rule = f"data.groups: {name} has only {groups} different value{'s' if groups > 1 else ''}"
        need = f"{', '.join(parts[:-1])} and {parts[-1]} need one each"
        raise DataError(f"{raw.source}: {rule}, and {need}; name what tells more groups apart, or set data.test: 0")


def _split(
    config: DataConfig,
    raw: RawData,
    rows: NDArray[np.int64],
    facts: TargetFacts,
    seed: int,
    arrangement: Arrangement,
    pooled: bool,
) -> tuple[NDArray[np.int8], list[str]]:
    """Give each row in use its part: what a column, a file or the source says, else as the data is arranged."""
    notices = []
    fixed = np.full(len(raw), FREE, np.int8) if raw.parts is None else raw.parts
    if config.split is not None:
        if raw.parts is not None or raw.table is None:
            raise DataError(f"{raw.source}: already gives the split; leave data.split out")
        fixed = parts_of_column(raw.table[config.split], source=raw.source)
        if VALIDATION not in fixed:
            fixed = np.where(fixed == TRAIN, FREE, fixed).astype(np.int8)
        if TEST not in fixed:
            notices.append(f"no test part: split column '{config.split}' names none")
    fixed = fixed[rows]
    _refuse_few_groups(config, raw, arrangement, fixed, pooled)
    if pooled and VALIDATION in fixed:
        given = f"column '{config.split}'" if config.split is not None else "the source or a file"
        rule = f"cannot be used where {given} gives the validation part"
        raise DataError(f"{raw.source}: validation.folds: {rule}; leave folds out, or let only a test part be given")
    given_test = config.split is not None or TEST in fixed
    test = config.test if isinstance(config.test, float) and not given_test else 0.0
    drawn_validation = isinstance(config.validation, float) and VALIDATION not in fixed and not pooled
    validation = float(config.validation) if drawn_validation else 0.0
    parts = split_rows(fixed, facts.codes, test=test, validation=validation, seed=seed, arrangement=arrangement)
    if config.test is None and TEST in parts:
        parts[parts == TEST] = UNUSED
        notices.append("the source's test rows are not used (data.test is 0)")
    drawn = bool(test or validation)
    notices += check_parts(parts, facts.codes, facts.classes, source=raw.source, drawn=drawn, pooled=pooled)
    return parts, notices
