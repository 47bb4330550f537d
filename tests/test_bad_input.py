"""Is every mistake in a file, a space, the data or a command told in one clear line, with nothing written?

The commands run as a user would type them, in a folder with a good table and one mistake. Mistakes in what an earlier
run has left behind are in test_bad_state.py.
"""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import assert_refused, contents, run_here, run_process

Files = dict[str, str | bytes]
ROWS = 40
RUN = ("run", "e.yaml", "--executor", "inline")
HEAD = "study: s\ndata: {source: t.csv, target: t}\n"


def table(
    row: Callable[[int], str] = lambda i: f"{i * 1.5},{i % 5},{i % 2}", head: str = "a,b,t", rows: int = ROWS
) -> str:
    return head + "\n" + "".join(row(i) + "\n" for i in range(rows))


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def aliases(levels: int) -> str:
    """A few lines that stand for 9 ** levels values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASWEEP_HOME", str(tmp_path / "mlruns"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "t.csv").write_text(table())


def refuse(folder: Path, files: Files, arguments: tuple[str, ...], *words: str, never: str = "Traceback") -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(folder)
    ran = run_here(*arguments)
    assert_refused(ran, *words)
    assert never not in ran.err
    assert contents(folder) == before


def cases(*rows: tuple[Any, ...]) -> Any:
    return pytest.mark.parametrize("case", [row[1:] for row in rows], ids=[row[0] for row in rows])


# -- the file --------------------------------------------------------------------------------------------------------


@cases(
    ("empty", "", "must be a mapping such as 'data: {source: table.csv}', found nothing"),
    ("a list", "- a\n", "found list"),
    ("broken", "study: [s\n", "line 2, column 1: is not valid YAML (expected ',' or ']'"),
    ("a tab", "study: s\n\tdata: x\n", "line 2, column 1: is not valid YAML (found character '\\t'"),
    ("not UTF-8", b"study: caf\xe9\n", "is not UTF-8 text (byte 10); save it as UTF-8"),
    ("control characters", b"study: \x00\n", "special characters are not allowed"),
    ("a key twice", "study: r\n" + HEAD, "line 2, column 1: the key 'study' stands twice; remove one"),
    ("a key that is a list", HEAD + "? [a]\n: 2\n", "line 3, column 3: is not valid YAML"),
    ("a key that is a number", HEAD + "1: 2\n", "keys must be words, got 1"),
    ("Python in it", "study: !!python/object/apply:os.system ['echo hi']\n", "could not determine a constructor"),
    ("two documents", HEAD + "---\n" + HEAD, "found another document"),
    ("a number of 5000 digits", f"study: {'9' * 5000}\n", "is not valid YAML ('99999999999999999999' is no int)"),
    ("a billion laughs", aliases(10) + HEAD, "aliases (*name) must not repeat each other endlessly"),
    ("an alias that holds itself", HEAD + "space: &a {units: *a}\n", "aliases (*name) must not repeat"),
    ("3000 brackets", f"study: {'[' * 3000}{']' * 3000}\n", "is nested too deeply"),
    ("10 MB", HEAD + "x:\n" + "- aaaaaaaa\n" * 1_000_000, "must be at most 1 MB"),
    ("no study", "data: {source: t.csv}\n", "study: is missing; name it, e.g. study: pima"),
    ("no data", "study: s\n", "data: is missing; write e.g. data: {source: pima.csv, target: diabetes}"),
    ("data is text", "study: s\ndata: t.csv\n", "data: must be a mapping such as {source: pima.csv"),
    ("unknown section", HEAD + "searh: {trials: 3}\n", "searh: there is no such key; did you mean 'search'?"),
    ("unknown key", HEAD + "search: {trails: 3}\n", "search.trails: there is no such key; did you mean 'trials'?"),
    ("zero trials", HEAD + "search: {trials: 0}\n", "search.trials: must be at least 1, got 0"),
    ("trials of the wrong type", HEAD + "search: {trials: many}\n", "must be a whole number, got 'many'"),
    ("half a trial", HEAD + "search: {trials: 2.5}\n", "search.trials: must be a whole number, got 2.5"),
    ("negative workers", HEAD + "search: {workers: -1}\n", "search.workers: must be at least 1, got -1"),
    ("a billion epochs", HEAD + "training: {epochs: 1000000000}\n", "training.epochs: must be at most 1000000"),
    ("a timeout in words", HEAD + "search: {timeout: soon}\n", "search.timeout: must be a time above zero such as 90s"),
    ("unknown sampler", HEAD + "search: {sampler: cmeas}\n", "unknown sampler 'cmeas'; did you mean 'cmaes'?"),
    ("a grid too fine", HEAD + "search: {sampler: {name: grid, points: 1000000}}\n", "must be at most 1000, got"),
    ("unknown pruner", HEAD + "search: {pruner: medain}\n", "unknown pruner 'medain'; did you mean 'median'?"),
    ("unknown objective", HEAD + "objective: val_acuracy\n", "did you mean 'val_accuracy'?"),
    ("objective that trials lack", HEAD + "objective: {metric: val_f, direction: maximize}\n", "do not report 'val_f'"),
    ("unknown metric", HEAD + "training: {metrics: [acuracy]}\n", "'acuracy'; did you mean 'accuracy'?"),
    ("metric of another task", HEAD + "training: {metrics: [mae]}\n", "mae is not defined for a binary task"),
    ("unknown model", HEAD + "model: mlpp\n", "there is no model family 'mlpp'; did you mean 'mlp'?"),
    ("study with slashes", "study: a/b\ndata: {source: t.csv}\n", "got 'a/b'; 'a-b' would do"),
    ("study called ..", "study: ..\ndata: {source: t.csv}\n", "study: must be 1 to 100 letters, digits"),
    ("study in Cyrillic", "study: пима\ndata: {source: t.csv}\n", "got 'пима'; 'my-study' would do"),
    ("study without a name", "study: ''\ndata: {source: t.csv}\n", "study: must be 1 to 100 letters"),
)  # fmt: skip
def test_a_mistake_in_the_file(tmp_path: Path, case: tuple[str | bytes, str]) -> None:
    content, words = case
    refuse(tmp_path, {"e.yaml": content}, RUN, "kerasweep: e.yaml: ", words)


@cases(
    ("missing", lambda folder: None, "there is no such file; 'kerasweep init DATA' drafts one"),
    ("a folder", lambda folder: (folder / "e.yaml").mkdir(), "is a folder; name the YAML file in it"),
    ("a link to itself", lambda folder: (folder / "e.yaml").symlink_to("e.yaml"), "symbolic links"),
    ("a link to nothing", lambda folder: (folder / "e.yaml").symlink_to("f.yaml"), "there is no such file"),
)
def test_a_file_that_is_none(tmp_path: Path, case: tuple[Callable[[Path], object], str]) -> None:
    make, words = case
    make(tmp_path)
    refuse(tmp_path, {}, RUN, "kerasweep: e.yaml: ", words)


# -- the space (in depth in tests/spaces) ---------------------------------------------------------------------------


@cases(
    ("low above high", "layers: {int: [5, 1]}", "space.layers: low must not be above high, got [5, 1]; swap them"),
    ("log with zero", "dropout: {float: [0, 0.5], log: true}", "space.dropout.low: must be above 0 on a logarithmic"),
    ("unknown dimension", "layer: 3", "space.layer: there is no such dimension; did you mean 'layers'?"),
    ("condition on the unknown", "momentum: {float: [0, 0.9], when: {optimiser: sgd}}", "did you mean 'optimizer'?"),
    (
        "condition on a later one",
        "dropout: {float: [0, 0.5], when: {l2: 0}}\n  l2: [0, 0.1]",
        "space.dropout.when.l2: l2 comes later; move it above dropout",
    ),
    (
        "a cycle",
        "dropout: {float: [0, 0.5], when: {l2: 0}}\n  l2: {choice: [0, 0.1], when: {dropout: 0}}",
        "dropout and l2 depend on each other (a cycle)",
    ),
    ("condition on itself", "dropout: {float: [0, 0.5], when: {dropout: 0}}", "cannot depend on itself"),
    ("dropout of 1.5", "dropout: 1.5", "space.dropout: must be below 1, got 1.5"),
    ("unknown optimizer", "optimizer: [adma]", "'adma' is not known; did you mean 'adam'?"),
    ("unknown activation", "activation: rleu", "'rleu' is not known; did you mean 'relu'?"),
    ("wrong type", "units: {int: [many, 3]}", "space.units.low: must be a whole number, got 'many'"),
    ("no choices", "activation: []", "the list of choices is empty"),
    ("batch size twice", "batch_size: [8, 16]\ntraining: {batch_size: 8}", "is given twice, here and as"),
    ("another family's dimension", "filters: 8", "space.filters: mlp has no such dimension; it belongs to cnn; remove"),
    ("a slope without leaky_relu", "activation: relu\n  leaky_slope: 0.1", "space.leaky_slope: no layer can be"),
    ("units in a funnel", "widths: funnel\n  units: 8", "write units_first and units_last instead, or free in"),
    ("a second phase too late", "second_optimizer: sgd\n  second_from: 150", "must be at most 100, the training's"),
    ("clipped twice", "clipnorm: 1\n  clipvalue: 1", "space.clipvalue: clips gradients, and so does clipnorm"),
    ("a setting without its schedule", "schedule: cosine\n  decay_rate: 0.5", "only exponential, staircase has this"),
    ("unknown loss", "loss: hubber", "space.loss: 'hubber' is not known; did you mean 'huber'?"),
    ("loss of another task", "loss: [mse, huber]", "space.loss: huber is not defined for a binary task; Allowed: mse"),
    ("a loss file that is not there", "loss: own.py:dear", "space.loss: "),
    ("images that are none", "flip: both", "space.flip: varies images, and the input is 2 numbers without an order"),
)  # fmt: skip
def test_a_mistake_in_the_space(tmp_path: Path, case: tuple[str, str]) -> None:
    space, words = case
    refuse(tmp_path, {"e.yaml": f"{HEAD}space:\n  {space}\n"}, RUN, "kerasweep: e.yaml: space.", words)


@cases(
    ("unknown cell", "rnn", "cell: lstmm", "space.cell: 'lstmm' is not known; did you mean 'lstm'?"),
    ("no filters", "cnn", "filters: 0", "space.filters: must be at least 1, got 0"),
    ("layers of a linear model", "linear", "layers: 2", "space.layers: linear has no such dimension"),
    ("a CNN over a table", "cnn", "layers: 0", "model: cnn takes images or sequences or tokens, and the input"),
    ("an RNN over a table", "rnn", "layers: 0", "model: rnn takes sequences or tokens, and the input is 2 numbers"),
)  # fmt: skip
def test_a_mistake_in_the_space_of_a_family(tmp_path: Path, case: tuple[str, str, str]) -> None:
    family, space, words = case
    refuse(tmp_path, {"e.yaml": f"{HEAD}model: {family}\nspace:\n  {space}\n"}, RUN, "kerasweep: e.yaml: ", words)


@cases(
    ("one fold", "validation: {folds: 1}", "validation.folds: must be at least 2, got 1; leave it out"),
    ("no repeats", "validation: {repeats: 0}", "validation.repeats: must be at least 1"),
    ("a word for folds", "validation: {folds: ten}", "validation.folds: must be a whole number, got 'ten'"),
    ("an unknown key", "validation: {fold: 10}", "validation.fold: there is no such key; did you mean 'folds'?"),
    ("a way to cut without folds", "validation: {by: groups}", "by: groups says how folds are cut; give their number"),
    ("more folds than the smallest class", "validation: {folds: 30}", "rows of the smallest class, 0 (16), got 30"),
    ("more folds than rows", "validation: {folds: 40, by: random}", "rows (without the test part) (32), got 40"),
    ("groups that nobody named", "validation: {folds: 3, by: groups}", "validation.by: groups needs data.groups"),
    ("times that nobody named", "validation: {folds: 3, by: time}", "validation.by: time needs data.time"),
    ("grace beyond the folds", "validation: {folds: 3}\nsearch: {pruner: {name: halving, grace: 3}}",
     "search.pruner.grace: must be below the number of folds (3), got 3"),
)  # fmt: skip
def test_a_mistake_in_the_validation(tmp_path: Path, case: tuple[str, str]) -> None:
    validation, words = case
    refuse(tmp_path, {"e.yaml": f"{HEAD}{validation}\n"}, RUN, "kerasweep: ", words)


def test_a_kernel_larger_than_the_image(tmp_path: Path) -> None:
    images = npz(X=np.zeros((40, 4, 6), "uint8"), y=np.arange(40) % 2)
    text = "study: s\ndata: {source: t.npz, layout: image}\nmodel: cnn\n"
    words = "must be at most 4, the smaller side of an image of 4 x 6, got 5; lower it"
    refuse(tmp_path, {"t.npz": images, "e.yaml": text}, RUN, f"kerasweep: e.yaml: space.kernel_size: {words}")
    pinned = text + "space: {kernel_size: {int: [1, 3]}}\nstart_with: [{filters: [4], kernel_size: 5}]\n"
    refuse(tmp_path, {"e.yaml": pinned}, RUN, f"kerasweep: e.yaml: start_with[0].kernel_size: {words}")


def test_a_mistake_in_what_a_study_starts_with(tmp_path: Path) -> None:
    pins = "start_with: [{layers: 1}, {layer: 2}]\n"
    refuse(tmp_path, {"e.yaml": HEAD + pins}, RUN, "e.yaml: start_with[1].layer: there is no such dimension")


# -- the data (in depth in tests/search/data) -----------------------------------------------------------------------


@cases(
    ("empty", "", "the file is empty (0 bytes)"),
    ("blank", "\n\n\n", "the first line must name the columns, but is blank"),
    ("only a header", "a,b,t\n", "has a header of 3 columns, but no rows"),
    ("one row", "a,b,t\n1,2,0\n", "must have at least 10 rows to be split, got 1"),
    ("no header", table().partition("\n")[2], "the first line must name the columns, but holds numbers"),
    ("constant target", table(lambda i: f"{i},{i % 5},1"), "target 't' must differ between rows, got 1 in all 40"),
    ("no target column", table(head="a,b,u"), "data.target: no column 't'; Allowed: a, b, u"),
    ("empty target", table(lambda i: f"{i},{i % 5},"), "target 't' must hold values, all 40 are missing"),
    (
        "a class with one member",
        table(lambda i: f"{i},{i % 5},{'z' if i == 7 else 'xy'[i % 2]}"),
        "class 'z' of 't' must have at least 2 rows to be split, got one (row 8)",
    ),
    ("all-NaN column", table(lambda i: f"{i},,{i % 2}"), "column 'b' has no value at all", "data.drop: [b]"),
    (
        "infinite value",
        table(lambda i: f"{'inf' if i == 3 else i},{i % 5},{i % 2}"),
        "column 'a' must hold finite numbers, got inf in row 4",
    ),
    ("duplicate column names", table(head="a,a,t"), "column names must differ, got 'a' for columns 1, 2; rename them"),
    (
        "mixed types",
        table(lambda i: f"{'tall' if i == 3 else i},{i % 5},{i % 2}"),
        "column 'a' mixes numbers and words: row 4 holds 'tall'",
    ),
    ("semicolons", table().replace(",", ";"), "must separate columns with ',', got ';'; rewrite it"),
    ("tabs", table().replace(",", "\t"), "got tabs; give it the ending .tsv"),
    ("not UTF-8", table(lambda i: f"{i},é{i % 3},{i % 2}").encode("latin-1"), "byte 8 is 0xe9; save it as UTF-8"),
    ("UTF-16", table().encode("utf-16"), "must be UTF-8 text, but byte 0 is 0xff"),
    ("a line that is too long", table() + "1,2,3,4,5\n", "Expected 3 fields in line 42, saw 5"),
    ("an open quotation", table() + '"1,2,3\n', "EOF inside string"),
    ("bytes", bytes(range(256)) * 10, "must be UTF-8 text"),
    ("text column", table(lambda i: f"n{i},{i % 5},{i % 2}"), "column 'a' is text (40 different values", "[a]"),
    ("dates", table(lambda i: f"2020-01-{i % 28 + 1:02},{i % 5},{i % 2}"), "column 'a' holds dates or times"),
)  # fmt: skip
def test_a_mistake_in_a_table(tmp_path: Path, case: tuple[Any, ...]) -> None:
    content, *words = case
    refuse(tmp_path, {"e.yaml": HEAD, "t.csv": content}, RUN, "kerasweep: t.csv: ", *words)


PAIR = np.arange(20) % 2
RETURNS = "import numpy as np\ndef load():\n    return "


@cases(
    ("missing", "u.csv", {}, "no such file in", "did you mean 't.csv'?"),
    ("of an unknown kind", "t.xlsx", {"t.xlsx": "x"}, "must end in one of .csv"),
    ("a name of 300 letters", "a" * 300 + ".csv", {}, "cannot be read (File name too long)"),
    ("damaged gzip", "t.csv.gz", {"t.csv.gz": "abc"}, "cannot be unpacked as gzip"),
    ("damaged Parquet", "t.parquet", {"t.parquet": "abc"}, "cannot be read as Parquet"),
    ("damaged NPZ", "t.npz", {"t.npz": npz(X=np.ones((20, 3)), y=PAIR)[:-30]}, "cannot be read as NPZ"),
    ("NPZ without y", "t.npz", {"t.npz": npz(X=np.ones((20, 3)))}, "must hold X and y"),
    ("NPZ of objects", "t.npz", {"t.npz": npz(X=np.array([{}] * 20), y=PAIR)}, "it holds Python objects"),
    ("shapes that disagree", "t.npz", {"t.npz": npz(X=np.ones((20, 3)), y=PAIR[:-1])}, "got 20 and 19"),
    ("two columns of targets", "t.npz", {"t.npz": npz(X=np.eye(20), y=np.ones((20, 2)))}, "one target per row"),
    ("unknown set", "sklearn:irsi", {}, "unknown data set; did you mean 'iris'?"),
    ("unknown kind of set", "skleran:iris", {}, "unknown kind of source 'skleran:'; did you mean 'sklearn'?"),
    ("module without a function", "m.py", {"m.py": "x = 1"}, "must name the function that returns the data"),
    ("unknown function", "m.py:load", {"m.py": "def laod(): ..."}, "m.py has no function 'load'; did you mean 'laod'?"),
    ("function without data", "m.py:load", {"m.py": RETURNS + "None"}, "must return a DataFrame", "got None; does"),
    ("function's shapes", "m.py:load", {"m.py": RETURNS + "np.ones((5, 2)), np.ones(4)"}, "got 5 and 4"),
)  # fmt: skip
def test_a_mistake_in_a_source(tmp_path: Path, case: tuple[Any, ...]) -> None:
    source, files, *words = case
    target = ", target: t" if source.endswith("t.csv") else ""
    content = f"study: s\ndata: {{source: '{source}'{target}}}\n"
    refuse(tmp_path, {"e.yaml": content, **files}, RUN, f"kerasweep: {source[:200]}", *words)


def test_a_source_that_is_a_folder_or_a_dead_link(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y.csv").symlink_to("y.csv")
    refuse(tmp_path, {}, ("run", "--data", "x", "--target", "t"), "x: is an empty folder; name a file")
    refuse(tmp_path, {}, ("init", "y.csv"), "y.csv: is a link that leads nowhere")


@cases(
    ("test of 1.5", "test: 1.5", "data.test: must be a fraction between 0 and 1", "got 1.5"),
    ("no rows to train on", "test: 0.5, validation: 0.5", "must leave rows to train on (sum below 1), got 0.5 + 0.5"),
    ("dropped target", "drop: [t]", "drop must not hold the target 't'"),
    ("unknown column dropped", "drop: [q]", "data.drop: no column 'q'; Allowed: a, b, t"),
    ("everything dropped", "drop: [a, b]", "must have an input column beside the target"),
    ("unknown split", "split: q", "data.split: no column 'q'"),
    ("missing second file", "test: u.csv", "u.csv: no such file"),
    ("unknown task", "task: ranking", "data.task: 'ranking' is not known; Allowed: auto, binary"),
    ("unknown key", "taget: t", "data.taget: there is no such key; did you mean 'target'?"),
)  # fmt: skip
def test_a_mistake_in_the_data_section(tmp_path: Path, case: tuple[str, ...]) -> None:
    section, *words = case
    content = f"study: s\ndata: {{source: t.csv, target: t, {section}}}\n"
    refuse(tmp_path, {"e.yaml": content}, RUN, *words)


# -- the command ----------------------------------------------------------------------------------------------------

USED = "PORT"


@cases(
    ("unknown command", ("rnu",), "there is no command 'rnu'; did you mean 'run'?"),
    ("unknown option", ("run", "--trails", "3"), "no such option: --trails", "--trials"),
    ("option without its value", ("run", "--trials"), "option '--trials' requires an argument"),
    ("missing argument", ("show",), "missing argument 'STUDY' (see '"),
    ("extra argument", ("list", "x"), "unexpected extra argument"),
    ("value of the wrong type", (*RUN, "--trials", "x"), "--trials"),
    ("zero trials", (*RUN, "--trials", "0"), "e.yaml: search.trials: must be at least 1, got 0"),
    ("negative workers", (*RUN, "--workers", "-1"), "search.workers: must be at least 1, got -1"),
    ("negative seed", (*RUN, "--seed", "-1"), "search.seed: must be at least 0, got -1"),
    ("bad timeout", (*RUN, "--timeout", "-3m"), "search.timeout: must be a time above zero such as 90s"),
    ("unknown executor", (*RUN, "--executor", "ray"), "search.executor: 'ray' is not known; Allowed: local, inline"),
    ("study with slashes", (*RUN, "--study", "../x"), "study: must be 1 to 100 letters", "'x' would do"),
    ("nothing to run", ("run",), "run: needs an experiment file, or --data SOURCE"),
    ("data without a target", ("run", "--data", "t.csv"), "data.target must name the column to predict; is 't' meant?"),
    ("data without a name", ("run", "--data", ""), "data.source: must name a file or a set"),
    ("gp without torch", (*RUN, "--sampler", "gp"), "gp needs PyTorch, which is not installed; pip install"),
    ("check of gp", ("check", "gp.yaml"), "gp needs PyTorch"),
    ("check of a missing file", ("check", "f.yaml"), "f.yaml: there is no such file"),
    ("negative models", ("check", "e.yaml", "--models", "-1"), "--models"),
    ("init over a file", ("init", "t.csv", "-o", "e.yaml"), "e.yaml: exists already; --force replaces it"),
    ("init over a folder", ("init", "t.csv", "-o", "sub", "--force"), "-o sub: is a folder"),
    ("init into no folder", ("init", "t.csv", "-o", "no/e.yaml"), "no/e.yaml: its folder does not exist"),
    ("init of nothing", ("init", ""), "the name of the data is empty"),
    ("init with another target", ("init", "t.csv", "--target", "tt"), "there is no column 'tt' for --target"),
    ("no trials in the demo", ("demo", "--trials", "0"), "--trials"),
    ("two formats at once", ("trials", "s", "--json", "--csv"), "--json and --csv exclude each other; give one"),
    ("unknown study", ("show", "s"), "there is no study 's'", "'kerasweep run FILE' makes one"),
    ("unknown study's trials", ("trials", "s"), "there is no study 's'"),
    ("best of no study", ("best", "s"), "there is no study 's'"),
    ("train of no study", ("train", "s"), "there is no study 's'"),
    ("train of a path", ("train", "../s"), "study: must be 1 to 100 letters"),
    ("train of no file", ("train", "best.yaml"), "best.yaml: there is no such file"),
    ("predict of no study", ("predict", "s", "t.csv"), "there is no study and no model folder 's'"),
    ("predict of no model", ("predict", "sub", "t.csv"), "sub: is no model folder (it has no spec.json)"),
    ("predict without a name", ("predict", "", "t.csv"), "study: must be 1 to 100 letters"),
    ("ui on a taken port", ("ui", "--home", "sub", "--port", USED), "Address already in use", "choose another"),
    ("ui on port 0", ("ui", "--port", "0"), "--port"),
    ("ui for everybody", ("ui", "--home", "sub", "--host", "0.0.0.0"), "--allowed-host"),
    ("ui without a home", ("ui", "--home", "none"), "does not exist; 'kerasweep demo' makes a first study"),
    ("ui of no server", ("ui", "s", "--tracking-uri", "nonsense"), "is no address that MLflow can write to"),
    ("ui of a server that is away", ("ui", "s", "--tracking-uri", "http://127.0.0.1:1"), "no MLflow server answers"),
)  # fmt: skip
def test_a_mistake_in_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[Any, ...]) -> None:
    monkeypatch.setattr("search.study.preflight.find_spec", lambda name: None)  # PyTorch may be there
    arguments, *words = case
    (tmp_path / "sub").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        arguments = tuple(str(taken.getsockname()[1]) if given == USED else given for given in arguments)
        refuse(tmp_path, {"e.yaml": HEAD, "gp.yaml": HEAD + "search: {sampler: gp}\n"}, arguments, *words)


# -- the places -----------------------------------------------------------------------------------------------------


@cases(
    ("storage that is no URL", "search: {storage: junk}", "search.storage junk: is no database URL"),
    (
        "storage without its driver",
        "search: {storage: 'mysql://ann:s3cret@127.0.0.1:1/x'}",
        "search.storage mysql://ann:***@127.0.0.1:1/x: its driver MySQLdb is not installed",
    ),
    ("storage in no folder", "search: {storage: 'sqlite:////none/x.db'}", "the folder /none does not exist"),
    ("storage that is no database", "search: {storage: 'sqlite:///t.csv'}", "cannot be read as a database"),
    ("storage with a bad port", "search: {storage: 'postgresql://a:s3cret@h:port/x'}", "is no database URL"),
    ("tracking that is no address", "tracking: {uri: junk}", "tracking.uri junk: is no address that MLflow can write"),
    ("tracking in a folder", "tracking: {uri: 'file:///tmp/x'}", "is no address that MLflow can write to"),
    ("tracking server away", "tracking: {uri: 'http://ann:s3cret@127.0.0.1:1'}", "http://ann:***@127.0.0.1:1: nothing"),
    ("tracking server's odd name", "tracking: {uri: 'http://[::1'}", "Invalid IPv6 URL"),
    ("tracking without a driver", "tracking: {uri: 'mysql://ann:s3cret@h/x'}", "mysql://ann:***@h/x: its driver"),
)  # fmt: skip
def test_a_place_that_cannot_be_reached(tmp_path: Path, case: tuple[str, str]) -> None:
    text, words = case
    refuse(tmp_path, {"e.yaml": f"{HEAD}{text}\n"}, RUN, words, never="s3cret")


def test_a_tracking_address_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://x")
    refuse(tmp_path, {"e.yaml": HEAD}, RUN, "MLFLOW_TRACKING_URI nonsense://x: is no address that MLflow can write to")


@pytest.mark.parametrize("command", [RUN, ("demo",), ("list",), ("show", "s"), ("predict", "s", "t.csv"), ("ui", "s")])
def test_a_home_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.setenv("KERASWEEP_HOME", str(tmp_path / "t.csv"))
    refuse(tmp_path, {"e.yaml": HEAD}, command, f"--home {tmp_path / 't.csv'}: ", "is a file")


@cases(
    ("in a file", "t.csv/home", "t.csv is a file); choose another folder"),
    ("a dead link", "dead", "it is a link that leads nowhere"),
    ("a name of 300 letters", "a" * 300, "File name too long"),
    ("a question mark", "a?b", "must not contain '?'"),
    ("where nobody may write", "/proc/home", "cannot be written (No such file or directory)"),
)
def test_a_home_that_cannot_be_one(tmp_path: Path, case: tuple[str, str]) -> None:
    home, words = case
    if home.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("this system has no /proc, a folder in which not even root may make another")
    (tmp_path / "dead").symlink_to("nowhere/home")
    refuse(tmp_path, {"e.yaml": HEAD}, (*RUN, "--home", home), words)


# -- as a process of its own ------------------------------------------------------------------------------------------


@cases(
    ("unknown command", ("rnu",), "there is no command 'rnu'"),
    ("missing file", ("run", "f.yaml"), "f.yaml: there is no such file"),
    ("space", ("check", "space.yaml"), "space.dropout: must be below 1, got 1.5"),
    ("data, with workers starting", ("run", "e.yaml", "--workers", "2"), "target 't' must differ between rows"),
    ("unknown study", ("predict", "s", "t.csv"), "there is no study and no model folder 's'"),
)
def test_the_program_itself_says_so_too(tmp_path: Path, case: tuple[tuple[str, ...], str]) -> None:
    arguments, words = case
    (tmp_path / "t.csv").write_text(table(lambda i: f"{i},{i % 5},1"))
    (tmp_path / "e.yaml").write_text(HEAD)
    (tmp_path / "space.yaml").write_text(HEAD + "space: {dropout: 1.5}\n")
    before = contents(tmp_path)
    assert_refused(run_process(*arguments, folder=tmp_path), words)
    assert contents(tmp_path) == before


# -- what is no mistake -----------------------------------------------------------------------------------------------


@cases(
    ("Windows line ends", {"e.yaml": HEAD.replace("\n", "\r\n"), "t.csv": table().replace("\n", "\r\n")}),
    ("a byte order mark", {"e.yaml": b"\xef\xbb\xbf" + HEAD.encode(), "t.csv": b"\xef\xbb\xbf" + table().encode()}),
    ("names in other scripts", {"e.yaml": HEAD, "t.csv": table(head="größe,体重,t")}),
    ("a batch larger than the data", {"e.yaml": HEAD + "training: {batch_size: 100000}\n"}),
    ("a short list used twice", {"e.yaml": HEAD + "space: {units: &u [4, 8], layers: 1}\nstart_with: [{units: 8}]\n"}),
    ("a grid of more points than atoms", {"e.yaml": HEAD + "search: {sampler: {name: grid, points: 1000}}\n"}),
)
def test_what_only_looks_like_a_mistake_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[Files]
) -> None:
    from search.executors.simulated import SimulatedExecutor
    from tracking import MemoryTracker

    monkeypatch.setattr("search.study.run.make_executor", lambda search: SimulatedExecutor(lambda *_: 0.5))
    monkeypatch.setattr("search.study.run.make_tracker", lambda experiment, home: MemoryTracker())
    for name, content in case[0].items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = run_here("run", "e.yaml", "--trials", "2", "--epochs", "2")
    assert (ran.code, "study s: 2 complete" in ran.out) == (0, True), ran
