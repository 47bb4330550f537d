"""Leaderboards and config lines: order, contents and width."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from picture_rows import study_of
from rich.console import Console

from search.files import write_whole
from search.pictures.leaderboard import leaderboard_csv, leaderboard_html, write_leaderboard
from search.pictures.rows import TrialRow, fixed_params, leaderboard_order, ranked, running_best
from search.pictures.terminal import render_leaderboard
from search.pictures.wording import format_count, format_params, format_scalar, format_seconds, format_value


def row(number: int, value: float | None, state: Any = "complete", **more: Any) -> TrialRow:
    trial = TrialRow(number, state, value, {"layers": 1, "rate": 0.1}, 2, 4, 1.5, 1000)
    return replace(trial, **more)


ROWS = [
    row(0, 0.7),
    row(1, 0.9, params={"layers": 2, "rate": 1 / 3, "norm": True, "name": "a,b"}),
    row(2, 0.9),
    row(3, 0.9, duplicate_of=1),
    row(4, 0.95, "pruned", reason="pruned at epoch 4"),
    row(5, 0.97, "pruned"),
    row(6, None, "diverged", best_epoch=None),
    row(7, None, "failed", seconds=None, parameters=None, reason='lost: "signal 9"'),
    row(8, 0.99, "running"),
    row(9, math.nan),
]


@pytest.mark.parametrize(
    ("direction", "numbers"),
    [
        # equal values: the earlier trial first; then the repeat, no value, pruned (best first), and the rest
        ("maximize", [1, 2, 0, 3, 9, 5, 4, 6, 7, 8]),
        ("minimize", [0, 1, 2, 3, 9, 4, 5, 6, 7, 8]),
    ],
)
def test_the_order_is_ranked_trials_then_the_rest_by_state(direction: Any, numbers: list[int]) -> None:
    order = leaderboard_order(ROWS[::-1], direction)
    assert [trial.number for _, trial in order] == numbers
    assert [rank for rank, _ in order] == [1, 2, 3, *[None] * 7]


def test_ranking_and_running_best_take_complete_finite_trials_only() -> None:
    assert [trial.number for trial in ranked(ROWS, "maximize")] == [1, 2, 0]
    assert [trial.number for trial in running_best(ROWS, "maximize")] == [0, 1]
    assert [trial.number for trial in running_best(ROWS[::-1], "minimize")] == [0]
    assert ranked([], "maximize") == []


def test_fixed_params_are_those_that_every_trial_has_alike() -> None:
    rows = [row(0, 1, params={"a": 1, "b": 2, "c": 3}), row(1, 1, params={"a": 1, "b": 3})]
    assert fixed_params(rows) == {"a": 1}
    assert fixed_params([]) == {}


def test_the_csv_reads_back_with_every_digit() -> None:
    lines = list(csv.DictReader(io.StringIO(leaderboard_csv(ROWS, "maximize"))))
    assert list(lines[0]) == [
        *("rank", "trial", "state", "value", "best_epoch", "epochs", "seconds", "parameters"),
        *("params.layers", "params.rate", "params.norm", "params.name"),
        *("duplicate_of", "reason"),
    ]
    best, last = lines[0], lines[-2]
    assert (best["rank"], best["trial"], best["value"], best["params.norm"]) == ("1", "1", "0.9", "true")
    assert float(best["params.rate"]) == 1 / 3
    assert best["params.name"] == "a,b"
    assert (last["rank"], last["seconds"], last["parameters"], last["value"]) == ("", "", "", "")
    assert last["reason"] == 'lost: "signal 9"'
    assert lines[3]["duplicate_of"] == "1"


def test_a_study_without_trials_has_a_header_only() -> None:
    assert leaderboard_csv([], "maximize").count("\n") == 1


class Cells(HTMLParser):
    """Collects the cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        self.within = tag in ("td", "th")
        if self.within:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.within = False

    def handle_data(self, data: str) -> None:
        if self.within:
            self.rows[-1][-1] += data


