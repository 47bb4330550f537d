"""What would a first experiment for some data look like?"""

from __future__ import annotations

import os
from pathlib import Path

from search.data.summary import TableSummary, inspect_source
from search.errors import DataError
from search.study.plan import absolute_source
from search.yaml_file import to_yaml
from spaces.catalog import DEFAULT_SPACE
from spaces.errors import nearest
from spaces.metrics import DEFAULT_OBJECTIVE, direction_of, metrics_for, produced

_MOST_SHOWN = 40
_NOTES = {
    "layers": "hidden layers",
    "units": "one per layer; 'shared: true' for one for all",
    "batch_norm": "before the activation",
    "dropout": "hidden layers; 'input_dropout' is the input's",
    "momentum": "only where the optimizer is sgd",
}


def draft(source: str, *, study: str, target: str | None, folder: Path, beside: Path) -> tuple[TableSummary, str]:
    """A commented YAML experiment for a data source, and what was found in the data.

    Args:
        folder: relative sources are resolved against it; beside: the folder that the file will be in.

    Raises:
        DataError: if the data cannot be read, or has no column of the name given as target.
    """
    summary = inspect_source(source, folder)
    names = [column.name for column in summary.columns]
    if target is not None and names and target not in names:
        raise DataError(f"{source}: there is no column {target!r} for --target; {nearest(target, names)}")
    chosen = target or summary.target
    guessed = "" if target else "   # a guess; set it to the column to predict"
    task = summary.task or "binary"
    objective = DEFAULT_OBJECTIVE[task]
    others = ", ".join(name for name in produced(metrics_for(task, None, objective)) if name.startswith("val_"))
    lines = [
        f"# Drafted from {source}: {summary.rows} rows, {len(names) or 'shape ' + str(summary.input_shape)}"
        + (" columns." if names else "."),
        f"study: {study}",
        "",
        "data:",
        f"  source: {_quoted(_relative(absolute_source(source, folder), beside))}",
    ]
    if names:
        lines.append(f"  target: {_quoted(chosen)}{guessed}")
    lines += [
        "  test: 0.2          # never seen by the search; scored once, for the best config",
        "  validation: 0.2    # what trials are judged by",
    ]
    if summary.split is not None:
        lines.append(f"  split: {_quoted(summary.split)}   # this column names each row's part; it is no input")
    drop = [name for name in summary.drop if name != chosen]
    if drop:
        lines.append(f"  drop: [{', '.join(map(_quoted, drop))}]   # text, dates, row numbers: no inputs as they are")
    if target is None:
        lines.append(f"  # task: {task}   # inferred: {summary.task_reason}")
    lines += [
        "",
        f"objective: {objective}   # {direction_of(objective)}; trials report {others}",
        "model: mlp",
        "",
        "# What is left out here takes these same defaults; a single value fixes a dimension.",
        "space:",
        *(_space_line(name, text) for name, text in DEFAULT_SPACE.items()),
        "",
        "# Known-good configs that run first; the sampler completes what they leave open.",
        "# start_with: [{layers: 2, units: [64, 32], activation: relu, optimizer: adam}]",
        "",
        "training: {epochs: 100, batch_size: 32, early_stopping: 20}",
        "search: {trials: 50, timeout: 30m, sampler: auto, pruner: auto, seed: 0}",
    ]
    return summary, "\n".join(lines) + "\n"


def describe_columns(summary: TableSummary) -> str:
    """The columns as lines for a terminal."""
    if not summary.columns:
        return f"{summary.source}: {summary.rows} samples of shape {summary.input_shape}; {summary.task_reason}"
    width = max(len(column.name) for column in summary.columns)
    lines = [f"{summary.source}: {summary.rows} rows, {len(summary.columns)} columns"]
    for column in summary.columns[:_MOST_SHOWN]:
        missing = f", {column.missing} missing" if column.missing else ""
        mark = "  <- target" if column.name == summary.target else ""
        examples = ", ".join(column.examples)
        lines.append(
            f"  {column.name:<{width}}  {column.kind:<11} {column.distinct} values{missing} ({examples}){mark}"
        )
    if len(summary.columns) > _MOST_SHOWN:
        lines.append(f"  and {len(summary.columns) - _MOST_SHOWN} more")
    lines.append(summary.task_reason)
    return "\n".join(lines)


def _space_line(name: str, text: object) -> str:
    note = f"   # {_NOTES[name]}" if name in _NOTES else ""
    return f"  {to_yaml({name: text}).strip()}{note}"


def _relative(source: str, folder: Path) -> str:
    return os.path.relpath(source, folder) if source.startswith("/") else source


def _quoted(name: str) -> str:
    return to_yaml([name]).strip().removeprefix("- ")
