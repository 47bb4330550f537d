"""How are durations and sizes of memory written, and what do they stand for?"""

from __future__ import annotations

import math
import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_SECONDS = 1e12  # beyond it, adding to a clock would round
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_duration(text: object) -> float:
    """Seconds from ``90``, ``"90s"``, ``"30m"``, ``"1h30m"`` or ``"2d"``.

    Raises:
        ValueError: with the rule, if it is none of these or not above zero.
    """
    rule = f"must be a time above zero such as 90s, 30m or 1h30m, got {text!r}"
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text) if abs(text) < _LONGEST_SECONDS else math.inf
    elif isinstance(text, str) and re.fullmatch(r"\s*(\d+(\.\d+)?\s*[smhd]\s*)+|\s*\d+(\.\d+)?\s*", text):
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text)
        seconds = sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
    else:
        raise ValueError(rule)
    if not 0 < seconds < _LONGEST_SECONDS:
        raise ValueError(rule)
    return seconds


def format_duration(seconds: float) -> str:
    """``0.8 s``, ``42 s``, ``2 m 05 s``, ``1 h 02 m``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} m"


def parse_bytes(text: object) -> int:
    """Bytes from ``500000``, ``"500 MB"`` or ``"2GB"`` (powers of ten).

    Raises:
        ValueError: with the rule, if it is none of these or not above zero.
    """
    rule = f"must be a size above zero such as 500MB or 2GB, got {text!r}"
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)?\s*", str(text), re.IGNORECASE)
    if match is None or isinstance(text, bool):
        raise ValueError(rule)
    size = float(match[1]) * _BYTES[(match[2] or "B").upper()]
    if not 1 <= size < math.inf:
        raise ValueError(rule)
    return int(size)


def format_bytes(size: float) -> str:
    """``512 B``, ``1.5 MB``, ``2.0 GB``."""
    for unit, scale in reversed(_BYTES.items()):
        if size >= scale > 1:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} B"
