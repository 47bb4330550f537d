"""What does every key of an experiment file mean, as one page for people?

``python -m search.reference > docs/experiment-file.md`` writes the page; a test holds the two together.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from search.data.config import DataConfig, InputConfig, WindowsConfig
from search.data.validation import ValidationConfig
from search.experiment import Experiment, Objective, SearchConfig, TrackingConfig, TrainingConfig
from search.markdown import code, table
from search.study.strategy_config import PRUNER_SETTINGS, SAMPLER_SETTINGS, PrunerConfig, SamplerConfig
from search.units import format_bytes, parse_bytes, parse_duration

_SECTIONS: Mapping[str, type[BaseModel]] = {
    "data": DataConfig,
    "data.windows": WindowsConfig,
    "data.inputs.NAME": InputConfig,
    "objective": Objective,
    "training": TrainingConfig,
    "validation": ValidationConfig,
    "search": SearchConfig,
    "tracking": TrackingConfig,
}
_HEAD = """# The experiment file: every key

Made from the code by `python -m search.reference > docs/experiment-file.md`; edit the docstrings, not this page.

An experiment is one YAML file. Only `study`, `data.source` and, for a table, `data.target` must be there. An unknown
key is an error that names the nearest known one. `null` is YAML's word for nothing; a key that is left out takes its
default. Every option of `kerasweep run` lays one value over the file's: `--trials 80` is `search.trials: 80`.
"""
_SPACE_TEXT = """What may vary from trial to trial: [spaces.md](spaces.md) tells how it is written, and has every
family, dimension, optimizer, schedule and loss with its default range."""
_STRATEGY_TEXT = "A name alone, or with settings: `{name: %s}`. [strategies.md](strategies.md) tells what they do."


def experiment_reference() -> str:
    """The page, in Markdown."""
    parts = [_HEAD, "## The whole file\n", _keys_table(Experiment)]
    for name, model in _SECTIONS.items():
        parts += [f"\n## {name}\n", f"{_summary(model)}\n", _keys_table(model)]
        if name == "objective":
            parts += ["\nThe metrics are in [spaces.md](spaces.md#metrics)."]
    parts += ["\n## space\n", _SPACE_TEXT]
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
    return table(("key", "type", "default", "meaning"), rows)


def _settings_table(model: type[BaseModel], settings: Mapping[str, Mapping[str, Any]]) -> str:
    texts = meanings(model)

    def rows() -> Iterator[tuple[str, ...]]:
        for name, own in settings.items():
            if not own:
                yield f"`{name}`", "", "", ""
            for key, default in own.items():
                yield f"`{name}`", f"`{key}`", code(default), texts[key]

    return table(("name", "setting", "default", "meaning"), rows())


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
    return f"`{format_bytes(default)}`" if sized else code(default)


if __name__ == "__main__":
    print(experiment_reference(), end="")
