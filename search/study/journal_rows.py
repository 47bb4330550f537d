"""How do `list`, `show` and `best` read ten thousand trials in less than a second?

Optuna replays every line of a journal, which takes it ten seconds then. For a table of trials most lines do not
matter, and those of finished trials never change. So a journal is folded into rows here, once: the rows stand in a file
beside it (``rows.json``, which may be deleted at any time), and the next reader goes on where that one ended.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from search.errors import StudyError
from search.files import write_whole
from search.pictures.rows import TrialRow
from search.study.records import TrialNotes, notes_of, to_row

_FORMAT = 1
_WORTH_KEEPING = 2_000  # lines; reading so many takes 10 ms
_MARK_BYTES = 512
_FIELDS = tuple(item.name for item in fields(TrialRow))


class State(IntEnum):
    """Optuna's states of a trial, as its journal has them."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4

    def is_finished(self) -> bool:
        return self not in (State.RUNNING, State.WAITING)


class Operation(IntEnum):
    """Optuna's operations that say something about rows."""

    STUDY = 0
    STUDY_ATTR = 2
    CREATE = 4
    PARAM = 5
    STATE = 6
    REPORT = 7
    ATTR = 8


@dataclass
class JournalTrial:
    """A trial that is not over, with what `to_row` asks of Optuna's FrozenTrial."""

    number: int
    state: State
    params: dict[str, Any] = field(default_factory=dict)
    user_attrs: dict[str, Any] = field(default_factory=dict)
    intermediate_values: dict[int, float] = field(default_factory=dict)
    value: float | None = None


@dataclass
class JournalRows:
    """What a journal says of its study, up to ``offset``.

    Attributes:
        name: the study's; attrs: its attributes.
        finished: number to row, in the order in which the trials ended; notes: what else is known of these.
        open: the trials that are not over, by number.
        offset: bytes of the journal that are folded in; lines: how many; count: trials.
    """

    name: str = ""
    attrs: dict[str, Any] = field(default_factory=dict)
    finished: dict[int, TrialRow] = field(default_factory=dict)
    notes: dict[int, TrialNotes] = field(default_factory=dict)
    open: dict[int, JournalTrial] = field(default_factory=dict)
    offset: int = 0
    lines: int = 0
    count: int = 0

    @property
    def rows(self) -> list[TrialRow]:
        """All trials that have begun, by number."""
        begun = (to_row(trial) for trial in self.open.values() if trial.state != State.WAITING)
        return sorted((*self.finished.values(), *begun), key=lambda row: row.number)

    def fold(self, record: Mapping[str, Any]) -> None:
        """Take in one line. A study has its journal for itself, and a trial its place in it as its number."""
        operation = record["op_code"]
        if operation == Operation.STUDY:
            self.name = self.name or record["study_name"]
        elif operation == Operation.STUDY_ATTR:
            self.attrs.update(record["user_attr"])
        elif operation == Operation.CREATE:
            self._create(record)
        elif (trial := self.open.get(record.get("trial_id", -1))) is None:
            return  # of the study as a whole, or too late: the trial was over
        elif operation == Operation.PARAM:
            value = _external(record["distribution"])(record["param_value_internal"])
            trial.params[sys.intern(record["param_name"])] = value
        elif operation == Operation.ATTR:
            trial.user_attrs.update(record["user_attr"])
        elif operation == Operation.REPORT:
            trial.intermediate_values[int(record["step"])] = record["intermediate_value"]
        elif operation == Operation.STATE:
            trial.state = State(record["state"])
            trial.value = record["values"][0] if record["values"] else None
            self._close_if_over(trial)

    def _create(self, record: Mapping[str, Any]) -> None:
        external = {name: _external(drawn) for name, drawn in record.get("distributions", {}).items()}
        trial = JournalTrial(
            self.count,
            State(record.get("state", State.RUNNING)),
            {name: external[name](value) for name, value in record.get("params", {}).items()},
            dict(record.get("user_attrs", {})),
            {int(step): value for step, value in record.get("intermediate_values", {}).items()},
            record.get("value", (record.get("values") or [None])[0]),
        )
        self.open[trial.number] = trial
        self.count += 1
        self._close_if_over(trial)

    def _close_if_over(self, trial: JournalTrial) -> None:
        if trial.state.is_finished():
            del self.open[trial.number]
            self.finished[trial.number] = to_row(trial)
            self.notes[trial.number] = notes_of(trial)


