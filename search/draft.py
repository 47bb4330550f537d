"""What would a first experiment for some data look like?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from search.data.summary import TableSummary, inspect_source
from search.errors import DataError
from search.study.plan import absolute_source
from search.yaml_file import to_yaml
from spaces.catalog import DEFAULT_SPACES
from spaces.data_spec import Task
from spaces.errors import nearest
from spaces.metrics import DEFAULT_OBJECTIVE, direction_of, metrics_for, produced

_MOST_SHOWN = 40
_STARTS = {
    "mlp": "{layers: 2, units: [64, 32], activation: relu, optimizer: adam}",
    "cnn": "{conv_layers: 2, filters: [16, 32], kernel_size: 3, layers: 1, units: [64], optimizer: adam}",
    "rnn": "{recurrent_layers: 1, cell: gru, state_size: [32], layers: 0, optimizer: adam}",
}
_NOTES = {
    "layers": "hidden dense layers",
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
    at = _relative(absolute_source(source, folder), beside)
    lines = [
        f"# Drafted from {source}: {summary.rows} rows, {_found(summary)}.",
        f"study: {study}",
        "",
        *_data_section(summary, at, target),
        "",
        *_model_section(summary),
        "",
        "training: {epochs: 100, batch_size: 32, early_stopping: 20}",
        "search: {trials: 50, timeout: 30m, sampler: auto, pruner: auto, seed: 0}",
    ]
    return summary, "\n".join(lines) + "\n"


def _data_section(summary: TableSummary, source: str, target: str | None) -> Iterator[str]:
    chosen = target or summary.target
    yield "data:"
    yield f"  source: {_quoted(source)}"
    if summary.columns:
        guessed = "" if target else "   # a guess; set it to the column to predict"
        yield f"  target: {_quoted(chosen)}{guessed}"
    yield "  test: 0.2          # never seen by the search; scored once, for the best config"
    yield "  validation: 0.2    # what trials are judged by"
    if summary.split is not None:
        yield f"  split: {_quoted(summary.split)}   # this column names each row's part; it is no input"
    if summary.text not in (None, chosen):
        yield f"  text: {_quoted(str(summary.text))}   # read as tokens; 'tokens: words' or 'characters' says which"
    if summary.time_axis != 1:
        yield f"  time_axis: {summary.time_axis}   # samples are (features, time)"
    drop = [name for name in summary.drop if name != chosen]
    if drop:
        yield f"  drop: [{', '.join(map(_quoted, drop))}]   # text, dates, row numbers: no inputs as they are"
    texts = [column.name for column in summary.columns if column.kind == "text" and column.name in drop]
    if texts:
        yield f"  # text: {_quoted(texts[0])}   # instead of dropping it: read it as tokens, an input of its own"
    if target is None:
        yield f"  # task: {_task(summary)}   # inferred: {summary.task_reason}"


def _model_section(summary: TableSummary) -> Iterator[str]:
    task = _task(summary)
    objective = DEFAULT_OBJECTIVE[task]
    others = ", ".join(name for name in produced(metrics_for(task, None, objective)) if name.startswith("val_"))
    family, why = _family(summary)
    yield f"objective: {objective}   # {direction_of(objective)}; trials report {others}"
    yield f"model: {family}   # {why}" if why else f"model: {family}"
    yield ""
    yield "# What is left out here takes these same defaults; a single value fixes a dimension."
    yield "space:"
    yield from (_space_line(name, text) for name, text in DEFAULT_SPACES[family].items())
    yield ""
    yield "# Known-good configs that run first; the sampler completes what they leave open."
    yield f"# start_with: [{_STARTS[family]}]"


def _task(summary: TableSummary) -> Task:
    return summary.task or "binary"


def describe_columns(summary: TableSummary) -> str:
    """The columns as lines for a terminal."""
    if not summary.columns:
        return f"{summary.source}: {summary.rows} samples, {_found(summary)}; {summary.task_reason}"
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


def _found(summary: TableSummary) -> str:
    if summary.columns:
        return f"{len(summary.columns)} columns"
    if summary.inputs:
        return "several inputs: " + ", ".join(f"{name} ({what})" for name, what in summary.inputs.items())
    word = {"image": "images", "sequence": "sequences"}.get(summary.layout, "arrays")
    return f"{word} of the shape {summary.input_shape}"


def _family(summary: TableSummary) -> tuple[str, str]:
    """The family of models that suits the inputs, and why it is not the plain one."""
    if summary.inputs:
        return "mlp", "joins several inputs; a model of your own, my_model.py:build, may do more"
    if summary.text is not None:
        return "rnn", "recurrent layers over the tokens of a text; mlp sees them without their order"
    match summary.layout:
        case "image":
            return "cnn", "convolutions, for images; mlp is faster, and blind to what is near what"
        case "sequence":
            return "rnn", "recurrent layers, for sequences; a cnn may be as good and is faster"
    return "mlp", ""


def _space_line(name: str, text: object) -> str:
    note = f"   # {_NOTES[name]}" if name in _NOTES else ""
    return f"  {to_yaml({name: text}).strip()}{note}"


def _relative(source: str, folder: Path) -> str:
    return os.path.relpath(source, folder) if source.startswith("/") else source


def _quoted(name: str) -> str:
    return to_yaml([name]).strip().removeprefix("- ")