def test_the_html_table_says_the_same_in_the_same_order() -> None:
    rows = [*ROWS, row(10, 0.1, params={"layers": 1, "kind": "<b>"})]
    parser = Cells()
    parser.feed(leaderboard_html(rows, "pi<ma", "val_accuracy", "maximize"))
    head, *body = parser.rows
    assert head[:4] == ["rank", "trial", "state", "val_accuracy"]
    assert [cells[1] for cells in body] == ["1", "2", "0", "10", "3", "9", "5", "4", "6", "7", "8"]
    assert all(len(cells) == len(head) for cells in body)
    assert body[3][head.index("kind")] == "<b>"
    assert body[4][-1] == "repeats trial 1"
    assert body[5][3] == ""  # NaN is no value


def test_both_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    for _ in range(2):
        paths = write_leaderboard(
            study_of(40),
            study="pima",
            objective="val_accuracy",
            direction="maximize",
            folder=tmp_path / "new",
        )
    assert [path.name for path in paths] == ["leaderboard.csv", "leaderboard.html"]
    assert sorted((tmp_path / "new").iterdir()) == paths


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "leaderboard.csv").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "leaderboard.csv", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["leaderboard.csv"]


def printed(rows: list[TrialRow], width: int, limit: int | None = 10) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(render_leaderboard(rows, limit, objective="val_accuracy", width=width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 56, 60, 76, 80, 120, 200])
def test_the_table_fits_the_terminal_and_cuts_nothing(width: int) -> None:
    rows = study_of(60)
    lines = printed(rows, width, limit=5)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for trial in ranked(rows, "maximize")[:5]:
        assert format_value(trial.value) in text
        # every word of the config is somewhere in the table, whole
        assert all(word in text for word in format_params(trial.params).split())


def test_rows_beyond_the_limit_are_counted_by_state() -> None:
    lines = printed(ROWS, 100, limit=3)
    assert "and 7 more: 2 complete, 2 pruned, 1 diverged, 1 failed, 1 running" in lines[-1]
    assert not any("state" in line for line in lines)


def test_states_have_a_column_where_they_differ() -> None:
    text = "\n".join(printed(ROWS, 110, limit=None))
    assert "state" in text
    assert "diverged" in text
    assert "repeats trial 1" in " ".join(text.split())


@pytest.mark.parametrize("limit", [None, 0, 10])
def test_a_table_without_trials_says_so(limit: int | None) -> None:
    assert "no trial yet" in "\n".join(printed([], 80, limit))


def test_square_brackets_in_a_config_are_text() -> None:
    text = "\n".join(printed([row(0, 1.0, params={"kind": "[red]x[/red]"})], 120))
    assert "kind=[red]x[/red]" in text


MLP = {"layers": 2, "units_1": 64, "units_2": 32, "activation": "relu"}


