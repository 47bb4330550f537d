"""What does an experiment file mean, and what is one told that breaks a rule?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from search.errors import ExperimentError
from search.experiment import Experiment, check_study_name, load_experiment, parse_experiment, with_changes
from search.yaml_file import to_yaml
from spaces import FloatRange, IntRange, parse_space

# As the project's own description of the file has it.
PIMA = """
study: pima
data: {source: pima.csv, target: diabetes, test: 0.2, validation: 0.2}
objective: val_accuracy            # its direction is known; `{metric: my_metric, direction: minimize}` for others
model: mlp
space:
  layers: {int: [1, 5]}
  units: {int: [10, 100], log: true}          # one per layer; `shared: true` for one for all
  activation: [relu, tanh, elu, leaky_relu]
  batch_norm: [true, false]
  dropout: {float: [0, 0.5]}
  optimizer: [adam, sgd, rmsprop]
  learning_rate: {float: [3e-4, 3e-2], log: true}
  momentum: {float: [0, 0.99], when: {optimizer: sgd}}
start_with: [{layers: 2, units: [12, 8], activation: relu, optimizer: adam, learning_rate: 1e-3}]
training: {epochs: 150, batch_size: 10, early_stopping: 20}
search: {trials: 60, timeout: 30m, sampler: auto, pruner: auto, workers: 2, seed: 7}
"""
HEAD: dict[str, Any] = {"study": "s", "data": {"source": "t.csv", "target": "y"}}


@pytest.fixture
def pima(tmp_path: Path) -> Path:
    path = tmp_path / "pima.yaml"
    path.write_text(PIMA)
    return path


def refusal(content: dict[str, Any]) -> str:
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(content, "e.yaml")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("e.yaml: ")
    return text.removeprefix("e.yaml: ")


# The whole file.


def test_the_documented_file_means_what_it_says(pima: Path) -> None:
    experiment = load_experiment(pima)
    assert experiment.study == "pima"
    data = experiment.data
    assert (data.source, data.target, data.test, data.validation) == ("pima.csv", "diabetes", 0.2, 0.2)
    assert (experiment.objective.metric, experiment.objective.direction) == ("val_accuracy", None)
    training, search = experiment.training, experiment.search
    assert (training.epochs, training.batch_size, training.early_stopping) == (150, 10, 20)
    assert (search.trials, search.timeout, search.workers, search.seed) == (60, 1800.0, 2, 7)
    assert (search.sampler.name, search.pruner.name) == ("auto", "auto")

    space = experiment.build_space()
    assert space["units"].domain == IntRange(10, 100, log=True)
    assert space["learning_rate"].domain == FloatRange(3e-4, 3e-2, log=True)
    # It says what the default space is; only the fixed batch size stands at another place.
    described, default = space.describe(), parse_space({}).describe()
    assert described.pop("batch_size") == 10
    assert described == default

    pins, notices = experiment.pinned(space)
    assert pins == [
        {"layers": 2, "units_1": 12, "units_2": 8, "activation": "relu", "optimizer": "adam", "learning_rate": 0.001}
    ]
    assert notices == ("start_with[0].units[1]: 8 lies outside the searched range [10, 100]; it runs as given",)


def test_a_study_and_a_source_are_enough() -> None:
    experiment = parse_experiment({"study": "s", "data": {"source": "t.csv"}}, "e.yaml")
    assert experiment.objective.metric == "auto"
    assert experiment.model == "mlp"
    assert experiment.build_space() == parse_space({})
    assert experiment.start_with == ()
    assert (experiment.training.epochs, experiment.training.batch_size, experiment.training.early_stopping) == (
        100,
        None,
        20,
    )
    assert (experiment.search.trials, experiment.search.timeout, experiment.search.workers) == (50, None, None)
    assert (experiment.tracking.keep_models, experiment.tracking.model_disk) == (3, 500_000_000)


def test_an_empty_section_is_one_that_is_not_there() -> None:
    sections = ("objective", "space", "start_with", "training", "search", "tracking")
    assert parse_experiment({**HEAD, **dict.fromkeys(sections)}, "e.yaml") == parse_experiment(HEAD, "e.yaml")


def test_a_written_experiment_reads_back_as_itself(pima: Path, tmp_path: Path) -> None:
    experiment = load_experiment(pima)
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(experiment.model_dump(mode="json", exclude_none=True)))
    assert load_experiment(again) == experiment


def test_an_experiment_does_not_change() -> None:
    experiment = parse_experiment(HEAD, "e.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        experiment.study = "other"  # type: ignore[misc]


# Forms of values.


@pytest.mark.parametrize(
    ("section", "text", "attribute", "value"),
    [
        ("training", {"early_stopping": False}, "early_stopping", 0),
        ("training", {"early_stopping": None}, "early_stopping", 0),
        ("training", {"early_stopping": 0}, "early_stopping", 0),
        ("training", {"early_stopping": 5}, "early_stopping", 5),
        ("training", {"metrics": ["auc", "accuracy"]}, "metrics", ("auc", "accuracy")),
        ("search", {"timeout": 90}, "timeout", 90.0),
        ("search", {"timeout": "1h30m"}, "timeout", 5400.0),
        ("search", {"timeout": None}, "timeout", None),
        ("search", {"trial_timeout": "10m"}, "trial_timeout", 600.0),
        ("search", {"workers": "auto"}, "workers", None),
        ("search", {"worker_memory": "2GB"}, "worker_memory", 2_000_000_000),
        ("search", {"executor": "inline"}, "executor", "inline"),
        ("tracking", {"model_disk": "1 GB"}, "model_disk", 1_000_000_000),
    ],
)
def test_a_value_may_be_written_as_people_do(section: str, text: Any, attribute: str, value: Any) -> None:
    experiment = parse_experiment({**HEAD, section: text}, "e.yaml")
    assert getattr(getattr(experiment, section), attribute) == value


@pytest.mark.parametrize(
    ("text", "metric", "direction"),
    [
        ("val_accuracy", "val_accuracy", None),
        ("auto", "auto", None),
        ({"metric": "val_auc"}, "val_auc", None),
        ({"metric": "my_metric", "direction": "minimize"}, "my_metric", "minimize"),
    ],
)
def test_an_objective_is_a_name_or_a_metric_with_its_direction(text: Any, metric: str, direction: str | None) -> None:
    objective = parse_experiment({**HEAD, "objective": text}, "e.yaml").objective
    assert (objective.metric, objective.direction) == (metric, direction)


@pytest.mark.parametrize("name", ["pima", "Pima-2", "a.b_c", "7", "x" * 100])
def test_a_plain_study_name_is_taken(name: str) -> None:
    assert check_study_name(name) == name


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("a/b", "a-b"),
        ("../etc", "etc"),
        ("..", "my-study"),
        ("", "my-study"),
        ("-x", "x"),
        (".hidden", "hidden"),
        ("my study", "my-study"),
        ("Größe", "Gr-e"),
        ("x\n", "x"),
        ("x" * 101, "x" * 100),
        ("a\\b", "a-b"),
    ],
)
def test_a_study_name_that_no_folder_can_bear_is_told_one_that_would_do(name: str, instead: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_study_name(name)
    text = f"must be 1 to 100 letters, digits, '.', '_' or '-', got {name!r}; {instead!r} would do"
    assert str(caught.value) == text
    assert check_study_name(instead) == instead


# What breaks a rule.

UNKNOWN = "there is no such key; "
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no study": ({"study": None}, "study: must be text, got None"),
    "study as a number": ({"study": 2024}, "study: must be text, got 2024; write it in quotes"),
    "study as a list": ({"study": ["a"]}, "study: must be text, got ['a']"),
    "study with slashes": ({"study": "a/b"}, "study: must be 1 to 100 letters, digits, '.', '_' or '-', got 'a/b'; 'a"),
    "unknown section": ({"traning": {}}, f"traning: {UNKNOWN}did you mean 'training'? Allowed: study, data, objective"),
    "unknown data key": ({"data": {"source": "t", "targt": "y"}}, f"data.targt: {UNKNOWN}did you mean 'target'?"),
    "unknown training key": ({"training": {"epoch": 5}}, f"training.epoch: {UNKNOWN}did you mean 'epochs'? Allowed: e"),
    "unknown search key": (
        {"search": {"trails": 5}},
        f"search.trails: {UNKNOWN}did you mean 'trials'? Allowed: trials",
    ),
    "unknown tracking key": ({"tracking": {"url": "x"}}, f"tracking.url: {UNKNOWN}did you mean 'uri'? Allowed: uri, k"),
    "unknown objective key": (
        {"objective": {"metric": "loss", "dirction": "minimize"}},
        f"objective.dirction: {UNKNOWN}did you mean 'direction'? Allowed: metric, direction",
    ),
    "unknown sampler setting": (
        {"search": {"sampler": {"name": "tpe", "candidate": 3}}},
        "search.sampler: sampler 'tpe' has no setting 'candidate'; did you mean 'candidates'?",
    ),
    "data as text": (
        {"data": "t.csv"},
        "data: must be a mapping such as {source: pima.csv, target: diabetes}, got 't.csv'",
    ),
    "data without a source": (
        {"data": {"target": "y"}},
        "data.source: is missing; name a file or data set, e.g. source",
    ),
    "data with an empty source": ({"data": {"source": " "}}, "data.source: must name a file or a set such as sklearn:"),
    "target as a list": ({"data": {"source": "t", "target": ["y"]}}, "data.target: must be text, got ['y']"),
    "a task of another kind": (
        {"data": {"source": "t", "task": "regresion"}},
        "data.task: 'regresion' is not known; did you mean 'regression'? Allowed: auto, binary, multiclass, regression",
    ),
    "parts that leave nothing": (
        {"data": {"source": "t", "test": 0.5, "validation": 0.5}},
        "data: test + validation mus",
    ),
    "a part above one": (
        {"data": {"source": "t", "test": 20}},
        "data.test: must be a fraction between 0 and 1, or the",
    ),
    "model as a number": ({"model": 3}, "model: must be text, got 3; write it in quotes"),
    "unknown model": ({"model": "cnnn"}, "model: there is no model family 'cnnn'; did you mean 'cnn'? Allowed"),
    "space as a list": (
        {"space": ["layers"]},
        "space: must be a mapping such as {layers: {int: [1, 5]}}, got ['layers']",
    ),
    "space as text": ({"space": "default"}, "space: must be a mapping such as {layers: {int: [1, 5]}}, got 'default'"),
    "a number in the space": ({"space": {3: 4}}, "space: keys must be words, got 3"),
    "a bad dimension": (
        {"space": {"dropout": 1.5}},
        "space.dropout: must be below 1, got 1.5 (dropout is a fraction of",
    ),
    "start_with as a mapping": (
        {"start_with": {"layers": 2}},
        "start_with: must be a list such as [{layers: 2, units: [12, 8]}], got {'layers': 2}",
    ),
    "start_with of numbers": (
        {"start_with": [3]},
        "start_with[0]: must be a mapping such as {layers: 2, units: [12, 8]}, got 3",
    ),
    "start_with of an unknown dimension": (
        {"start_with": [{}, {"layer": 2}]},
        "start_with[1].layer: there is no such dimension; did you mean 'layers'?",
    ),
    "batch size twice": (
        {"space": {"batch_size": [8, 16]}, "training": {"batch_size": 8}},
        "space.batch_size: is given twice, here and as training.batch_size; keep the one here to search it, the other",
    ),
    "too large a batch": ({"training": {"batch_size": 10**9}}, "training.batch_size: must be at most 1000000, got 10"),
    "no epochs": ({"training": {"epochs": 0}}, "training.epochs: must be at least 1, got 0"),
    "too many epochs": ({"training": {"epochs": 10**9}}, "training.epochs: must be at most 1000000, got 1000000000"),
    "half an epoch": ({"training": {"epochs": 1.5}}, "training.epochs: must be a whole number, got 1.5"),
    "epochs in quotes": ({"training": {"epochs": "150"}}, "training.epochs: must be a whole number, got '150'"),
    "epochs as a switch": ({"training": {"epochs": True}}, "training.epochs: must be a whole number, got True"),
    "negative patience": ({"training": {"early_stopping": -1}}, "training.early_stopping: must be at least 0, got -1"),
    "patience switched on": ({"training": {"early_stopping": True}}, "training.early_stopping: must be a whole number"),
    "patience in words": ({"training": {"early_stopping": "off"}}, "training.early_stopping: must be a whole number"),
    "no batch": ({"training": {"batch_size": 0}}, "training.batch_size: must be at least 1, got 0"),
    "one metric as text": (
        {"training": {"metrics": "auc"}},
        "training.metrics: must be a list such as [accuracy], got",
    ),
    "unknown metric": (
        {"training": {"metrics": ["auc", "acuracy"]}},
        "training.metrics[1]: there is no metric 'acuracy'; did you mean 'accuracy'? Allowed: accuracy, ",
    ),
    "metric as a number": ({"training": {"metrics": [3]}}, "training.metrics[0]: must be text, got 3; write it in quo"),
    "no threads": ({"training": {"threads": 0}}, "training.threads: must be at least 1, got 0"),
    "zero trials": ({"search": {"trials": 0}}, "search.trials: must be at least 1, got 0"),
    "trials in words": ({"search": {"trials": "many"}}, "search.trials: must be a whole number, got 'many'"),
    "a list of trials": ({"search": {"trials": [3]}}, "search.trials: must be a whole number, got [3]"),
    "negative workers": ({"search": {"workers": -1}}, "search.workers: must be at least 1, got -1"),
    "workers in words": ({"search": {"workers": "all"}}, "search.workers: must be a whole number, got 'all'"),
    "negative seed": ({"search": {"seed": -1}}, "search.seed: must be at least 0, got -1"),
    "a seed too large": ({"search": {"seed": 2**31}}, "search.seed: must be below 2147483648, got 2147483648"),
    "a timeout in words": (
        {"search": {"timeout": "soon"}},
        "search.timeout: must be a time above zero such as 90s, 30m",
    ),
    "a timeout of zero": (
        {"search": {"timeout": 0}},
        "search.timeout: must be a time above zero such as 90s, 30m or 1h",
    ),
    "memory in words": (
        {"search": {"worker_memory": "lots"}},
        "search.worker_memory: must be a size above zero such as",
    ),
    "unknown executor": (
        {"search": {"executor": "locale"}},
        "search.executor: 'locale' is not known; did you mean 'local'? Allowed: local, inline",
    ),
    "executor as a switch": (
        {"search": {"executor": True}},
        "search.executor: True is not known; Allowed: local, inline",
    ),
    "unknown sampler": ({"search": {"sampler": "tpee"}}, "search.sampler: unknown sampler 'tpee'; did you mean 'tpe'?"),
    "sampler as a number": ({"search": {"sampler": 5}}, "search.sampler: must be a mapping such as {name: tpe}, got 5"),
    "unknown pruner": (
        {"search": {"pruner": "halfing"}},
        "search.pruner: unknown pruner 'halfing'; did you mean 'halv",
    ),
    "no models": ({"tracking": {"keep_models": 0}}, "tracking.keep_models: must be at least 1, got 0"),
    "no disk": ({"tracking": {"model_disk": 0}}, "tracking.model_disk: must be a size above zero such as 500MB or 2GB"),
    "objective as a number": (
        {"objective": 3},
        "objective: must be a mapping such as {metric: my_metric, direction: minimize}, got 3",
    ),
    "objective without a name": (
        {"objective": ""},
        "objective.metric: must name a metric such as val_accuracy, got ''",
    ),
    "objective of unknown direction": (
        {"objective": "val_acuracy"},
        "objective: it is not known whether 'val_acuracy' is better high or low; write {metric: val_acuracy, "
        "direction: maximize}, or did you mean 'val_accuracy'?",
    ),
    "direction in other words": (
        {"objective": {"metric": "m", "direction": "maximise"}},
        "objective.direction: 'maximise' is not known; did you mean 'maximize'? Allowed: maximize, minimize",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_breaks_a_rule_is_told_place_rule_value_and_remedy(case: str) -> None:
    change, expected = BAD[case]
    assert refusal({**HEAD, **change}).startswith(expected)


@pytest.mark.parametrize("missing", ["study", "data"])
def test_what_every_file_needs_is_asked_for(missing: str) -> None:
    text = refusal({key: value for key, value in HEAD.items() if key != missing})
    remedy = {
        "study": "name it, e.g. study: pima",
        "data": "write e.g. data: {source: pima.csv, target: diabetes}",
    }
    assert text == f"{missing}: is missing; {remedy[missing]}"


def test_the_file_is_named_in_what_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(PIMA.replace("trials: 60", "trials: 0"))
    with pytest.raises(ExperimentError) as caught:
        load_experiment(path)
    assert str(caught.value) == f"{path}: search.trials: must be at least 1, got 0"


def test_a_fraction_without_a_point_is_a_number_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(PIMA.replace("3e-4, 3e-2", "1e-5, 1e-1"))
    assert load_experiment(path).build_space()["learning_rate"].domain == FloatRange(1e-5, 0.1, log=True)


# Changes from the command line.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"a": 1, "b": {"c": 2}}),
        ({"a": 5}, {"a": 5, "b": {"c": 2}}),
        ({"b.c": 5}, {"a": 1, "b": {"c": 5}}),
        ({"b.d": 5}, {"a": 1, "b": {"c": 2, "d": 5}}),
        ({"e.f": 5}, {"a": 1, "b": {"c": 2}, "e": {"f": 5}}),
        ({"e.f.g": 5, "e.f.h": 6}, {"a": 1, "b": {"c": 2}, "e": {"f": {"g": 5, "h": 6}}}),
        ({"a": None, "b.c": None, "e.f": None}, {"a": 1, "b": {"c": 2}}),
        # Not silently replaced: the file's own mistake is to be reported.
        ({"a.x": 5}, {"a": 1, "b": {"c": 2}}),
    ],
)
def test_changes_replace_values_at_their_paths(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    content: dict[str, Any] = {"a": 1, "b": {"c": 2}}
    assert with_changes(content, changes) == expected
    assert content == {"a": 1, "b": {"c": 2}}


def test_a_change_reaches_an_empty_section() -> None:
    assert with_changes({"search": None}, {"search.trials": 5}) == {"search": {"trials": 5}}


def test_an_option_of_the_command_line_outweighs_the_file(pima: Path) -> None:
    experiment = load_experiment(pima, {"search.trials": 3, "search.timeout": "1h", "search.seed": None, "study": "p2"})
    assert (experiment.search.trials, experiment.search.timeout, experiment.search.seed) == (3, 3600.0, 7)
    assert experiment.study == "p2"


def test_a_wrong_section_is_not_hidden_by_an_option(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text("study: s\ndata: {source: t.csv}\nsearch: fast\n")
    with pytest.raises(ExperimentError, match=r"search: must be a mapping such as \{trials: 60\}, got 'fast'"):
        load_experiment(path, {"search.trials": 3})


def test_two_experiments_with_the_same_content_are_equal() -> None:
    assert Experiment.model_validate(HEAD) == Experiment.model_validate(HEAD)
    assert Experiment.model_validate(HEAD) != Experiment.model_validate({**HEAD, "study": "t"})
