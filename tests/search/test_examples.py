"""Are the example experiments ones that load, and run on the data that they are about?"""

from __future__ import annotations

from pathlib import Path

import pytest

from search.experiment import load_experiment, parse_experiment, with_changes
from search.home import Home
from search.study.run import run_study
from search.yaml_file import read_yaml
from tracking import MemoryTracker

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# Real tables are no part of the product; they may lie beside the checkout.
PIMA = ROOT.parent / "shared" / "data" / "pima.csv.gz"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_experiment(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.study == path.stem
    assert experiment.build_space().searched


@pytest.mark.skipif(not PIMA.exists(), reason="the Pima table is not beside this checkout")
def test_the_pima_example_runs_on_the_pima_table(tmp_path: Path) -> None:
    changes = {
        "data": {"source": str(PIMA), "target": "outcome"},
        "training.epochs": 3,
        "search.trials": 2,
        "search.executor": "inline",
    }
    content = with_changes(read_yaml(ROOT / "examples" / "pima.yaml"), changes)
    ended = run_study(parse_experiment(content, "pima.yaml"), home=Home(tmp_path), tracker=MemoryTracker())
    assert len(ended.rows) == 2
    baseline = ended.rows[0]
    assert [baseline.params[f"units_{layer}"] for layer in (1, 2)] == [12, 8]
    assert 0.6 < ended.scores["accuracy"] <= 1
