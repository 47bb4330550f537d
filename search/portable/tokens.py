"""How do texts become sequences of token numbers?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import PortableError
from .table import as_frame

PADDING, UNKNOWN, FIRST_TOKEN = 0, 1, 2
TokenUnit = Literal["characters", "words"]
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class TokenInput:
    """One column of text. Token 0 is padding behind the end, 1 any token that training did not know.

    Attributes:
        column: its name.
        unit: what one token is: a character, or a word (also each punctuation mark). Case counts.
        tokens: the known ones: the first is number 2.
        length: tokens of a sample; of longer texts the first ones count.
        size: how many numbers the model knows, at least ``len(tokens) + 2``.
    """

    kind: ClassVar[str] = "tokens"
    column: str
    unit: TokenUnit
    tokens: tuple[str, ...]
    length: int
    size: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one prepared sample."""
        return (self.length,)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens, FIRST_TOKEN)}

    def transform(self, rows: Any) -> NDArray[np.int32]:
        """Prepare texts: int32 (rows, length). A missing or empty text is one unknown token.

        Takes whatever a table may come as, or just the texts: a list, a Series or an array of them.

        Raises:
            PortableError: the rows lack the column.
        """
        texts = as_texts(rows, self.column)
        x = np.zeros((len(texts), self.length), np.int32)
        for row, text in zip(x, texts, strict=True):
            found = [self._numbers.get(token, UNKNOWN) for token in split(text, self.unit)[: self.length]]
            row[: max(1, len(found))] = found or UNKNOWN
        return x


def split(text: str, unit: TokenUnit) -> list[str]:
    """Cut a text into tokens.

    >>> split("It's on.", "words")
    ['It', "'", 's', 'on', '.']
    """
    # One code for é, whether it was typed as one sign or as e and an accent.
    text = unicodedata.normalize("NFC", text)
    return list(text) if unit == "characters" else _WORD.findall(text)


def as_texts(rows: Any, column: str) -> list[str]:
    """Read the texts from rows of any accepted form; "" where one is missing. Raises PortableError."""
    if isinstance(rows, str):
        return [rows]
    if hasattr(rows, "columns") or isinstance(rows, Mapping) or _is_row(rows, column) or _holds_mappings(rows):
        rows = as_frame(rows, [column])[column]
    values = np.asarray(rows, object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise PortableError(f"the texts of '{column}' must be one a row, got an array of the shape {values.shape}")
    return [_text(value) for value in values]


def most_frequent(texts: Iterable[str], unit: TokenUnit, most: int) -> tuple[str, ...]:
    """The most frequent tokens, ``most`` of them at most; those of equal frequency in alphabetical order."""
    counts: dict[str, int] = {}
    for text in texts:
        for token in split(text, unit):
            counts[token] = counts.get(token, 0) + 1
    return tuple(sorted(counts, key=lambda token: (-counts[token], token))[:most])


def _is_row(rows: Any, column: str) -> bool:
    """Whether it is one row as a Series, and not a Series of texts."""
    return hasattr(rows, "index") and hasattr(rows, "iloc") and column in rows.index


def _holds_mappings(rows: Any) -> bool:
    return isinstance(rows, list | tuple) and bool(rows) and isinstance(rows[0], Mapping)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN differs from itself
        return ""
    if type(value).__name__ == "NAType":
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value)
