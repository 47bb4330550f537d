"""What does a study make of trials that are trained in several rounds? (Trials are simulated; the stores are real.)"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest
from test_study_run import Killed, Words, curve, rows_of, run

from search.errors import DataError, StudyError
from search.executors.simulated import SimulatedExecutor
from search.home import Home
from search.messages import EpochReport, TrialJob
from search.pictures.wording import format_result
from search.reuse.lookup import best_of
from search.study.observer import Silent
from search.study.recorder import mean_history, write_history
from search.study.stop import StopRequest
from search.study.store import load_study
from search.training.seeds import round_seed
from spaces import ModelConfig
from tracking import Memory

FOLDS: dict[str, Any] = {"data": {"test": 0}, "validation": {"folds": 10}}
KEEP_ALL: dict[str, Any] = {"search": {"pruner": "none", "trials": 4}}


def test_a_trials_value_is_the_mean_of_its_folds_with_their_spread(tmp_path: Path) -> None:
    tracker = Words()
    rows = run(tmp_path, tracker=tracker, **FOLDS, **KEEP_ALL).rows
    for row in rows:
        assert len(row.values) == 10
        assert row.value == pytest.approx(fmean(row.values), abs=1e-12)
        assert row.spread == pytest.approx(pstdev(row.values))
        assert (row.epochs, row.best_epoch) == (90, 9)
    recorded = next(r for r in tracker.memory.trials("iris") if r.name == "trial 0").metrics
    assert recorded["best_value"][-1][1] == pytest.approx(rows[0].value)
    assert recorded["best_value_std"][-1][1] == pytest.approx(rows[0].spread)
    assert [step for step, _ in recorded["round_value"]] == list(range(1, 11))
    assert [value for _, value in recorded["round_value"]] == pytest.approx(rows[0].values)
    assert [step for step, _ in recorded["val_accuracy"]] == list(range(1, 10)), "the mean curve of all rounds"


def test_each_round_has_a_seed_of_its_own_and_the_first_the_trials() -> None:
    seeds = [round_seed(11, number) for number in range(1, 6)]
    assert seeds[0] == 11
    assert len(set(seeds)) == 5


def test_repeats_need_no_folds(tmp_path: Path) -> None:
    row = run(tmp_path, validation={"repeats": 3}, search={"trials": 1, "pruner": "none"}).rows[0]
    assert len(row.values) == 3
    assert len(set(row.values)) == 3


def test_poor_configs_are_stopped_between_folds(tmp_path: Path) -> None:
    ended = run(tmp_path, **FOLDS, search={"trials": 20})
    pruned = [row for row in ended.rows if row.state == "pruned"]
    assert pruned
    for row in pruned:
        assert row.epochs < 90
        assert f"at fold {row.epochs // 9} is below" in row.reason
    study, _ = load_study(Home(tmp_path), "iris")
    # What the pruner compares is the running mean, at the number of the fold.
    reports = study.trials[ended.best.number if ended.best else 0].intermediate_values
    values = ended.rows[ended.best.number if ended.best else 0].values
    assert reports == {step: pytest.approx(fmean(values[:step])) for step in range(1, 11)}


def test_what_a_study_starts_with_trains_all_its_folds(tmp_path: Path) -> None:
    worst = {"learning_rate": 1e-4, "units": 4, "dropout": 0.5}
    rows = run(tmp_path, **FOLDS, start_with=[{"learning_rate": 0.01}, worst], search={"trials": 4}).rows
    assert [row.state for row in rows[:2]] == ["complete", "complete"]


def test_a_fold_that_diverges_ends_its_trial(tmp_path: Path) -> None:
    def diverges(config: ModelConfig, seed: int, epoch: int) -> float:
        seen.add(seed)
        return math.nan if len(seen) > 3 else curve(config, seed, epoch)

    seen: set[int] = set()
    row = run(tmp_path, executor=SimulatedExecutor(diverges), **FOLDS, search={"trials": 1}).rows[0]
    assert (row.state, row.value, len(row.values)) == ("diverged", None, 3)


def test_a_trial_cut_in_its_folds_begins_again_and_reports_nothing_twice(tmp_path: Path) -> None:
    stop = StopRequest()

    class PressCtrlC(Silent):
        def round(self, report: Any) -> None:
            if (report.number, report.round) == (1, 4):
                stop.reason = "Ctrl-C"

    cut = run(tmp_path, stop=stop, observer=PressCtrlC(), **FOLDS, **KEEP_ALL)
    assert cut.ending == "interrupted"
    assert cut.rows[1].reason == "interrupted after fold 4; 'run' goes on with it"
    journal = (tmp_path / "studies/iris/journal.log").read_text()
    resumed = run(tmp_path, **FOLDS, **KEEP_ALL)
    whole = run(tmp_path / "whole", **FOLDS, **KEEP_ALL)
    assert [(r.params, r.values, r.state) for r in resumed.rows] == [(r.params, r.values, r.state) for r in whole.rows]
    written = (tmp_path / "studies/iris/journal.log").read_text()
    assert written.startswith(journal)
    assert written.count('"op_code":7') == 4 * 10, "one report a fold"


def test_a_study_killed_in_a_fold_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    class DiesInFold4(SimulatedExecutor):
        def events(self, timeout_seconds: float) -> list[Any]:
            found = super().events(timeout_seconds)
            if any(isinstance(event, EpochReport) and (event.number, event.round) == (2, 4) for event in found):
                raise Killed
            return found

    memory = Memory()
    with pytest.raises(Killed):
        run(tmp_path, executor=DiesInFold4(curve), tracker=Words(memory), **FOLDS, **KEEP_ALL)
    resumed = run(tmp_path, tracker=Words(memory), **FOLDS, **KEEP_ALL)
    whole = run(tmp_path / "whole", **FOLDS, **KEEP_ALL)
    assert [(r.params, r.values) for r in resumed.rows] == [(r.params, r.values) for r in whole.rows]
    assert (tmp_path / "studies/iris/journal.log").read_text().count('"op_code":7') == 4 * 10, "one report a fold"


def test_the_best_config_is_trained_once_more_on_all_rows(tmp_path: Path) -> None:
    executor = SimulatedExecutor(curve)
    ended = run(tmp_path, executor=executor, validation={"folds": 5}, **KEEP_ALL)
    assert ended.best is not None
    jobs = [job for job in executor.submitted if isinstance(job, TrialJob)]
    full = [job for job in jobs if job.full]
    assert [(job.number, job.epochs, job.early_stopping) for job in full] == [(ended.best.number, 9, 0)]
    assert all(job.save_to is None for job in jobs if not job.full)
    assert [path.name for path in (tmp_path / "studies/iris/models").iterdir()] == [
        f"trial-{ended.best.number:04}.keras"
    ]
    assert ended.scores == {"accuracy": 0.5}
    best = best_of(Home(tmp_path), "iris")
    assert (best.value, best.spread, best.validation.folds) == (ended.best.value, ended.best.spread, 5)
    assert run(tmp_path, validation={"folds": 5}, **KEEP_ALL).parent_run is None, "there is nothing left to do"


@pytest.mark.parametrize("changes", [{"validation": {"folds": 9}}, {"validation": {"folds": 10, "repeats": 2}}])
def test_other_folds_do_not_mix_into_a_study(tmp_path: Path, changes: dict[str, Any]) -> None:
    run(tmp_path, **FOLDS, search={"trials": 1})
    with pytest.raises(StudyError, match="exists with another objective, epochs, early_stopping or validation"):
        run(tmp_path, **{**FOLDS, **changes})
    assert len(rows_of(tmp_path)) == 1


def test_more_folds_than_the_smallest_class_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"validation.folds: must be at most the number of rows of the smallest class"):
        run(tmp_path, validation={"folds": 60})
    assert not (tmp_path / "studies").exists()


def test_a_share_that_folds_do_not_use_is_told(tmp_path: Path) -> None:
    class Notices(Silent):
        def notice(self, text: str) -> None:
            told.append(text)

    told: list[str] = []
    run(tmp_path, observer=Notices(), data={"validation": 0.1}, validation={"folds": 2}, search={"trials": 1})
    assert any("data.validation (0.1) is not used" in text for text in told)


def test_the_mean_curve_goes_as_far_as_all_rounds(tmp_path: Path) -> None:
    rounds = [[{"loss": 1.0}, {"loss": 0.5}], [{"loss": 3.0}]]
    assert mean_history(rounds) == [{"loss": 2.0}]
    write_history(tmp_path / "history.csv", rounds)
    assert (tmp_path / "history.csv").read_text().split() == ["round,epoch,loss", "1,1,1.0", "1,2,0.5", "2,1,3.0"]
    write_history(tmp_path / "history.csv", rounds[:1])
    assert (tmp_path / "history.csv").read_text().split() == ["epoch,loss", "1,1.0", "2,0.5"]


def test_a_value_is_shown_with_its_spread() -> None:
    assert format_result(0.7734, 0.0412) == "0.7734 ± 0.0412"