@pytest.mark.parametrize(
    ("params", "line"),
    [
        (
            {**MLP, "batch_norm": True, "dropout": 0.21, "optimizer": "adam", "learning_rate": 1.2e-3},
            "2 layers 64-32 relu, batch norm, dropout 0.21, adam 1.2e-3",
        ),
        ({**MLP, "batch_norm": False, "dropout": 0.0, "l1": 0, "weight_decay": None}, "2 layers 64-32 relu"),
        ({"layers": 3, "units": 16, "activation": "tanh"}, "3 layers of 16 tanh"),
        ({"layers": 1, "units": 16, "activation": "tanh"}, "1 layer 16 tanh"),
        ({"layers": 1, "units_1": 16, "units_2": 8}, "1 layer 16, units_2=8"),
        ({"layers": 0, "optimizer": "sgd"}, "0 layers, sgd"),
        ({"units_1": 8, "units_2": 4}, "2 layers 8-4"),
        ({"units": 8}, "8 units"),
        ({"learning_rate": 0.01}, "learning rate 0.01"),
        ({"layers": 2, "activation_1": "relu", "activation_2": "elu"}, "2 layers relu-elu"),
        ({"layers": 2, "activation_1": "elu", "activation_2": "elu"}, "2 layers elu"),
        ({"layers": 2, "dropout_1": 0.1, "dropout_2": 0.25}, "2 layers, dropout 0.1/0.25"),
        ({"layers": 2, "batch_norm_1": True, "batch_norm_2": False}, "2 layers, batch norm yes/no"),
        (
            {"optimizer": "sgd", "learning_rate": 0.03, "momentum": 0.9, "nesterov": True, "batch_size": 32},
            "sgd 0.03, momentum 0.9, batch 32, nesterov=true",
        ),
        # beta_1 and beta_2 belong to the optimizer, not to layers 1 and 2
        (
            {"layers": 2, "optimizer": "adam", "beta_1": 0.9, "beta_2": 0.999},
            "2 layers, adam, beta_1=0.9, beta_2=0.999",
        ),
        (
            {
                "input_dropout": 0.1,
                "weight_decay": 1e-4,
                "l1": 1e-5,
                "l2": 2e-5,
                "kernel_initializer": "he_normal",
            },
            "input dropout 0.1, weight decay 1e-4, l1 1e-5, l2 2e-5, he_normal",
        ),
        ({"depth": 3, "kind": None, "scale": 0.00012345}, "depth=3, kind=null, scale=1.23e-4"),
        ({}, ""),
    ],
)
def test_a_config_reads_as_one_line(params: dict[str, Any], line: str) -> None:
    before = dict(params)
    assert format_params(params) == line
    assert params == before


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.8125, "0.8125"),
        (0.0, "0.0000"),
        (1.0, "1.0000"),
        (-0.5, "-0.5000"),
        (12.3456, "12.35"),
        (54321.0, "54,321"),
        (0.0001234, "1.234e-04"),
        (1.5e9, "1.500e+09"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_values_read_alike(value: float | None, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.0, "0"),
        (2.0, "2"),
        (123456.0, "1.23e5"),
        (9999.0, "9999"),
        (-0.001, "-1e-3"),
        (math.inf, "inf"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert format_scalar(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.84, "0.8 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3725, "1 h 02 m"),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, ""), (0, "0"), (9999, "9,999"), (12345, "12.3 k"), (999_950, "1.0 M"), (3_210_000, "3.2 M")],
)
def test_counts_are_short(count: int | None, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("params", "line"),
    [
        (
            {"conv_layers": 2, "filters_1": 16, "filters_2": 32, "kernel_size_1": 3, "kernel_size_2": 5,
             "pooling": "max", "conv_dropout": 0.1, "layers": 1, "units_1": 64, "activation": "relu"},
            "conv 16-32 3x3-5x5, max pooling, conv dropout 0.1, 1 layer 64 relu",
        ),
        ({"conv_layers": 3, "filters": 16, "kernel_size": 5, "pooling": "none", "layers": 0}, "3 conv 16 5x5"),
        (
            {"recurrent_layers": 2, "cell": "gru", "state_size_1": 16, "state_size_2": 8, "bidirectional": True,
             "recurrent_dropout": 0.25, "layers": 0},
            "bidirectional gru 16-8, recurrent dropout 0.25",
        ),
        ({"recurrent_layers": 1, "cell": "simple_rnn", "state_size_1": 11}, "simple_rnn 11"),
        ({"width": 3, "own_choice": "a"}, "width=3, own_choice=a"),
    ],
)  # fmt: skip
def test_configs_of_every_family_read_as_one_line(params: dict[str, Any], line: str) -> None:
    assert format_params(params) == line


def test_a_spread_has_a_column_of_its_own_where_there_is_one() -> None:
    one = TrialRow(0, "complete", 0.75, {}, 2, 4, 1.0, 10)
    several = TrialRow(1, "complete", 0.5, {}, 2, 8, 1.0, 10, spread=0.125, values=(0.375, 0.625))
    assert "spread" not in leaderboard_csv([one], "maximize").splitlines()[0]
    table = list(csv.DictReader(leaderboard_csv([one, several], "maximize").splitlines()))
    assert [line["spread"] for line in table] == ["", "0.125"]
    assert "0.5000 ± 0.1250" in leaderboard_html([one, several], "s", "val_accuracy", "maximize")
