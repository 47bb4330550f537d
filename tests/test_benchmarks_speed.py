"""Do the benchmarks of speed compare what is equal, and does their page say what was measured? (Nothing is timed.)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.arithmetic import layer_operations, measure_peak, operations
from benchmarks.speed.machine import machine
from benchmarks.speed.page import page
from benchmarks.speed.picture import bars, draw
from benchmarks.speed.prepare import experiment_content, prepare
from benchmarks.speed.results import at, comparisons, differences, load, put, save
from benchmarks.speed.stand_ins import source_of
from benchmarks.speed.works import (
    FITS,
    HYPERBAND,
    KERAS_TUNER,
    OURS,
    OURS_2,
    OURS_HALF,
    SCRIPT,
    WORKS,
    Work,
    chosen,
    quick,
)
from search.experiment import parse_experiment

ROOT = Path(__file__).parent.parent
BY_NAME = {work.name: work for work in WORKS}
every_work = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)


def some_run(search: float, wall: float, parameters: int = 9) -> dict[str, Any]:
    return {
        "search_seconds": search,
        "wall_seconds": wall,
        "values": [0.8, 0.9],
        "final_values": [0.7, 0.8],
        "parameters": [parameters, 5],
        "epochs": [3, 3],
    }


def some_results() -> dict[str, Any]:
    """Two works, made up: Pima with every contestant, digits until a target."""
    results: dict[str, Any] = {
        "machine": {
            "processor": "P",
            "cores": 2,
            "memory_gb": 8.0,
            "system": "Linux",
            "python": "3.11",
            "environment": {"OPENBLAS_CORETYPE": "Haswell"},
        },
        "versions": {"keras": "3.15.1"},
        "peak": {"one_thread": 50.0, "all_threads": 100.0},
        "works": {},
    }
    settings = {"operations": 200_000_000_000, "made_up": True, "epochs": 60}
    runs = {
        OURS: [some_run(10, 20), some_run(8, 18), some_run(14, 22)],
        OURS_2: [some_run(5, 16)],
        KERAS_TUNER: [some_run(200, 210)],
        SCRIPT: [some_run(90, 110)],
    }
    put(results, BY_NAME["pima"], settings, runs)
    late = {"reached": False, "reached_seconds": 600.0}
    target = {OURS: [{"reached": True, "reached_seconds": 20.0}], HYPERBAND: [late]}
    put(results, BY_NAME["target"], {"operations": None, "made_up": False, "epochs": 3}, target, load=2.5)
    return results


@every_work
@pytest.mark.parametrize("small", [False, True])
def test_a_work_is_a_study_that_starts_with_its_configs(work: Work, small: bool) -> None:
    work = quick(work) if small else work
    content = experiment_content(work, "made-up.csv", seed=3, contestant=OURS)
    experiment = parse_experiment(content, work.name)
    pinned, notices = experiment.pinned(experiment.build_space())
    assert len(pinned) == len(work.configs)
    assert notices == ()
    assert [params["learning_rate"] for params in pinned] == [config["learning_rate"] for config in work.configs]
    if work.kind != "target":
        assert experiment.search.trials == len(work.configs)
        assert experiment.training.early_stopping == 0
        assert experiment.search.pruner.name == "none"


def test_two_workers_are_measured_against_one_on_as_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    contents = {
        name: experiment_content(BY_NAME["fashion"], "fashion", seed=3, contestant=name)
        for name in (OURS, OURS_HALF, OURS_2)
    }
    assert [content["search"]["workers"] for content in contents.values()] == [1, 1, 2]
    assert [content["training"].get("threads") for content in contents.values()] == [None, 3, None]


@every_work
def test_configs_of_a_work_differ_in_their_networks(work: Work) -> None:
    networks = {(*config.get("filters", ()), -1, *config["units"]) for config in work.configs}
    assert len(networks) == len(work.configs)
    assert all(len(config["units"]) == config["layers"] for config in work.configs)
    assert all(("momentum" in config) == (config["optimizer"] == "sgd") for config in work.configs)


def test_works_are_chosen_by_name() -> None:
    assert [work.name for work in chosen("digits, pima")] == ["pima", "digits"]
    with pytest.raises(ValueError, match=r"--only: there is no work 'pina'; choose from pima, digits, "):
        chosen("pima,pina")


def test_operations_of_dense_layers_are_counted() -> None:
    config = {"units": [4, 3]}
    assert layer_operations(config, (8,), 1) == [2 * 8 * 4, 2 * 4 * 3, 2 * 3]
    # To predict 64 + 24 + 6 = 94; to train three times that, but no gradient of the first layer's input: 282 - 64.
    assert operations(config, (8,), 1, [(100, 10), (90, 20)], epochs=2) == 2 * (190 * 218 + 30 * 94)


def test_operations_of_convolutions_are_counted() -> None:
    config = {"conv_layers": 2, "filters": [4, 5], "kernel_size": 3, "units": []}
    # Pictures of 7 x 6 are 4 x 3 after the first pooling and 2 x 2 after the second, rounded up.
    expected = [2 * 9 * 1 * 4 * 42, 2 * 9 * 4 * 5 * 12, 2 * (2 * 2 * 5) * 10]
    assert layer_operations(config, (7, 6), 10) == expected


def test_the_peak_is_some_speed() -> None:
    peak = measure_peak(side=64, seconds=0.01)
    assert 0 < peak.one_thread <= peak.all_threads


def test_peers_are_given_the_arrays_that_kerasweep_trains_on(tmp_path: Path) -> None:
    prepared = prepare(quick(BY_NAME["folds"]), tmp_path / "work", None, seed=0)
    task = json.loads(prepared.task.read_text(encoding="utf-8"))
    assert (tmp_path / "work" / "arrays" / "round_2" / "x_train.npy").exists()
    assert (task["rounds"], task["task"], task["outputs"], prepared.made_up) == (2, "binary", 1, True)
    # 768 rows in two folds, each config once a fold and two epochs: 12 and 8 units on 8 columns.
    to_predict = 2 * (8 * 12 + 12 * 8 + 8)
    assert prepared.operations == 2 * 2 * len(task["configs"]) * 384 * (4 * to_predict - 2 * 8 * 12)


def test_a_file_of_the_data_folder_goes_before_a_stand_in(tmp_path: Path) -> None:
    (tmp_path / "pima.csv.gz").write_bytes(b"")
    assert source_of("pima", tmp_path, tmp_path / "new") == (str(tmp_path / "pima.csv.gz"), False)
    assert source_of("sklearn:digits", tmp_path, tmp_path / "new") == ("sklearn:digits", False)


def test_ratios_are_those_of_medians() -> None:
    results = some_results()
    against_tuner, against_script, two_workers = comparisons(BY_NAME["pima"], results["works"]["pima"])
    assert (against_tuner.ratio, against_tuner.met, against_tuner.wall_ratio) == (20.0, True, 10.5)
    assert (against_script.ratio, against_script.met) == (9.0, False)
    assert (two_workers.ratio, two_workers.met) == (2.0, True)


def test_the_page_tells_figures_targets_and_what_is_only_a_bound() -> None:
    written = page(some_results())
    title = BY_NAME["pima"].title
    assert f"| {title} | {OURS} | 10.0 (8.00 to 14.0) | {KERAS_TUNER} | 200 | **20.0** | 15 | yes |" in written
    assert f"| {title} | {OURS} | 10.0 (8.00 to 14.0) | {SCRIPT} | 90.0 | **9.00** | 15 | no |" in written
    assert "| kerasweep | 20.0 | KerasTuner Hyperband | 600, 1 over time | **≥ 30.0** | 20 | yes |" in written
    # 200 GFLOP at 100 GFLOP/s are 2 s, of which the median search of 10 s is five times as much.
    assert f"| {title} | 200 | 2 | {OURS} | 5.00 |" in written
    assert "not idle before it was measured; load: target 2.5**" in written
    assert "In small, so that the figures mean nothing: target**" in written
    assert "Made-up data of the same shape in place of the real: pima" in written
    assert f"| {title} | {KERAS_TUNER} | 1 | 0.8500 | 0.7500 | none | yes |" in written


def test_what_the_environment_tells_the_libraries_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("SOMEONES_TOKEN", "secret")
    results = some_results()
    results["machine"] = machine()
    assert "OPENBLAS_CORETYPE=Haswell" in page(results)
    assert "secret" not in page(results)


def test_unequal_work_is_told() -> None:
    results = some_results()
    results["works"]["pima"]["runs"][SCRIPT] = [some_run(90, 110, parameters=8)]
    assert len(differences(results["works"]["pima"])) == 1
    assert "parameters differ" in page(results)
    worse = {**some_run(90, 110), "values": [0.7, 0.8]}
    results["works"]["pima"]["runs"][SCRIPT] = [worse]
    assert "accuracies lie further apart" in page(results)
    results["works"]["pima"]["runs"][SCRIPT] = [some_run(90, 110), worse]  # another repeat, another split
    assert differences(results["works"]["pima"]) == []


def test_accuracies_are_compared_by_config_and_may_differ_by_chance() -> None:
    results = some_results()
    runs = results["works"]["pima"]["runs"]
    for name, values in ((OURS, [0.5, 0.9]), (KERAS_TUNER, [0.9, 0.5]), (SCRIPT, [0.6, 0.86]), (OURS_2, [0.5, 0.9])):
        runs[name] = [{**some_run(1, 2), "values": values, "parameters": [7, 9] if name != KERAS_TUNER else [9, 7]}]
    # On average 0.03 apart, with a standard error of 0.07: one config better, the other one worse.
    assert differences(results["works"]["pima"]) == []
    runs[SCRIPT] = [{**some_run(1, 2), "values": [0.6, 0.98], "parameters": [7, 9]}]  # 0.09 apart, with one of 0.01
    assert len(differences(results["works"]["pima"])) == 1


def test_new_runs_replace_those_of_the_same_contestant_only(tmp_path: Path) -> None:
    results, pima = some_results(), BY_NAME["pima"]
    settings = results["works"]["pima"]["settings"]
    save(results, tmp_path / "new" / "results.json")
    results = load(tmp_path / "new" / "results.json")
    put(results, pima, settings, {OURS: [some_run(1, 2)], SCRIPT: []})
    runs = results["works"]["pima"]["runs"]
    assert (len(runs[OURS]), len(runs[SCRIPT]), len(runs[KERAS_TUNER])) == (1, 1, 1)
    put(results, pima, {**settings, "made_up": False}, {OURS: [some_run(1, 2)]})
    assert set(results["works"]["pima"]["runs"]) == {OURS}
    assert load(tmp_path / "none.json") == {"works": {}}


def test_the_load_is_that_of_the_runs_that_are_shown() -> None:
    results, pima = some_results(), BY_NAME["pima"]
    settings, everyone = results["works"]["pima"]["settings"], results["works"]["pima"]["runs"].keys()
    put(results, pima, settings, {name: [some_run(1, 2)] for name in everyone}, load=0.9)
    put(results, pima, settings, {OURS: [some_run(1, 2)]}, load=0.2)  # the others' runs stay
    assert results["works"]["pima"]["load"] == 0.9
    put(results, pima, settings, {name: [some_run(1, 2)] for name in everyone}, load=0.1)
    assert results["works"]["pima"]["load"] == 0.1


def test_figures_of_another_machine_are_dropped() -> None:
    results = some_results()
    at(results, results["machine"], results["versions"])
    assert set(results["works"]) == {"pima", "target"}
    at(results, {**results["machine"], "cores": 4}, results["versions"])
    assert results["works"] == {}
    at(results, {"cores": 4}, {"keras": "4"})
    assert results["versions"] == {"keras": "4"}


def test_the_picture_has_a_bar_a_contest(tmp_path: Path) -> None:
    results = some_results()
    assert [label for label, _ in bars(results)] == [
        f"pima: against {KERAS_TUNER}",
        f"pima: against {SCRIPT}",
        "pima: 2 workers, against 1 worker",
        f"target: against {HYPERBAND}",
    ]
    draw(results, tmp_path / "RESULTS.png")
    assert (tmp_path / "RESULTS.png").stat().st_size > 1000


def test_peers_have_the_versions_that_kerasweep_has() -> None:
    ours, theirs = (
        dict(line.split("==") for line in (ROOT / path).read_text(encoding="utf-8").split())
        for path in ("requirements.lock", "benchmarks/requirements.lock")
    )
    assert {"keras-tuner", "tensorflow", "keras", "optuna", "mlflow", "scikit-learn", "pandas"} <= set(theirs)
    assert {name: version for name, version in theirs.items() if ours.get(name, version) != version} == {}


def test_every_contestant_has_a_contest() -> None:
    assert {name for work in WORKS for name in work.contestants} == {
        OURS, OURS_HALF, OURS_2, KERAS_TUNER, SCRIPT, FITS, HYPERBAND,
    }  # fmt: skip


def test_a_ratio_is_of_repeats_that_both_did() -> None:
    runs = {OURS: [some_run(10, 20), some_run(5, 16), some_run(2, 8), some_run(1, 8)]}
    runs[KERAS_TUNER] = [some_run(40, 60), some_run(30, 40), some_run(14, 40)]  # 4, 6 and 7 times as long
    [found] = comparisons(BY_NAME["pima"], {"runs": runs})
    assert (found.ratio, found.wall_ratio) == (6.0, 3.0)
    assert found.search[0].median == 3.5, "seconds are of all runs"
