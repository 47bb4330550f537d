"""Which data, which target and which split does an experiment name?"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from spaces.values import is_function

Layout = Literal["auto", "numbers", "image", "sequence"]
Tokens = Literal["auto", "characters", "words"]

LONGEST_SIDE = 10_000


def _column_name(value: Any) -> Any:
    # YAML reads a column called 2019 as a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _column_names(value: Any) -> Any:
    if isinstance(value, str | int):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of column names such as [id, date], got {value!r}")
    return tuple(str(name) for name in value)


ColumnName = Annotated[str, BeforeValidator(_column_name)]
ColumnNames = Annotated[tuple[str, ...], BeforeValidator(_column_names)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputConfig(_Section):
    """One input of several: its columns, its column of text, or its array; a list is columns, a word an array.

    Attributes:
        columns: columns of a table, prepared as a table is.
        text: a column of text.
        array: an array of the source, by its name there.
        layout: what the array's axes mean, see ``data.layout``.
        time_axis: the array's axis of time, see ``data.time_axis``.
        tokens: what a text is cut into, see ``data.tokens``.
        longest: the most tokens or steps that are kept, see ``data.longest``.
    """

    columns: ColumnNames | None = None
    text: ColumnName | None = None
    array: str | None = None
    layout: Layout = "auto"
    time_axis: Literal[1, 2] = 1
    tokens: Tokens = "auto"
    longest: int | None = Field(None, ge=1, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"array": value}
        return {"columns": value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _is_one_thing(self) -> InputConfig:
        given = [name for name in ("columns", "text", "array") if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise ValueError(f"must be columns ([a, b]), a column of text ({{text: a}}) or an array (a), got {got}")
        if self.columns == ():
            raise ValueError("must name a column at least, got []")
        return self


class WindowsConfig(_Section):
    """Windows that are cut from a table in order of time: a sample each.

    Attributes:
        length: rows of a window.
        step: rows from the start of one window to that of the next.
        horizon: how many rows behind the window's last one the target stands; 0 is in the last row itself.
        columns: what a window shows of each row; None is every column but those for time, groups and split and
            those that are left out, and the target where its own past is known.
        include_target: whether a window shows the target's values too; None does so from horizon 1 on, when they
            lie in the past.
    """

    length: int = Field(ge=1, strict=True)
    step: int = Field(1, ge=1, strict=True)
    horizon: int = Field(0, ge=0, strict=True)
    columns: ColumnNames | None = None
    include_target: bool | None = None

    @model_validator(mode="after")
    def _shows_no_answer(self) -> WindowsConfig:
        if self.include_target and not self.horizon:
            raise ValueError("include_target with horizon 0 would show the value to be predicted; set horizon: 1")
        if self.columns == ():
            raise ValueError("columns must name a column at least, got []; leave it out for all of them")
        return self


class DataConfig(_Section):
    """The ``data`` section of an experiment.

    Attributes:
        source: a CSV, TSV, Parquet, NPZ or IDX file, a folder of images, ``sklearn:NAME``, ``openml:ID``,
            ``keras:NAME`` or ``file.py:function``.
        prepare: ``file.py:function``, a function of yours that gets what the source holds (a DataFrame, or a
            mapping of arrays) and returns what is learnt from, as a function that is itself a source does.
        target: the column to predict; None where the source says it (arrays, bundled sets).
        test: the part that the search never sees: a fraction of all rows, a second file, or None for no such
            part.
        validation: the part that trials are judged by: a fraction of all rows, or a second file.
        split: a column that names each row's part (train, validation, test); it is not an input.
        task: what kind of target it is; "auto" infers it.
        drop: columns that are left out.
        text: the column of text that is the input.
        tokens: what a text is cut into; "auto" takes characters where texts have few words.
        longest: the most tokens of a text, or steps of a sequence, that are kept; None keeps as many as training has.
        layout: what the axes of an array mean: (samples, height, width[, colours]) is an image, (samples, time,
            features) a sequence; "auto" infers it.
        time_axis: the axis of time; 2 for arrays of (samples, features, time).
        image_size: [height, width] that images from files are resized to; None demands one size of all.
        inputs: several inputs by name: a list of columns, ``{text: COLUMN}``, or the name of an array.
        groups: a column that says which rows belong together (a station, a patient); it is not an input, and no
            group stands on two sides of a split.
        time: a column of dates or numbers that puts rows in order; it is not an input.
        windows: what is cut from the table as one sample: ``{length: 14, horizon: 1}``. Parts of a split follow each
            other in time, and no window reaches from one into the next.

    Where a column, a file or the source itself gives a part, the remaining fraction is one of the rows still
    to be split.
    """

    source: str
    prepare: str | None = None
    target: ColumnName | None = None
    test: float | str | None = 0.2
    validation: float | str = 0.2
    split: ColumnName | None = None
    task: Literal["auto", "binary", "multiclass", "regression"] = "auto"
    drop: ColumnNames = ()
    text: ColumnName | None = None
    tokens: Tokens = "auto"
    longest: int | None = Field(None, ge=1, strict=True)
    layout: Layout = "auto"
    time_axis: Literal[1, 2] = 1
    image_size: tuple[int, int] | None = None
    inputs: dict[str, InputConfig] | None = None
    groups: ColumnName | None = None
    time: ColumnName | None = None
    windows: WindowsConfig | None = None

    @field_validator("source")
    @classmethod
    def _source_is_named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must name a file or a set such as sklearn:iris, got an empty text")
        return value.strip()

    @field_validator("prepare")
    @classmethod
    def _prepare_is_a_function(cls, value: str | None) -> str | None:
        if value is not None and not is_function(value.strip()):
            raise ValueError(f"must name a function in a Python file, such as weather.py:weeks, got {value!r}")
        return None if value is None else value.strip()

    @field_validator("image_size", mode="before")
    @classmethod
    def _size_is_two_sides(cls, value: Any) -> Any:
        if value is None:
            return None
        sides = value if isinstance(value, list | tuple) else ()
        whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
        if len(sides) != 2 or len(whole) != 2 or not all(1 <= side <= LONGEST_SIDE for side in whole):
            raise ValueError(f"must be [height, width] in pixels, 1 to {LONGEST_SIDE}, got {value!r}")
        return tuple(whole)

    @field_validator("inputs")
    @classmethod
    def _inputs_have_plain_names(cls, value: dict[str, InputConfig] | None) -> dict[str, InputConfig] | None:
        for name in value or {}:
            # Names become parts of file names and of a Keras model's own names.
            if not re.fullmatch(r"[A-Za-z]\w{0,63}", name, re.ASCII):
                raise ValueError(f"names must be letters, digits and '_', a letter first, got {name!r}")
        if value is not None and not value:
            raise ValueError("must name an input at least, got {}; leave it out for a single one")
        return value

    @field_validator("test", "validation", mode="before")
    @classmethod
    def _part_is_a_fraction_or_file(cls, value: Any, info: Any) -> Any:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                return value
        optional = info.field_name == "test"
        if optional and (value is None or (value == 0 and not isinstance(value, bool))):
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < 1:
            none = ", or 0 for no such part" if optional else ""
            raise ValueError(f"must be a fraction between 0 and 1, or the path of a file{none}; got {value!r}")
        return float(value)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> DataConfig:
        shares = [share for share in (self.test, self.validation) if isinstance(share, float)]
        if sum(shares) >= 1:
            total = f"{self.test} + {self.validation}"
            raise ValueError(f"test + validation must leave rows to train on (sum below 1), got {total}")
        files = [name for name in ("test", "validation") if isinstance(getattr(self, name), str)]
        if self.split is not None and files:
            raise ValueError(f"split and a file in {files[0]} both give the split; keep one of the two")
        if self.target is not None and self.target in self.drop:
            raise ValueError(f"drop must not hold the target '{self.target}'; take it out of the list")
        return self

    @model_validator(mode="after")
    def _columns_have_one_use(self) -> DataConfig:
        used: dict[str, str] = {}
        for key in ("target", "split", "groups", "time", "text"):
            name = getattr(self, key)
            if name is None:
                continue
            # Years may both order the rows and keep those of one year together.
            if name in used and (used[name], key) != ("groups", "time"):
                raise ValueError(f"{key} must be another column than the {used[name]}, got '{name}' for both")
            used[name] = key
        return self

    @model_validator(mode="after")
    def _inputs_are_told_once(self) -> DataConfig:
        ways = [key for key in ("text", "inputs", "windows") if getattr(self, key) is not None]
        if len(ways) > 1:
            remedy = "; give a text its place there as {text: COLUMN}" if ways == ["text", "inputs"] else ""
            raise ValueError(f"{ways[0]} and {ways[1]} both say what the inputs are; keep one of the two{remedy}")
        if self.windows is not None and self.target is not None and self.target in (self.windows.columns or ()):
            rule = f"windows.columns must not hold the target '{self.target}'"
            raise ValueError(f"{rule}; windows.include_target says whether its past is shown")
        return self
