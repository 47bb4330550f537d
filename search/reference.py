"""What does every key of an experiment file mean, as one page for people?

``python -m search.reference > docs/experiment-file.md`` writes the page; a test holds the two together.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from search.data.config import DataConfig
from search.experiment import Experiment, Objective, SearchConfig, TrackingConfig, TrainingConfig
from search.study.strategy_config import PRUNER_SETTINGS, SAMPLER_SETTINGS, PrunerConfig, SamplerConfig
from search.units import format_bytes, parse_bytes, parse_duration
from search.yaml_file import to_yaml
from spaces.catalog import DEFAULT_SPACE, OPTIMIZERS, PER_LAYER_BY_DEFAULT, QUANTITIES, Quantity
from spaces.metrics import DEFAULT_METRICS, DEFAULT_OBJECTIVE, METRICS

_SECTIONS: Mapping[str, type[BaseModel]] = {
    "data": DataConfig,
    "objective": Objective,
    "training": TrainingConfig,
    "search": SearchConfig,
    "tracking": TrackingConfig,
}
_HEAD = """# The experiment file: every key

Made from the code by `python -m search.reference > docs/experiment-file.md`; edit the docstrings, not this page.

An experiment is one YAML file. Only `study`, `data.source` and, for a table, `data.target` must be there. An unknown
key is an error that names the nearest known one. `null` is YAML's word for nothing; a key that is left out takes its
default. Every option of `kerasweep run` lays one value over the file's: `--trials 80` is `search.trials: 80`.
"""
_SPACE_TEXT = """The section maps dimensions to what they may be:

```yaml
space:
  layers: {int: [1, 5]}                                # a whole number from 1 to 5, both included
  units: {int: [16, 256], log: true, shared: true}     # even in logarithms; one value for all layers
  dropout: {float: [0, 0.5], step: 0.1}                # 0, 0.1, ... 0.5
  activation: {choice: [relu, elu], shared: false}     # each layer has its own
  optimizer: [adam, sgd]                               # short for {choice: [adam, sgd]}
  batch_norm: true                                     # fixed
  momentum: {float: [0, 0.99], when: {optimizer: sgd}} # exists only where the optimizer is sgd
```

`when` names earlier dimensions and the values that they must have: one value, or a list of them. All must hold; a
condition on a dimension that is itself absent does not. What the section leaves out takes the default space; where
there is none, the neutral value."""
_STRATEGY_TEXT = "A name alone, or with settings: `{name: %s}`. [strategies.md](strategies.md) tells what they do."


def experiment_reference() -> str:
    """The page, in Markdown."""
    parts = [_HEAD, "## The whole file\n", _keys_table(Experiment)]
    for name, model in _SECTIONS.items():
        parts += [f"\n## {name}\n", f"{_summary(model)}\n", _keys_table(model)]
        if name == "objective":
            parts += ["\n### Metrics\n", _metrics_table()]
    parts += ["\n## space\n", _SPACE_TEXT, "", _dimensions_table(), "\n### Settings of the optimizers\n"]
    parts += [_optimizers_table()]
    strategies: list[tuple[str, type[BaseModel], Mapping[str, Mapping[str, Any]], str]] = [
        ("sampler", SamplerConfig, SAMPLER_SETTINGS, "tpe, startup_trials: 20"),
        ("pruner", PrunerConfig, PRUNER_SETTINGS, "halving, grace: 5"),
    ]
    for name, config, settings, example in strategies:
        parts += [f"\n## search.{name}\n", f"{_STRATEGY_TEXT % example}\n", _settings_table(config, settings)]
    return "\n".join(parts) + "\n"


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field name to meaning, from the ``Attributes:`` of a model's docstring.

    Raises:
        LookupError: a field that the docstring does not describe.
    """
    found: dict[str, str] = {}
    names: Sequence[str] = ()
    for line in (inspect.getdoc(model) or "").partition("Attributes:\n")[2].splitlines():
        if entry := re.fullmatch(r" {4}(\w+(?:, \w+)*): (.*)", line):
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2]))
        elif line.startswith(" " * 8):
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
        elif line.strip():
            break
    missing = [name for name in model.model_fields if name not in found and name != "name"]
    if missing:
        raise LookupError(f"{model.__name__}: its docstring's Attributes do not describe {', '.join(missing)}")
    # YAML's words for Python's; Markdown's marks for code.
    return {name: text.removesuffix(".").replace("None", "null").replace("``", "`") for name, text in found.items()}


