"""How is a YAML file read safely, and how does a broken one read to the person who wrote it?

YAML 1.2's rules where PyYAML still has those of 1.1: ``3e-4`` is a number, ``yes``, ``off``, ``1:30`` and
``2024-01-31`` are words, and a key that stands twice is an error instead of a silent loss.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from search.errors import ExperimentError

_LONGEST_FLOW = 100
# An experiment has some hundred values. More is not one, and a few aliases of aliases would fill the memory.
_MOST_BYTES = 1_000_000
_MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's plain values, and without duplicate keys."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} stands twice; remove one", problem_mark=key.start_mark
                    )
                seen.add((key.tag, key.value))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError):
            # PyYAML lets these out of its own parsers: !!int abc, a number of 5000 digits.
            problem = f"{str(node.value)[:20]!r} is no {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


_FLOAT = re.compile(
    r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
)
# In this order: whole numbers are tried before fractions.
_PLAIN_VALUES = (
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    ("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), "-+0123456789"),
    ("tag:yaml.org,2002:float", _FLOAT, "-+0123456789."),
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ("~", "n", "N", "")),
    ("tag:yaml.org,2002:merge", re.compile(r"^<<$"), "<"),
)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern, firsts in _PLAIN_VALUES if first in firsts]
    for first in {first for _, _, firsts in _PLAIN_VALUES for first in firsts}
}
# PyYAML's own would read 010 as octal.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes every text that this module, or a reader of YAML 1.1, would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True  # what stands twice is written twice

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # PyYAML would break lines at these, and read a space instead.
        style = '"' if set(data) & set("\x85\u2028\u2029\ufeff") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)

_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, []), *_Loader.yaml_implicit_resolvers.get(first, [])]
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
}


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a file holds.

    Raises:
        ExperimentError: if it is missing, not readable, too large, not YAML, or not a mapping.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            limit = f"{_MOST_BYTES / 1e6:.0f} MB"
            raise ExperimentError(f"{path}: must be at most {limit}, is larger; name an experiment file, not the data")
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise ExperimentError(f"{path}: there is no such file; 'kerasweep init DATA' drafts one") from None
    except IsADirectoryError:
        raise ExperimentError(f"{path}: is a folder; name the YAML file in it") from None
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        remedy = "check its name and permissions"
        raise ExperimentError(f"{path}: cannot be read ({error.strerror or error}); {remedy}") from None
    content = _parse(path, text)
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise ExperimentError(f"{path}: must be a mapping such as 'data: {{source: table.csv}}', found {found}")
    for key in content:
        if not isinstance(key, str):
            raise ExperimentError(f"{path}: keys must be words, got {key!r}")
    return content


def _parse(path: Path, text: str) -> Any:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _weight(node, {}) > _MOST_VALUES:
            raise ExperimentError(f"{path}: its aliases (*name) must not repeat each other endlessly; write values out")
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ExperimentError(f"{path}: {_problem(error)}") from None
    except RecursionError:
        raise ExperimentError(f"{path}: is nested too deeply; an experiment has five levels at most") from None


def _weight(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node stands for with its aliases followed; infinitely many if it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for entry in inner for part in (entry if isinstance(entry, tuple) else (entry,))]
        known[id(node)] = 1 + sum(_weight(part, known) for part in parts)
    return known[id(node)]


def to_yaml(content: Any) -> str:
    """Readable YAML: keys in their order, short lists and mappings on one line."""

    class Dumper(_Dumper):
        """Knows which value is the outermost one."""

    def represent(dumper: yaml.SafeDumper, value: Any) -> yaml.Node:
        on_one_line = value is not content and len(repr(value)) <= _LONGEST_FLOW
        if isinstance(value, dict):
            return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=on_one_line)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=on_one_line)

    Dumper.add_representer(dict, represent)
    Dumper.add_representer(list, represent)
    Dumper.add_representer(tuple, lambda dumper, value: represent(dumper, list(value)))
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=130)


def _problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    if "stands twice" in problem:
        return f"{place}{problem}"
    remedy = "; indent with spaces, not with tabs" if r"'\t'" in problem else ""
    return f"{place}is not valid YAML ({problem}){remedy}"