def read_rows(journal: Path, kept: Path) -> JournalRows:
    """Fold a journal, from where the kept rows end; they are kept anew if there was much to read.

    Args:
        kept: file for the rows. Where it cannot be written, the next reader has to read it all again.

    Raises:
        StudyError: if a line is damaged.
    """
    rows = _read_kept(journal, kept) or JournalRows()
    with journal.open("rb") as stream:
        stream.seek(rows.offset)
        lines = WholeLines(stream)  # a last line without an end is being written at this moment
        for record in parse_lines(lines, journal, rows.lines):
            rows.fold(record)
    rows.offset += lines.size
    rows.lines += lines.count
    if lines.count >= _WORTH_KEEPING:
        _keep(journal, kept, rows)
    return rows


class WholeLines:
    """The lines of a file, one after the other.

    Attributes:
        count: lines read so far, and size: their bytes.
        torn: what comes after the last line end; it is no line.
    """

    def __init__(self, stream: Iterable[bytes]) -> None:
        self.count, self.size, self.torn = 0, 0, b""
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            if not line.endswith(b"\n"):
                self.torn = line
                return
            self.count += 1
            self.size += len(line)
            yield line


def _check_line(line: bytes, journal: Path, number: int) -> None:
    """Refuse a line that is no record of Optuna's.

    Raises:
        StudyError: naming the file and the line.
    """
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or "op_code" not in record:
        raise StudyError(
            f"{journal}: line {number} is damaged and is not a record; restore the file from a backup, "
            f"or keep the first {number - 1} lines (a copy of it first)"
        )


def parse_lines(lines: Iterable[bytes], journal: Path, before: int = 0) -> Iterable[Mapping[str, Any]]:
    """The lines' records. Many at a time, as that takes half the time; one by one where one of them is damaged.

    Args:
        before: lines of the journal that come before these.

    Raises:
        StudyError: naming the first that is no record.
    """
    remaining = iter(enumerate(lines, before + 1))
    while some := list(islice(remaining, 1_000)):
        try:
            records: list[Mapping[str, Any]] = json.loads(b"[" + b",".join(line for _, line in some) + b"]")
        except ValueError:
            records = []
        if len(records) != len(some) or not all(isinstance(record, dict) and "op_code" in record for record in records):
            for number, line in some:
                _check_line(line, journal, number)
        yield from records


@lru_cache(maxsize=1_000)
def _external(distribution: str) -> Any:
    """What makes a value of the internal one that a journal has, for a distribution in Optuna's JSON."""
    described = json.loads(distribution)
    match described["name"]:
        case "CategoricalDistribution":
            choices = described["attributes"]["choices"]
            return lambda internal: choices[int(internal)]
        case "IntDistribution":
            return int
    return float


def _mark(journal: Path, offset: int) -> str:
    """What tells a journal, up to a place in it, from another one: its first bytes, and those before the place."""
    with journal.open("rb") as stream:
        first = stream.read(min(_MARK_BYTES, offset))
        stream.seek(max(0, offset - _MARK_BYTES))
        return hashlib.sha256(first + stream.read(min(_MARK_BYTES, offset))).hexdigest()


def _read_kept(journal: Path, kept: Path) -> JournalRows | None:
    try:
        content = json.loads(kept.read_bytes())
        if content["format"] != _FORMAT or content["mark"] != _mark(journal, content["offset"]):
            return None
        return JournalRows(
            name=content["name"],
            attrs=content["attrs"],
            finished={values[0]: _row(values) for values in content["finished"]},
            notes={int(number): TrialNotes(*notes) for number, notes in content["notes"].items()},
            open={int(number): _open_trial(trial) for number, trial in content["open"].items()},
            offset=content["offset"],
            lines=content["lines"],
            count=content["count"],
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # not there, or of another version: the journal has it all


def _row(values: list[Any]) -> TrialRow:
    values[_FIELDS.index("values")] = tuple(values[_FIELDS.index("values")])
    return TrialRow(*values)


def _open_trial(content: Mapping[str, Any]) -> JournalTrial:
    values = {int(step): value for step, value in content["intermediate_values"].items()}
    return JournalTrial(**{**content, "state": State(content["state"]), "intermediate_values": values})


def _keep(journal: Path, kept: Path, rows: JournalRows) -> None:
    content = {
        "format": _FORMAT,
        "mark": _mark(journal, rows.offset),
        "offset": rows.offset,
        "lines": rows.lines,
        "count": rows.count,
        "name": rows.name,
        "attrs": rows.attrs,
        "finished": [[getattr(row, name) for name in _FIELDS] for row in rows.finished.values()],
        "notes": {number: (notes.begin, notes.threshold) for number, notes in rows.notes.items()},
        "open": {number: vars(trial) for number, trial in rows.open.items()},
    }
    try:
        write_whole(kept, json.dumps(content, separators=(",", ":")))
    except OSError:
        return
