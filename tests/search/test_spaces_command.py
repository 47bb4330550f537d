"""Does `kerasweep spaces` list what can be searched, as a table and as data?"""

from __future__ import annotations

import json
import sys

import pytest
from program import assert_refused, run_here

from spaces.catalog import DEFAULT_SPACES, FAMILIES, FAMILY_DIMENSIONS, LOSSES, OPTIMIZERS, SCHEDULES
from spaces.metrics import known_metrics


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


def test_everything_is_listed() -> None:
    ran = run_here("spaces")
    assert ran.code == 0
    words = set(ran.out.replace(",", " ").split())
    for names in (FAMILIES, OPTIMIZERS, SCHEDULES, LOSSES, known_metrics()):
        assert set(names) <= words
    assert "`" not in ran.out


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_lists_its_own_dimensions_with_their_ranges(family: str) -> None:
    ran = run_here("spaces", family)
    assert ran.code == 0
    first = {line.split()[0] for line in ran.out.splitlines() if line.split()}
    assert set(DEFAULT_SPACES[family]) <= first
    assert ("filters" in first) == (family == "cnn")
    assert ("{int: [1, 4]}" in ran.out) == (family == "cnn")


@pytest.mark.parametrize("columns", [80, 120])
def test_a_narrow_terminal_cuts_no_name_and_no_range(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ran = run_here("spaces", "cnn")
    assert max(map(len, ran.out.splitlines())) <= columns
    assert {*DEFAULT_SPACES["cnn"], *OPTIMIZERS, *SCHEDULES, *LOSSES} <= {*ran.out.replace(",", " ").split()}
    assert "{int: [8, 64], log: true}" in ran.out
    assert "…" not in ran.out


def test_the_same_comes_as_data() -> None:
    told = json.loads(run_here("spaces", "--json").out)
    assert {name: list(family["dimensions"]) for name, family in told["families"].items()} == {
        name: list(own) for name, own in FAMILY_DIMENSIONS.items()
    }
    assert told["families"]["mlp"]["default_space"]["layers"] == {"int": [1, 5]}
    assert told["families"]["mlp"]["dimensions"]["layers"]["minimum"] == 1
    assert told["losses"]["huber"]["settings"] == ["huber_delta"]
    assert set(told["metrics"]) == set(known_metrics())
    assert list(json.loads(run_here("spaces", "rnn", "--json").out)["families"]) == ["rnn"]


def test_an_unknown_family_is_told_the_known_ones() -> None:
    ran = run_here("spaces", "cnnn")
    assert_refused(ran, "there is no model family 'cnnn'; did you mean 'cnn'? Allowed: linear, mlp, cnn, rnn, custom")


def test_looking_loads_no_library() -> None:
    import subprocess

    program = "import sys; from search.cli import main\ntry:\n    main()\nexcept SystemExit:\n    print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, "spaces", "mlp"], capture_output=True, text=True, check=True)
    assert {"tensorflow", "keras", "mlflow", "optuna", "pandas"} & set(done.stdout.split()) == set()
