"""How do 62 characters look in five fonts, moved about a little?

The fonts are those that matplotlib brings along, so that nothing has to be fetched. 62 characters in 5 fonts at 9
places are 2790 images of 36 x 36 pixels.
"""

from __future__ import annotations

import string
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CHARACTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
FONTS = ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif", "STIXGeneral", "cmr10")
SIDE = 36
SIZE = 26  # pixels of an em: the widest letters, moved, still fit
BASELINE = 25  # pixels from above; the same for all, as only height tells "o" from "O"
MOVES = (-3, 0, 3)  # pixels, across and down
PARTS = (0, 0, 0, 1, 2)  # of the five fonts of a character: three train (0), one validates (1), one tests (2)


Pair = tuple[NDArray[np.uint8], NDArray[np.str_]]


def load() -> tuple[Pair, Pair, Pair]:
    """Draw them all, and deal them out: the nine places of one drawing always go to the same part.

    Of the five fonts of each character three train, one validates and one tests, in turn: what is tested is whether a
    character is known in a font in which it was never seen.

    Returns:
        (X, y) of training, validation and test, 1674, 558 and 558 rows. X: uint8, (rows, 36, 36), 0 paper, 255 ink.
        y: (rows,), the character.
    """
    parts: tuple[tuple[list[NDArray[np.uint8]], list[str]], ...] = (([], []), ([], []), ([], []))
    for turn, name in enumerate(FONTS):
        font = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")), SIZE)
        for number, character in enumerate(CHARACTERS):
            images, labels = parts[PARTS[(turn + number) % len(PARTS)]]
            for down in MOVES:
                for across in MOVES:
                    images.append(draw(character, font, across, down))
                    labels.append(character)
    train, validation, test = ((np.stack(images), np.array(labels)) for images, labels in parts)
    return train, validation, test


def draw(character: str, font: ImageFont.FreeTypeFont, across: int, down: int) -> NDArray[np.uint8]:
    """One image: uint8, (36, 36); ``across`` and ``down`` are pixels away from the middle and the baseline."""
    image = Image.new("L", (SIDE, SIDE))
    where = (SIDE // 2 + across, BASELINE + down)
    ImageDraw.Draw(image).text(where, character, fill=255, font=font, anchor="ms")  # middle of the baseline
    return np.asarray(image)
