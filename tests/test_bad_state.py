"""Is every mistake about what earlier runs have left behind told in one clear line, with nothing lost?

One small study is run for the session, as a process of its own; each test damages a copy of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from program import Ran, assert_refused, contents, run_here, run_process

FILE = """study: iris
data: {source: iris.csv, target: kind}
space: {layers: 1, units: {choice: [4, 8], shared: true}, batch_norm: false, activation: relu, dropout: 0,
        optimizer: adam, learning_rate: 0.01}
training: {epochs: 2, batch_size: 1024}
search: {trials: 2, seed: 1, executor: inline, pruner: none}
"""
ROWS = "a,b,c,d\n5.1,3.5,1.4,0.2\n6.2,2.9,4.3,1.3\n"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment, its data, its home with two finished trials, and its best config."""
    from sklearn.datasets import load_iris

    folder = tmp_path_factory.mktemp("finished")
    iris = load_iris(as_frame=True).frame
    iris.columns = ["a", "b", "c", "d", "kind"]
    iris.to_csv(folder / "iris.csv", index=False)
    (folder / "iris.yaml").write_text(FILE)
    environment = {"KERASWEEP_HOME": str(folder / "mlruns")}
    ran = run_process("run", "iris.yaml", folder=folder, environment=environment)
    assert "study iris: 2 complete" in ran.out, ran
    ran = run_process("best", "iris", "-o", "best.yaml", folder=folder, environment=environment)
    assert ran.code == 0, ran
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the current folder."""
    folder = tmp_path / "work"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("artifacts"))
    best = folder / "best.yaml"
    best.write_text(best.read_text().replace(str(finished), str(folder)))
    (folder / "rows.csv").write_text(ROWS)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KERASWEEP_HOME", str(folder / "mlruns"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


def refuse(folder: Path, arguments: tuple[str, ...], *words: str) -> Ran:
    before = contents(folder)
    ran = run_here(*arguments)
    assert_refused(ran, *words)
    assert contents(folder) == before
    return ran


def cases(*rows: tuple[Any, ...]) -> Any:
    return pytest.mark.parametrize("case", [row[1:] for row in rows], ids=[row[0] for row in rows])


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1))

    return change


def write(path: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / path).write_bytes(content)


def remove(path: str) -> Callable[[Path], object]:
    return lambda folder: shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()


JOURNAL = "mlruns/studies/iris/journal.log"
BEST = "mlruns/studies/iris/best"


def cut_journal_before(word: bytes) -> Callable[[Path], None]:
    """As after a kill: what follows the first record with this word was never written."""

    def change(folder: Path) -> None:
        lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
        first = next(number for number, line in enumerate(lines) if word in line)
        (folder / JOURNAL).write_bytes(b"".join(lines[:first]))

    return change


def damage_line(folder: Path) -> None:
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    lines[2] = b"\x00\x00" + lines[2][2:]
    (folder / JOURNAL).write_bytes(b"".join(lines))


# -- going on with a study --------------------------------------------------------------------------------------------

RUN = ("run", "iris.yaml")


@cases(
    ("another space", replace("iris.yaml", "[4, 8]", "[4, 16]"), "exists with another space (it differs in units)"),
    ("another file of data", replace("iris.csv", "5.1", "5.2"), "exists with other data or another split (fingerprint"),
    ("another seed", replace("iris.yaml", "seed: 1", "seed: 2"), "exists with other data or another split"),
    ("more epochs", replace("iris.yaml", "epochs: 2", "epochs: 3"), "another objective, epochs, early_stopping"),
    ("another objective", replace("iris.yaml", "space:", "objective: val_loss\nspace:"), "with another objective"),
    ("a damaged journal", damage_line, "journal.log: line 3 is damaged and is not a record; restore the file"),
    ("a damaged record", write("mlruns/mlflow.db", b"no database" * 99), "mlflow.db: cannot be read as a database"),
)  # fmt: skip
def test_a_study_that_cannot_go_on(here: Path, case: tuple[Callable[[Path], object], str]) -> None:
    change, words = case
    change(here)
    refuse(here, (*RUN, "--trials", "4"), words)


def test_a_study_that_is_being_run(here: Path) -> None:
    from search.home import Home

    with Home(here / "mlruns").study("iris").locked():
        refuse(
            here, (*RUN, "--trials", "4"), f"study 'iris' is being run by process {os.getpid()} already; wait for it"
        )


def test_a_full_disk(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 4096, 4096)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refuse(here, (*RUN, "--trials", "4"), "its disk is full (0 MB free, a study needs 20 MB); make room or choose")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 64 KB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True)
    if not made or made.returncode:
        pytest.skip("no file system can be mounted here, so no disk can be filled")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_is_really_too_small(here: Path, small_disk: Path) -> None:
    refuse(here, (*RUN, "--home", str(small_disk)), f"--home {small_disk}: its disk is full (0 MB free")
    assert contents(small_disk) == {}


def test_a_disk_that_fills_up_on_the_way(here: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.home._LEAST_FREE_BYTES", 0)
    big = (here / "iris.csv").read_text().partition("\n")
    (here / "big.csv").write_text(big[0] + "\n" + big[2] * 50)
    assert_refused(
        run_here(*RUN, "--data", "big.csv", "--home", str(small_disk), "-q"), "cannot be written", "make room"
    )
    assert not (small_disk / "studies/iris/arrays").exists()


def test_a_disk_that_fills_up_during_a_study(here: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from search.executors.simulated import SimulatedExecutor
    from tracking import MemoryTracker

    monkeypatch.setattr("search.home._LEAST_FREE_BYTES", 0)
    monkeypatch.setattr("search.study.run.make_executor", lambda search: SimulatedExecutor(lambda *_: 0.5))
    monkeypatch.setattr("search.study.run.make_tracker", lambda experiment, home: MemoryTracker())
    (here / "iris.yaml").write_text(FILE.replace("{choice: [4, 8], shared: true}", "{int: [4, 4000]}"))
    home = ("--home", str(small_disk))
    assert_refused(run_here(*RUN, "--trials", "500", *home, "-q"), "(no space left on device); make room there")
    kept = json.loads(run_here("trials", "iris", "--json", *home).out)
    assert len([row for row in kept if row["state"] == "complete"]) > 2
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    more = run_here(*RUN, "--trials", str(len(kept) + 2), *home, "-q")
    assert (more.code, f"study iris: {len(kept) + 2} complete" in more.out) == (0, True), more


def test_a_file_that_does_not_fit(here: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"0" * 64 * 1024)
    refuse(here, ("best", "iris", "-o", str(small_disk / "best.yaml")), "best.yaml: cannot be written (No space left")
    assert list(contents(small_disk)) == ["filler"]


# -- looking at a study -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["show", "trials", "best", "train"])
@cases(
    ("damaged", damage_line, "journal.log: line 3 is damaged"),
    ("without its journal", remove(JOURNAL), "there is no study 'iris'"),
    ("never begun", write(JOURNAL, b""), "study 'iris' in ", "was never begun; run it again"),
    ("in no home", remove("mlruns"), "there is no study 'iris'", "there is none yet"),
    (
        "in a database that is gone",
        lambda folder: (remove(JOURNAL)(folder), write("mlruns/studies/iris/storage.txt", b"sqlite:///gone.db")(folder)),
        "study 'iris' is kept in gone.db, which is gone",
    ),
    (
        "in a database out of reach",
        lambda folder: write("mlruns/studies/iris/storage.txt", b"mysql://ann:***@127.0.0.1:1/x")(folder),
        "search.storage mysql://ann:***@127.0.0.1:1/x: ",
    ),
)  # fmt: skip
def test_a_study_that_cannot_be_read(here: Path, case: tuple[Any, ...], command: str) -> None:
    change, *words = case
    change(here)
    refuse(here, (command, "iris"), *words)


def test_a_damaged_study_does_not_hide_the_others(here: Path) -> None:
    shutil.copytree(here / "mlruns/studies/iris", here / "mlruns/studies/other")
    damage_line(here)
    (here / "mlruns/studies/empty").mkdir()
    ran = run_here("list", "--json")
    assert (ran.code, ran.out.count('"unreadable"')) == (0, 3), ran  # `other` holds no study of that name
    assert "line 3 is damaged" in ran.out


@cases(
    ("misspelt", ("show", "irsi"), "there is no study 'irsi'", "did you mean 'iris'?"),
    ("no such trial", ("best", "iris", "--trial", "9"), "study 'iris' has no trial 9; it has 0 to 1"),
    ("trial of a file", ("train", "best.yaml", "--trial", "1"), "best.yaml holds one trial already; leave it out"),
    ("best over a folder", ("best", "iris", "-o", "mlruns"), "-o mlruns: is a folder; name a file"),
    ("best into no folder", ("best", "iris", "-o", "no/best.yaml"), "the folder", "does not exist; make it first"),
    ("train over a file", ("train", "iris", "-o", "rows.csv"), "-o rows.csv: exists and is no model folder"),
    ("train over a folder", ("train", "iris", "-o", "mlruns"), "-o mlruns: exists and is no model folder"),
    ("train into no folder", ("train", "iris", "-o", "no/model"), "does not exist; make it first"),
    ("train without the target", ("train", "iris", "--data", "rows.csv"), "rows.csv: data.target: no column 'kind'"),
    ("train on missing data", ("train", "iris", "--data", "row.csv"), "row.csv: no such file", "'rows.csv'"),
    ("ui of an unknown study", ("ui", "irsi"), "there is no study 'irsi'", "did you mean 'iris'?"),
)  # fmt: skip
def test_a_mistake_about_a_study(here: Path, case: tuple[Any, ...]) -> None:
    arguments, *words = case
    refuse(here, arguments, *words)


@pytest.mark.parametrize("command", [("best", "iris"), ("train", "iris"), ("best", "iris", "-o", "new.yaml")])
def test_the_best_of_no_completed_trial(here: Path, command: tuple[str, ...]) -> None:
    cut_journal_before(b"kerasweep.end")(here)
    refuse(here, command, "study 'iris' has no completed trial yet; 'kerasweep run' it further")


def test_a_record_that_ui_cannot_read(here: Path) -> None:
    (here / "mlruns/mlflow.db").write_bytes(b"no database" * 99)
    refuse(here, ("ui", "iris"), "mlflow.db: cannot be read (file is not a database)")


# -- training and predicting ------------------------------------------------------------------------------------------


@cases(
    ("unknown key", replace("best.yaml", "study:", "studie:"), "studie: there is no such key; did you mean 'study'?"),
    ("missing key", replace("best.yaml", "seed: ", "# seed: "), "seed: is missing"),
    ("wrong type", replace("best.yaml", "epoch: 2", "epoch: two"), "epoch: must be a whole number"),
    ("params alone", replace("best.yaml", "dropout: 0.0", "dropout: 0.5"), "params: was changed", "under model"),
    ("dropout", replace("best.yaml", "dropout: 0.0, l", "dropout: 1.5, l"), "model.hidden[0].dropout: must be below 1"),
    ("activation", replace("best.yaml", "relu, ", "rleu, "), "model.hidden[0].activation", "did you mean 'relu'?"),
    ("optimizer", replace("best.yaml", "name: adam", "name: adma"), "'adma'", "did you mean 'adam'?"),
    ("task", replace("best.yaml", "task: multiclass", "task: binary"), "is a multiclass task"),
    ("broken", replace("best.yaml", "study:", "study: ["), "is not valid YAML"),
    ("data gone", remove("iris.csv"), "iris.csv: no such file"),
    ("metric", replace("best.yaml", "objective: val_accuracy", "objective: val_auc"), "do not report 'val_auc'"),
)  # fmt: skip
def test_a_best_config_edited_wrongly(here: Path, case: tuple[Any, ...]) -> None:
    change, *words = case
    change(here)
    refuse(here, ("train", "best.yaml", "-o", "model"), *words)


@cases(
    ("columns missing", write("rows.csv", b"a,b,d\n1,2,3\n"), "rows.csv: the rows lack the column 'c'"),
    ("a column misspelt", write("rows.csv", b"a,b,C,d\n1,2,3,4\n"), "lack the column 'c'"),
    ("a word for a number", write("rows.csv", b"a,b,c,d\n1,2,x,4\n"), "column 'c' must hold numbers, got 'x' in row 1"),
    ("infinity", write("rows.csv", b"a,b,c,d\n1,2,inf,4\n"), "column 'c' must hold finite numbers, got inf in row 1"),
    ("no rows", write("rows.csv", b"a,b,c,d\n"), "has a header of 4 columns, but no rows"),
    ("empty", write("rows.csv", b""), "rows.csv: the file is empty"),
    ("not UTF-8", write("rows.csv", b"a,b,c,d\n\xe9,2,3,4\n"), "must be UTF-8 text"),
    ("no file", remove("rows.csv"), "rows.csv: no such file"),
    ("no model yet", remove(BEST), "study 'iris' has no best model yet; 'kerasweep run' it to its end"),
    ("damaged spec", replace(f"{BEST}/spec.json", "{", "["), "spec.json: damaged, cannot be read"),
    ("spec of the future", replace(f"{BEST}/spec.json", '"format": 2', '"format": 9'), "kerasweep that wrote it"),
    ("damaged preprocessing", write(f"{BEST}/preprocessor.skops", b"x"), "preprocessor.skops: damaged or missing"),
    ("preprocessing gone", remove(f"{BEST}/preprocessor.skops"), "preprocessor.skops: damaged or missing"),
    ("damaged model", write(f"{BEST}/model.keras", b"x"), "model.keras: damaged, is no Keras file; train"),
    ("model gone", remove(f"{BEST}/model.keras"), "not a model bundle (it has no model.keras)"),
)  # fmt: skip
def test_a_prediction_that_cannot_be_made(here: Path, case: tuple[Any, ...]) -> None:
    change, *words = case
    change(here)
    refuse(here, ("predict", "iris", "rows.csv", "-o", "out.csv"), *words)
    if (here / BEST).is_dir():
        refuse(here, ("predict", BEST, "rows.csv"), *words)


@pytest.mark.parametrize("output", ["mlruns", "no/out.csv"])
def test_predictions_that_cannot_be_written(here: Path, output: str) -> None:
    refuse(here, ("predict", "iris", "rows.csv", "-o", output), f"-o {output}: ")


def test_a_model_file_with_a_torn_inside(here: Path) -> None:
    model = here / BEST / "model.keras"
    content = bytearray(model.read_bytes())
    middle = content.index(b"config.json") + 200
    content[middle : middle + 50] = b"\x00" * 50
    model.write_bytes(content)
    before = contents(here)
    ran = run_process("predict", "iris", "rows.csv", "-o", "out.csv", folder=here)
    assert_refused(ran, "model.keras: damaged, cannot be read", "train the model again")
    assert contents(here) == before


# -- what is no mistake -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("show", "iris"), ("trials", "iris", "--json"), ("best", "iris"), ("list",), RUN])
def test_a_journal_with_a_torn_tail_still_tells_all_that_was_recorded(here: Path, command: tuple[str, ...]) -> None:
    whole = run_here(*command)
    with (here / JOURNAL).open("ab") as stream:
        stream.write(b'{"op_code": 4, "work')
    torn = run_here(*command)
    assert (torn.code, torn.out) == (0, whole.out), torn