def _summary(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def _keys_table(model: type[BaseModel]) -> str:
    texts = meanings(model)
    rows = (
        (f"`{name}`", _type_text(field), _default_text(field), texts[name])
        for name, field in model.model_fields.items()
    )
    return _table(("key", "type", "default", "meaning"), rows)


def _settings_table(model: type[BaseModel], settings: Mapping[str, Mapping[str, Any]]) -> str:
    texts = meanings(model)

    def rows() -> Iterator[tuple[str, ...]]:
        for name, own in settings.items():
            if not own:
                yield f"`{name}`", "", "", ""
            for key, default in own.items():
                yield f"`{name}`", f"`{key}`", _value_text(default), texts[key]

    return _table(("name", "setting", "default", "meaning"), rows())


def _metrics_table() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for name, metric in METRICS.items():
            reported = [task for task in metric.tasks if name in DEFAULT_METRICS[task]]
            aimed = [task for task in metric.tasks if DEFAULT_OBJECTIVE[task] == f"val_{name}"]
            yield f"`{name}`", metric.direction, ", ".join(metric.tasks), ", ".join(reported), ", ".join(aimed)

    heads = ("metric", "direction", "tasks", "reported by default", "`auto` for")
    return "A trial reports each for the training part, and as `val_...` for the validation part.\n\n" + _table(
        heads, rows()
    )


def _dimensions_table() -> str:
    settings = {key for own in OPTIMIZERS.values() for key in own}

    def rows() -> Iterator[tuple[str, ...]]:
        for name, quantity in QUANTITIES.items():
            if name in settings and name not in DEFAULT_SPACE:
                continue
            default = f"`{_flow(DEFAULT_SPACE[name])}`" if name in DEFAULT_SPACE else _neutral_text(quantity)
            each = "if `shared: false`" if quantity.per_layer else ""
            if name in PER_LAYER_BY_DEFAULT:
                each = "yes; `shared: true` for one"
            yield f"`{name}`", quantity.meaning, _bounds_text(quantity), default, each

    return _table(("dimension", "what it is", "allowed", "default", "per layer"), rows())


def _optimizers_table() -> str:
    rows = (
        (f"`{name}`", ", ".join(f"`{key}` ({_bounds_text(quantity)})" for key, quantity in own.items()))
        for name, own in OPTIMIZERS.items()
    )
    text = "Beside `learning_rate` and `weight_decay`, which all have. Left out, Keras's own defaults hold."
    return f"{text}\n\n" + _table(("optimizer", "settings"), rows)


def _neutral_text(quantity: Quantity) -> str:
    return "Keras's own" if quantity.neutral is None else f"{_value_text(quantity.neutral)} (neutral)"


def _bounds_text(quantity: Quantity) -> str:
    if quantity.kind == "bool":
        return "true, false"
    if quantity.kind == "name":
        return ", ".join(quantity.names)
    low = f"from {quantity.minimum:g}" if quantity.minimum is not None else ""
    low = f"above {quantity.above:g}" if quantity.above is not None else low
    high = f"to {quantity.maximum:,.0f}" if quantity.maximum is not None else ""
    high = f"below {quantity.below:g}" if quantity.below is not None else high
    return " ".join(filter(None, (low, high)))


def _type_text(field: FieldInfo) -> str:
    limits = [
        f"{word} {getattr(mark, key):,}"
        for mark in field.metadata
        for key, word in (("ge", "from"), ("le", "to"), ("lt", "below"))
        if getattr(mark, key, None) is not None
    ]
    text = _annotation_text(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)
    return " ".join([text, *limits])


def _annotation_text(annotation: Any) -> str:
    """What a person would write for a Python type, e.g. ``text`` for ``str | None``."""
    if annotation in _TYPE_WORDS:
        return _TYPE_WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        readers = {mark.func for mark in arguments[1:] if isinstance(mark, BeforeValidator)}
        words = [word for reader, word in _READER_WORDS.items() if reader in readers]
        return words[0] if words else _annotation_text(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (types.UnionType, Union):
        return " or ".join(_annotation_text(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"list of {_annotation_text(arguments[0])}s"
    return "mapping"


_TYPE_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    SamplerConfig: "name, or mapping with settings",
    PrunerConfig: "name, or mapping with settings",
    Objective: "metric, or mapping",
}
_READER_WORDS: Mapping[Any, str] = {parse_duration: "time: 90s, 30m, 1h30m", parse_bytes: "size: 500MB, 2GB"}


def _default_text(field: FieldInfo) -> str:
    default = field.default
    if field.is_required():
        return "must be given"
    if isinstance(default, BaseModel):
        named = getattr(default, "name", None) or getattr(default, "metric", None)
        return f"`{named}`" if named else "see below"
    sized = any(isinstance(mark, BeforeValidator) and mark.func is parse_bytes for mark in field.metadata)
    return f"`{format_bytes(default)}`" if sized else _value_text(default)


def _value_text(value: Any) -> str:
    return f"`{_flow(list(value) if isinstance(value, tuple) else value)}`"


def _flow(value: Any) -> str:
    return to_yaml({"": value}).partition(":")[2].strip() if value not in ([], {}) else str(value)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    print(experiment_reference(), end="")
