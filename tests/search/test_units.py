"""Are durations and sizes read as people write them, and shown as people read them?"""

from __future__ import annotations

import pytest

from search.units import format_bytes, format_duration, parse_bytes, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90.0),
        (0.5, 0.5),
        ("90", 90.0),
        ("90s", 90.0),
        ("1.5s", 1.5),
        ("30m", 1800.0),
        (" 30 m ", 1800.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("1.5h", 5400.0),
        ("2d", 172800.0),
        ("1d2h3m4s", 86400.0 + 7200 + 180 + 4),
    ],
)
def test_a_duration_is_read_in_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [0, -1, "0", "0s", "-5m", "", " ", "soon", "30 min", "5m90", "1:30", "m", "1h30", True, None, [30], {"h": 1},
     float("nan"), float("inf"), 10**400, -(10**400), "9" * 400, 1e13],
)  # fmt: skip
def test_what_is_no_duration_is_told_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert str(caught.value) == f"must be a time above zero such as 90s, 30m or 1h30m, got {text!r}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.4, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 m 00 s"),
        (200, "3 m 20 s"),
        (3599.6, "1 h 00 m"),
        (7500, "2 h 05 m"),
        (7199.9, "2 h 00 m"),
        (180_000, "50 h 00 m"),
    ],
)
def test_a_duration_is_shown_in_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (500000, 500_000),
        ("500000", 500_000),
        (1e9, 1_000_000_000),
        ("500 MB", 500_000_000),
        ("500mb", 500_000_000),
        ("2GB", 2_000_000_000),
        ("1.5 GB", 1_500_000_000),
        ("1TB", 10**12),
        ("7B", 7),
    ],
)
def test_a_size_is_read_in_bytes(text: object, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    [0, -1, "0 MB", "0.5B", "", "lots", "2 GiB", "2G", "GB", True, None, [1], float("nan"), float("inf"), "9" * 400],
)
def test_what_is_no_size_is_told_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError) as caught:
        parse_bytes(text)
    assert str(caught.value) == f"must be a size above zero such as 500MB or 2GB, got {text!r}"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (1_500_000, "1.5 MB"),
        (2e9, "2.0 GB"),
        (3.25e12, "3.2 TB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_a_size_is_shown_in_the_unit_that_fits(size: float, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize("size", [1, 999, 1000, 4_200_000, 7_000_000_000])
def test_a_shown_size_reads_back_to_two_digits(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == pytest.approx(size, rel=0.05)


@pytest.mark.parametrize("seconds", [0.8, 42, 125, 3720, 180_000])
def test_a_shown_duration_reads_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
