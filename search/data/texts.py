"""How is a column of text read as tokens?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.columns import profile
from search.data.plans import TokenPlan
from search.errors import DataError
from search.portable.tokens import TokenUnit, as_texts, split

if TYPE_CHECKING:
    import pandas as pd

MOST_TOKENS = 10_000
LONGEST_TEXT = 200
SHORT_TEXT = 30


def token_plan(
    texts: pd.Series[Any], *, tokens: str, longest: int | None, source: str, key: str
) -> tuple[TokenPlan, list[str]]:
    """How a column of texts is prepared, and what is worth saying about it.

    Args:
        tokens: ``characters``, ``words``, or ``auto``: characters where half the texts have 30 or fewer.
        longest: the most tokens of a text that count; None is as many as the longest has, 200 at most.
        key: the key path that names the column, for messages.

    Raises:
        DataError: the column holds no text.
    """
    name = str(texts.name)
    facts = profile(texts)
    what = f"{source}: {key}: column '{name}'"
    if facts.kind == "empty":
        raise DataError(f"{what} must hold text, got no value at all (all {len(texts)} are missing); name another one")
    if texts.dtype.kind in "biufmM" or facts.kind in ("date", "other"):
        got = "dates" if facts.kind == "date" else "numbers" if texts.dtype.kind in "iuf" else str(texts.dtype)
        raise DataError(f"{what} must hold text, got {got}; leave {key} out, columns of numbers are inputs as they are")
    if facts.kind == "constant":
        raise DataError(f"{what} must hold texts that differ, got {str(facts.value)!r} in every row; name another one")
    held = [text for text in as_texts(texts, name) if text]
    short = float(np.median([len(text) for text in held])) <= SHORT_TEXT
    unit: TokenUnit = tokens if tokens != "auto" else "characters" if short else "words"  # type: ignore[assignment]
    lengths = np.array([len(split(text, unit)) for text in held])
    notices = []
    if facts.missing:
        notices.append(f"{facts.missing} rows have no text in '{name}'; each is read as one unknown token")
    length = max(1, min(int(lengths.max()), longest or LONGEST_TEXT))
    if cut := int((lengths > length).sum()):
        notices.append(
            f"{cut} of {len(held)} texts in '{name}' are longer than {length} {unit}; their first {length} count "
            "(data.longest sets another limit)"
        )
    return TokenPlan(name, unit, length, most=MOST_TOKENS), notices
