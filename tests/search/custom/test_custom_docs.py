"""Does the page on models of one's own say what happens?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import ROOT, blocks

from search.experiment import parse_experiment
from search.home import Home
from search.pictures.wording import format_params
from search.study.run import run_study
from tracking import MemoryTracker

PAGE = (ROOT / "docs" / "custom-models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("number", "names"), [(0, {"num_layers", "layer 0/units", "lr"}), (1, {"units", "optimizer"})])
def test_a_model_of_the_page_trains_in_the_experiment_of_the_page(number: int, names: set[str], tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(blocks(PAGE, "python")[number], encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(blocks(PAGE, "yaml")[0])
    content["training"]["epochs"] = 2
    content["search"] = {"trials": 1, "executor": "inline"}
    experiment = parse_experiment(content, "page")
    ended = run_study(experiment, home=Home(tmp_path / "home"), folder=tmp_path, tracker=MemoryTracker())
    assert ended.best is not None
    assert ended.best.value is not None
    assert ended.best.value > 0.3  # ten classes
    assert names <= set(ended.best.params)


def test_hyperparameters_of_ones_own_are_written_as_they_are_called() -> None:
    assert format_params({"units_0": 64, "units_1": 32, "lr": 0.001}) == "units_0=64, units_1=32, lr=1e-3"
