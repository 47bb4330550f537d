"""Does the README's tour work as it is written, from a CSV to predictions, in one session?"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from documents import ROOT, blocks, lines

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("\n## Five minutes")[2].partition("\n## ")[0]
# What makes the session a small one; everything else runs as it is written.
SMALLER_FILE = (("epochs: 100", "epochs: 3"), ("trials: 50", "trials: 3, workers: 1"))
SMALLER_LINE = ("--trials 80", "--trials 4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of 120 patients."""
    made = tmp_path_factory.mktemp("tour")
    random = np.random.default_rng(5)
    glucose, bmi = random.normal(120, 30, 120).round(), random.normal(32, 7, 120).round(1)
    ill = (glucose / 30 + bmi / 7 + random.normal(0, 1, 120) > 8.6).astype(int)
    rows = [f"{g:.0f},{b},{i}" for g, b, i in zip(glucose, bmi, ill, strict=True)]
    (made / "pima.csv").write_text("\n".join(["glucose,bmi,diabetes", *rows]) + "\n", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def session(folder: Path) -> dict[str, str]:
    """What each line of the tour printed on stdout; the server's line is left to its own test."""
    shrink = "; ".join(
        f"text = text.replace({old!r}, {new!r}) if text.count({old!r}) == 1 else text[:0]" for old, new in SMALLER_FILE
    )
    steps = [
        ["sh", line.replace(*SMALLER_LINE)]
        for block in blocks(TOUR, "sh")
        for line in lines(block)
        if not line.startswith("kerasweep ui")
    ]
    smaller = f"import pathlib; p = pathlib.Path('pima.yaml'); text = p.read_text(); {shrink}; p.write_text(text)"
    steps.insert(1, ["python", smaller])
    steps += [["python", block] for block in blocks(TOUR, "python")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "session.py")],
        input=json.dumps(steps),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ran = json.loads(done.stdout.splitlines()[-1])
    for (_, text), (code, out, err) in zip(steps, ran, strict=False):
        assert code == 0, (text, out, err)
    assert len(ran) == len(steps)
    return {text: out for (_, text), (_, out, _) in zip(steps, ran, strict=True)}


def environment() -> dict[str, str]:
    """A newcomer's: state goes where the commands put it by default."""
    mine = {key: value for key, value in os.environ.items() if key not in ("KERASWEEP_HOME", "MLFLOW_TRACKING_URI")}
    return {**mine, "COLUMNS": "160", "PYTHONPATH": str(ROOT)}


def test_the_tour_shows_what_it_promises(session: dict[str, str]) -> None:
    assert "pima.yaml written" in session["kerasweep init pima.csv --target diabetes"]
    assert "forecast" in session["kerasweep check pima.yaml"]
    assert "kerasweep best pima -o best.yaml" in session["kerasweep run pima.yaml"]
    assert "4 of 4 trials" in session["kerasweep show pima"]
    assert "4/4" in session["kerasweep list"]


def test_a_higher_total_goes_on_with_the_study(session: dict[str, str]) -> None:
    first, second = session["kerasweep run pima.yaml"], session["kerasweep run pima.yaml --trials 4"]
    assert count_trials(first) == 3
    assert count_trials(second) == 4


def test_training_the_best_again_gives_its_score_again(session: dict[str, str]) -> None:
    assert "(the same)" in session["kerasweep train best.yaml -o model"]


def test_every_way_to_predict_gives_a_row_a_patient(session: dict[str, str], folder: Path) -> None:
    heads = "prediction,probability_0,probability_1"
    written = (folder / "predictions.csv").read_text(encoding="utf-8").splitlines()
    printed = session["kerasweep predict model-full new-patients.csv"].splitlines()
    assert (written[0], len(written)) == (heads, 5)
    assert (printed[0], len(printed)) == (heads, 5)
    (code,) = blocks(TOUR, "python")
    assert "probability_1" in session[code]


def test_what_the_tour_writes_is_what_it_says(session: dict[str, str], folder: Path) -> None:
    state = folder / "mlruns"
    assert {"mlflow.db", "artifacts", "studies"} <= {path.name for path in state.iterdir()}
    assert {"journal.log", "experiment.yaml"} <= {path.name for path in (state / "studies" / "pima").iterdir()}
    assert len((folder / "trials.csv").read_text(encoding="utf-8").splitlines()) == 5
    for name in ("model", "model-full"):
        assert {"model.keras", "kerasweep_model"} <= {path.name for path in (folder / name).iterdir()}


def test_the_browser_finds_the_study_at_the_link(session: dict[str, str], folder: Path) -> None:
    (line,) = [line for block in blocks(TOUR, "sh") for line in lines(block) if line.startswith("kerasweep ui")]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "search", *line.split()[1:], "--port", str(port)]
    with subprocess.Popen(
        words, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            name, link = server.stdout.readline().split()  # printed when the server answers
            with urllib.request.urlopen(link.partition("#")[0], timeout=30) as page:
                assert "MLflow" in page.read().decode()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
    assert name == "pima"
    assert link.startswith(f"http://127.0.0.1:{port}/#/experiments/")


def count_trials(printed: str) -> int:
    """How many trials a study's closing line counts."""
    (line,) = re.findall(r"^study pima: (.*), in ", printed, re.MULTILINE)
    return sum(map(int, re.findall(r"\d+", line)))
