"""How is a line of text put on a picture, whatever letters it has?"""

from __future__ import annotations

from typing import Literal, TypedDict

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

from search.pictures.palette import INK


class WordStyle(TypedDict, total=False):
    """What `put` takes beside the text and its place."""

    size: float
    color: str
    bold: bool
    align: Literal["left", "center", "right"]


def put(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    *,
    size: float = 8.0,
    color: str = INK,
    bold: bool = False,
    align: Literal["left", "center", "right"] = "left",
) -> None:
    """Write one line at inches from the lower left corner of the figure, its middle at height ``y``."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    figure.add_artist(
        Text(
            x,
            y,
            drawable(text, font),
            color=color,
            fontproperties=font,
            horizontalalignment=align,
            verticalalignment="center_baseline",
            transform=figure.dpi_scale_trans,
            parse_math=False,  # a "$" in a name is a dollar sign
        )
    )


def drawable(text: str, font: FontProperties | None = None) -> str:
    """Put a question mark for each letter that the font lacks, of which matplotlib would warn."""
    text = " ".join(text.split())
    if text.isascii():
        return text
    face = get_font(findfont(font or FontProperties()))
    return "".join(letter if face.get_char_index(ord(letter)) else "?" for letter in text)


def shorten(text: str, most: int) -> str:
    """Cut a text to at most so many letters, with an ellipsis at its end."""
    return text if len(text) <= most else text[: max(1, most - 1)].rstrip() + "…"
