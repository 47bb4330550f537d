"""Which data, which target and which split does an experiment name?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator


class DataConfig(BaseModel):
    """The ``data`` section of an experiment.

    Attributes:
        source: a CSV, TSV, Parquet or NPZ file, ``sklearn:NAME``, ``openml:ID``, ``keras:NAME`` or
            ``file.py:function``.
        target: the column to predict; None where the source says it (arrays, bundled sets).
        test: the part that the search never sees: a fraction of all rows, a second file, or None for no such
            part.
        validation: the part that trials are judged by: a fraction of all rows, or a second file.
        split: a column that names each row's part (train, validation, test); it is not an input.
        task: what kind of target it is; "auto" infers it.
        drop: columns that are left out.

    Where a column, a file or the source itself gives a part, the remaining fraction is one of the rows still
    to be split.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    target: str | None = None
    test: float | str | None = 0.2
    validation: float | str = 0.2
    split: str | None = None
    task: Literal["auto", "binary", "multiclass", "regression"] = "auto"
    drop: tuple[str, ...] = ()

    @field_validator("source")
    @classmethod
    def _source_is_named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must name a file or a set such as sklearn:iris, got an empty text")
        return value.strip()

    @field_validator("target", "split", mode="before")
    @classmethod
    def _column_is_a_name(cls, value: Any) -> Any:
        # YAML reads a column called 2019 as a number.
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("drop", mode="before")
    @classmethod
    def _drop_is_a_list(cls, value: Any) -> Any:
        if isinstance(value, str | int):
            value = [value]
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list of column names such as [id, date], got {value!r}")
        return tuple(str(name) for name in value)

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
        if self.split is not None and self.split == self.target:
            raise ValueError(f"split must be another column than the target, got '{self.split}' for both")
        return self
