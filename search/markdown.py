"""How does plain data read in a Markdown page?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from search.yaml_file import to_yaml


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already.

    >>> print(table(("name", "value"), [("a", "1")]))
    | name | value |
    | --- | --- |
    | a | 1 |
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def flow(value: Any) -> str:
    """A value as one line of YAML.

    >>> flow({"int": [1, 5]}), flow([True, None])
    ('{int: [1, 5]}', '[true, null]')
    """
    return to_yaml({"": value}).partition(":")[2].strip() if value not in ([], {}) else str(value)


def code(value: Any) -> str:
    """A value as one line of YAML, set as code."""
    return f"`{flow(list(value) if isinstance(value, tuple) else value)}`"
