"""Do the commands print what a person, or a script, needs? (One small study, trained in this process.)"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from search.cli.app import run as run_program

EXPERIMENT = """
study: flowers
data: {source: sklearn:iris, test: 0.2, validation: 0.3}
space: {layers: 1, units: {int: [4, 16]}, batch_norm: false, dropout: 0, optimizer: adam, activation: [relu, tanh]}
training: {epochs: 4}
search: {trials: 4, executor: inline, seed: 2}
"""


class Program:
    """Runs commands in one folder, in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["kerasweep", *words])
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setenv("COLUMNS", "120")
            patch.delenv("KERASWEEP_HOME", raising=False)
            with pytest.raises(SystemExit) as left:
                run_program()
        assert left.value.code == code, err.getvalue()
        return out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def kerasweep(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "flowers.yaml").write_text(EXPERIMENT)
    program = Program(folder)
    program.first_run = program("run", "flowers.yaml")  # type: ignore[attr-defined]
    return program


def test_a_run_tells_its_progress_on_stderr_and_its_result_on_stdout(kerasweep: Program) -> None:
    out, err = kerasweep.first_run  # type: ignore[attr-defined]
    assert "study flowers: 4 trials, maximize val_accuracy, up to 4 epochs, 1 worker" in err
    assert "sampler tpe (auto: the space holds more configs than there are trials)" in err
    assert "pruner halving (auto: " in err
    assert "[4/4] trial 3" in err
    assert "<- best so far" in err
    assert err.index("scoring the best model") < err.index("writing the record ...")
    assert "best  trial" in out
    assert "(rows that the search never saw)" in out
    assert "kerasweep best flowers -o best.yaml" in out
    assert "kerasweep ui flowers" in out


def test_running_again_does_nothing_and_says_so(kerasweep: Program) -> None:
    out, _ = kerasweep("run", "flowers.yaml")
    assert "has all of its 4 trials" in out
    assert "there is nothing left to do" in out


def test_a_quiet_run_prints_results_only(kerasweep: Program) -> None:
    out, err = kerasweep("run", "flowers.yaml", "--trials", "5", "--quiet")
    assert err == ""
    assert "best  trial" in out
    assert json.loads(kerasweep("list", "--json")[0])[0]["total"] == 5


def test_list_and_show_say_how_a_study_stands(kerasweep: Program) -> None:
    assert "flowers" in kerasweep("list")[0]
    (entry,) = json.loads(kerasweep("list", "--json")[0])
    assert (entry["study"], entry["status"], entry["finished"]) == ("flowers", "complete", entry["total"])
    shown, _ = kerasweep("show", "flowers")
    for word in ("150 rows", "multiclass", "maximize val_accuracy", "best", "test", "runs:/"):
        assert word in shown
    facts = json.loads(kerasweep("show", "flowers", "--json")[0])["facts"]
    assert {"versions", "code", "space", "data"} <= set(facts)


def test_trials_come_as_table_json_and_csv_with_the_same_content(kerasweep: Program) -> None:
    as_json = json.loads(kerasweep("trials", "flowers", "--json")[0])
    as_csv = list(csv.DictReader(io.StringIO(kerasweep("trials", "flowers", "--csv")[0])))
    assert [str(entry["trial"]) for entry in as_json] == [row["trial"] for row in as_csv]
    for entry, row in zip(as_json, as_csv, strict=True):
        assert float(row["value"]) == entry["value"]
        assert row["units_1"] == str(entry["params"]["units_1"])
    table, _ = kerasweep("trials", "flowers")
    assert all(str(entry["trial"]) in table for entry in as_json)
    assert len(json.loads(kerasweep("trials", "flowers", "--json", "--limit", "2")[0])) == 2


def test_the_best_config_trains_again_to_the_recorded_score(kerasweep: Program) -> None:
    kerasweep("best", "flowers", "-o", "best.yaml")
    out, _ = kerasweep("train", "best.yaml", "-o", "model")
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert lines["val_accuracy"].split()[0] == lines["recorded"].split()[0]
    assert "(the same)" in lines["recorded"]
    names = {path.name for path in (kerasweep.folder / "model").iterdir()}
    assert names == {"model.keras", "preprocessor.skops", "spec.json", "best.yaml", "kerasweep_model"}


def test_a_config_trains_on_all_but_the_test_part(kerasweep: Program) -> None:
    out, _ = kerasweep("train", "flowers", "--full", "-o", "full-model")
    assert "trained on all but the test part" in out
    assert "test  accuracy" in out


def test_predictions_are_written_and_agree_with_python(kerasweep: Program) -> None:
    import pandas as pd
    from sklearn.datasets import load_iris

    from search import load_best

    frame = load_iris(as_frame=True).data
    frame.to_csv(kerasweep.folder / "rows.csv", index=False)
    out, _ = kerasweep("predict", "flowers", "rows.csv", "-o", "out.csv")
    assert "150 predictions" in out
    written = pd.read_csv(kerasweep.folder / "out.csv")
    loaded = load_best("flowers", home=kerasweep.folder / "mlruns").predict(frame)
    assert list(written.columns) == list(loaded.columns)
    assert written["prediction"].tolist() == loaded["prediction"].tolist()
    printed, _ = kerasweep("predict", "flowers", "rows.csv")
    assert len(printed.splitlines()) == 151


def test_check_forecasts_and_writes_nothing(kerasweep: Program) -> None:
    before = sorted(path for path in kerasweep.folder.rglob("*"))
    out, _ = kerasweep("check", "flowers.yaml", "--models", "1")
    for word in ("150 rows", "space", "smallest", "largest", "forecast", "memory", "it will run"):
        assert word in out
    assert sorted(path for path in kerasweep.folder.rglob("*")) == before


def test_a_drafted_experiment_is_one_that_checks(kerasweep: Program) -> None:
    from search.experiment import load_experiment

    rows = "\n".join(f"{i % 7},{i % 3},{'yes' if i % 2 else 'no'}" for i in range(60))
    (kerasweep.folder / "table.csv").write_text(f"a,b,bought\n{rows}\n")
    out, _ = kerasweep("init", "table.csv")
    assert "bought" in out
    assert "next: kerasweep check table.yaml" in out
    drafted = load_experiment(kerasweep.folder / "table.yaml")
    assert (drafted.data.source, drafted.data.target) == ("table.csv", "bought")
    assert drafted.build_space().fingerprint


def test_two_spellings_of_the_program_and_its_version(kerasweep: Program) -> None:
    assert kerasweep("--version")[0].startswith("kerasweep ")
    done = subprocess.run(
        [sys.executable, "-m", "search", "--version"], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.startswith("kerasweep ")


def test_no_color_means_no_escape_codes(kerasweep: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[3" not in kerasweep("show", "flowers")[0]
