"""TensorBoard's event files: read back byte by byte, as the formats' own documents describe them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracking import TensorBoardLog
from tracking.event_files import masked_crc, scalars_event


def records(path: Path) -> list[bytes]:
    """The contents of a TFRecord file, every checksum looked at."""
    data, found, place = path.read_bytes(), [], 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        assert struct.unpack_from("<I", data, place + 8)[0] == masked_crc(data[place : place + 8])
        content = data[place + 12 : place + 12 + length]
        assert struct.unpack_from("<I", data, place + 12 + length)[0] == masked_crc(content)
        found.append(content)
        place += 16 + length
    return found


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer message: numbers as they are, all else as bytes."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        key = varint()
        match key & 7:
            case 0:
                yield key >> 3, varint()
            case 1:
                yield key >> 3, struct.unpack_from("<d", message, place)[0]
                place += 8
            case 5:
                yield key >> 3, struct.unpack_from("<f", message, place)[0]
                place += 4
            case _:
                length = varint()
                yield key >> 3, message[place : place + length]
                place += length


def scalars(file: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag to (step, value) of all scalars of a file."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in map(dict, map(fields, records(file))):
        for _, value in fields(event.get(5, b"")):
            parts = dict(fields(value))
            if 2 in parts:
                found.setdefault(parts[1].decode(), []).append((event.get(2, 0), parts[2]))
    return found


def file_of(folder: Path) -> Path:
    (file,) = folder.glob("events.out.tfevents.*")
    return file


def test_the_checksum_is_that_of_the_format() -> None:
    # RFC 3720, B.4: the CRC-32C of 32 bytes of zeros is 0x8A9136AA; masked: rotated by 15 bits, plus 0xA282EAD8.
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_epochs_are_scalars_with_training_and_validation_side_by_side(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.start(3, {"layers": 2})
    log.epoch(3, 1, {"loss": 0.75, "val_loss": 0.5, "val_auc": 0.25})
    log.epoch(3, 2, {"loss": 0.5, "val_loss": math.inf})
    assert scalars(file_of(tmp_path / "trial_3" / "train")) == {"epoch_loss": [(1, 0.75), (2, 0.5)]}
    judged = scalars(file_of(tmp_path / "trial_3" / "validation"))
    assert judged == {"epoch_loss": [(1, 0.5), (2, math.inf)], "epoch_auc": [(1, 0.25)]}


def test_each_round_has_a_folder(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.epoch(0, 4, {"val_loss": 0.5}, round=2)
    assert scalars(file_of(tmp_path / "trial_0" / "round_2" / "validation")) == {"epoch_loss": [(4, 0.5)]}


def test_a_trial_that_starts_again_replaces_its_files(tmp_path: Path) -> None:
    for log in (TensorBoardLog(tmp_path), TensorBoardLog(tmp_path)):
        for _ in range(2):
            log.start(1, {})
            log.epoch(1, 1, {"loss": 0.5})
    assert scalars(file_of(tmp_path / "trial_1" / "train")) == {"epoch_loss": [(1, 0.5)]}


def test_every_file_opens_with_its_version(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.start(1, {"rate": 0.5})
    log.finish(1, "success", {"best_value": 0.5})
    events = [dict(fields(content)) for content in records(file_of(tmp_path / "trial_1"))]
    assert [event.get(3) for event in events] == [b"brain.Event:2", None, None, None]
    assert all(event[1] > 1e9 for event in events)  # seconds since 1970


@pytest.mark.parametrize(
    ("value", "field", "written"),
    [(2, 2, 2.0), (0.5, 2, 0.5), (True, 4, 1), ("adam", 3, b"adam"), (None, 1, 0)],
)
def test_params_are_shown_in_their_own_types(tmp_path: Path, value: Any, field: int, written: Any) -> None:
    log = TensorBoardLog(tmp_path)
    log.start(1, {"name": value})
    summary = dict(fields(dict(fields(records(file_of(tmp_path / "trial_1"))[1]))[5]))[1]
    parts = dict(fields(summary))
    assert parts[1] == b"_hparams_/session_start_info"
    plugin = dict(fields(dict(fields(parts[9]))[1]))
    assert plugin[1] == b"hparams"
    start = dict(fields(dict(fields(plugin[2]))[3]))
    assert dict(fields(start[1])) == {1: b"name", 2: dict(fields(summary)) and dict(fields(start[1]))[2]}
    assert dict(fields(dict(fields(start[1]))[2])) == {field: written}
    assert start[4] == b"trial_1"


def test_a_value_beyond_float32_becomes_an_infinity() -> None:
    value = dict(fields(dict(fields(dict(fields(scalars_event(0.0, 1, {"a": -1e300})))[5]))[1]))
    assert value[2] == -math.inf
