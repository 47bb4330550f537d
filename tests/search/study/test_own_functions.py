"""Does a study notice that the user's own loss or data function has changed? (Trials are simulated.)"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_study_run import Killed, curve, run

from search.errors import StudyError
from search.executors.simulated import SimulatedExecutor
from search.home import Home
from search.reuse.lookup import best_of
from search.study.own_functions import current_loss
from search.study.store import load_study
from spaces import ModelConfig

LOSS = "from prices import HIGH\n\n\ndef dear(y_true, y_pred):\n    return HIGH * (y_true - y_pred) ** 2\n"
DATA = """
import numpy as np

def load():
    return np.random.default_rng({seed}).normal(size=(60, 3)), np.arange(60) % 2
"""
TWO: dict[str, Any] = {"search": {"trials": 2}}


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Any]:
    """A study with a loss and data of its own."""
    (tmp_path / "prices.py").write_text("HIGH = 2.0\n")
    (tmp_path / "losses.py").write_text(LOSS)
    (tmp_path / "load.py").write_text(DATA.format(seed=0))
    return {"data": {"source": f"{tmp_path}/load.py:load"}, "training": {"loss": f"{tmp_path}/losses.py:dear"}, **TWO}


@pytest.mark.parametrize("file", ["losses.py", "prices.py"])
def test_trials_with_another_loss_do_not_mix_into_a_study(tmp_path: Path, own: dict[str, Any], file: str) -> None:
    run(tmp_path / "home", **own)
    known = load_study(Home(tmp_path / "home"), "iris")[1].functions
    assert list(known) == [f"{tmp_path}/load.py:load", f"{tmp_path}/losses.py:dear"]
    best = best_of(Home(tmp_path / "home"), "iris")
    assert best.fingerprints["loss"] == list(known.values())[1]
    assert current_loss(best.model, best.fingerprints) == (best.fingerprints, ())
    before = (tmp_path / "home/studies/iris/journal.log").read_bytes()
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace("2", "4"))
    with pytest.raises(StudyError, match=r"^study 'iris' exists with another loss: losses\.py, .* put the file back$"):
        run(tmp_path / "home", **own)
    assert (tmp_path / "home/studies/iris/journal.log").read_bytes() == before
    _, (notice,) = current_loss(best.model, best.fingerprints)  # which `train` tells
    assert notice.startswith("losses.py, the model's loss, has changed since the study (")
    (tmp_path / file).write_text(text)
    assert len(run(tmp_path / "home", **{**own, "search": {"trials": 3}}).rows) == 3


def test_a_loss_may_be_mended_until_a_trial_has_been_trained(tmp_path: Path, own: dict[str, Any]) -> None:
    class Dies(SimulatedExecutor):
        def events(self, timeout_seconds: float) -> list[Any]:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "home", executor=Dies(curve), **own)
    (tmp_path / "losses.py").write_text(LOSS + "# mended\n")
    assert len(run(tmp_path / "home", **own).rows) == 2
    (tmp_path / "losses.py").write_text(LOSS)
    with pytest.raises(StudyError, match="another loss"):
        run(tmp_path / "home", **own)


def test_another_text_that_gives_the_same_data_goes_on(tmp_path: Path, own: dict[str, Any]) -> None:
    seen: list[int] = []

    def noted(config: ModelConfig, seed: int, epoch: int) -> float:
        seen.append(seed)
        return curve(config, seed, epoch)

    run(tmp_path / "home", **own)
    (tmp_path / "load.py").write_text(DATA.format(seed=0) + "# the same data\n")
    run(tmp_path / "home", executor=SimulatedExecutor(noted), **{**own, "search": {"trials": 3}})
    assert len(set(seen)) == 1, "one trial was left to run"
    (tmp_path / "load.py").write_text(DATA.format(seed=1))
    with pytest.raises(StudyError, match=r"exists with other data .*; load\.py has changed since\)"):
        run(tmp_path / "home", **own)
