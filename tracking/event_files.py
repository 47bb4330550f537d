"""How are TensorBoard's event files written, without TensorFlow and without TensorBoard?

A file is a sequence of TFRecords, each an ``Event`` protocol buffer of a few fields; the formats have not changed since
2015. Writing them here keeps TensorFlow out of the coordinator, and serves every Keras backend alike.

References: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto,
tensorflow/core/framework/summary.proto, tensorboard/plugins/hparams/plugin_data.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from typing import Literal

from tracking.records import Scalar

FILE_VERSION = "brain.Event:2"
_HPARAMS = "hparams"
_STATUS = {"success": 1, "failure": 2}


def record(data: bytes) -> bytes:
    """Frame data as one TFRecord: length, its checksum, the data, its checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def masked_crc(data: bytes) -> int:
    """Return TFRecord's checksum: CRC-32C (Castagnoli), rotated by 15 bits plus a constant."""
    crc = 0xFFFFFFFF
    table = _crc_table()
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def version_event(wall_time: float) -> bytes:
    """Return the event that opens every file; ``wall_time`` in seconds since 1970, as everywhere here."""
    return _double(1, wall_time) + _bytes(3, FILE_VERSION.encode())


def scalars_event(wall_time: float, step: int, values: Mapping[str, float]) -> bytes:
    """Return an event with scalars by tag; NaN and infinities are kept."""
    summary = b"".join(_bytes(1, _bytes(1, tag.encode()) + _float(2, value)) for tag, value in values.items())
    return _double(1, wall_time) + _varint(2, step) + _bytes(5, summary)


def params_event(wall_time: float, group: str, params: Mapping[str, Scalar | None]) -> bytes:
    """Return the event with which TensorBoard's HParams page begins a trial; ``group`` names the trial there."""
    entries = b"".join(_bytes(1, _bytes(1, name.encode()) + _bytes(2, _value(value))) for name, value in params.items())
    start = entries + _bytes(4, group.encode()) + _double(5, wall_time)
    return _hparams_event(wall_time, "_hparams_/session_start_info", _bytes(3, start))


def end_event(wall_time: float, status: Literal["success", "failure"]) -> bytes:
    """Return the event with which TensorBoard's HParams page ends a trial."""
    end = _varint(1, _STATUS[status]) + _double(2, wall_time)
    return _hparams_event(wall_time, "_hparams_/session_end_info", _bytes(4, end))


def _hparams_event(wall_time: float, tag: str, content: bytes) -> bytes:
    metadata = _bytes(1, _bytes(1, _HPARAMS.encode()) + _bytes(2, _varint(1, 0) + content))
    # TensorBoard wants a tensor with every such summary and never looks at it: one float, 0.
    tensor = _varint(1, 1) + _bytes(2, _bytes(2, _varint(1, 1))) + _bytes(5, struct.pack("<f", 0.0))
    summary = _bytes(1, _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, metadata))
    return _double(1, wall_time) + _bytes(5, summary)


def _value(value: Scalar | None) -> bytes:
    """google.protobuf.Value."""
    match value:
        case None:
            return _varint(1, 0)
        case bool():
            return _varint(4, int(value))
        case int() | float():
            return _double(2, float(value))
        case _:
            return _bytes(3, value.encode())


def _key(field: int, wire: int) -> bytes:
    return _base128(field << 3 | wire)


def _base128(value: int) -> bytes:
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _varint(field: int, value: int) -> bytes:
    return _key(field, 0) + _base128(value)


def _double(field: int, value: float) -> bytes:
    return _key(field, 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    # What is beyond a float32 becomes an infinity, as TensorFlow has it.
    try:
        return _key(field, 5) + struct.pack("<f", value)
    except OverflowError:
        return _key(field, 5) + struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _base128(len(value)) + value
