"""Does the data section refuse what breaks its rules, and read what is meant?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from search.data.config import DataConfig


def test_defaults_ask_for_a_fifth_to_test_and_a_fifth_to_validate() -> None:
    config = DataConfig(source="pima.csv", target="outcome")
    assert (config.test, config.validation, config.task, config.drop) == (0.2, 0.2, "auto", ())


@pytest.mark.parametrize("value", [0, 0.0, None, "0"])
def test_zero_or_null_means_no_test_part(value: Any) -> None:
    assert DataConfig(source="a.csv", test=value).test is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [({"test": "0.3"}, 0.3), ({"test": "hold.csv"}, "hold.csv"), ({"test": 0.1}, 0.1)],
)
def test_a_part_is_a_fraction_or_a_file(given: dict[str, Any], meant: Any) -> None:
    assert DataConfig(source="a.csv", **given).test == meant


@pytest.mark.parametrize(("drop", "names"), [("id", ("id",)), ([2019, "b"], ("2019", "b")), ([], ())])
def test_drop_takes_one_name_or_a_list(drop: Any, names: tuple[str, ...]) -> None:
    assert DataConfig(source="a.csv", drop=drop).drop == names


def test_an_input_is_columns_a_text_or_an_array() -> None:
    given = {"a": ["b", 2019], "c": {"text": "d", "tokens": "words"}, "e": "f"}
    config = DataConfig.model_validate({"source": "a.csv", "inputs": given})
    assert config.inputs is not None
    one, two, three = config.inputs.values()
    assert (one.columns, two.text, two.tokens, three.array) == (("b", "2019"), "d", "words", "f")
    assert DataConfig.model_validate(config.model_dump(mode="json", exclude_none=True)) == config


def test_one_column_may_both_group_and_order_the_rows() -> None:
    assert DataConfig(source="a.csv", groups="year", time="year").time == "year"


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        ({"source": " "}, ("source",), "must name a file"),
        ({"source": "a.csv", "test": 1.5}, ("test",), "must be a fraction between 0 and 1"),
        ({"source": "a.csv", "test": 1}, ("test",), "got 1"),
        ({"source": "a.csv", "test": True}, ("test",), "got True"),
        ({"source": "a.csv", "test": [0.2]}, ("test",), "got [0.2]"),
        ({"source": "a.csv", "test": float("nan")}, ("test",), "got nan"),
        ({"source": "a.csv", "validation": 0}, ("validation",), "got 0"),
        ({"source": "a.csv", "validation": None}, ("validation",), "got None"),
        ({"source": "a.csv", "validation": -0.1}, ("validation",), "got -0.1"),
        ({"source": "a.csv", "test": 0.5, "validation": 0.5}, (), "sum below 1"),
        ({"source": "a.csv", "split": "s", "test": "b.csv"}, (), "keep one of the two"),
        ({"source": "a.csv", "target": "y", "drop": ["y"]}, (), "must not hold the target 'y'"),
        ({"source": "a.csv", "target": "y", "split": "y"}, (), "another column than the target"),
        ({"source": "a.csv", "drop": {"a": 1}}, ("drop",), "must be a list of column names"),
        ({"source": "a.csv", "task": "clustering"}, ("task",), "'binary'"),
        ({"source": "a.csv", "tset": 0.1}, ("tset",), "not permitted"),
        ({"source": "a.csv", "prepare": "weeks"}, ("prepare",), "such as weather.py:weeks, got 'weeks'"),
        ({"source": "a.csv", "image_size": [28]}, ("image_size",), "got [28]"),
        ({"source": "a.csv", "image_size": [28, True]}, ("image_size",), "must be [height, width] in pixels"),
        ({"source": "a.csv", "longest": 0}, ("longest",), "greater than or equal to 1"),
        ({"source": "a.csv", "windows": {}}, ("windows", "length"), "required"),
        ({"source": "a.csv", "windows": {"length": 2, "columns": []}}, ("windows",), "must name a column at least"),
        ({"source": "a.csv", "windows": {"length": 2, "include_target": True}}, ("windows",), "set horizon: 1"),
        ({"source": "a.csv", "target": "t", "windows": {"length": 2, "columns": ["t"]}}, (), "windows.include_target"),
        ({"source": "a.csv", "inputs": {}}, ("inputs",), "must name an input at least"),
        ({"source": "a.csv", "inputs": {"a b": ["c"]}}, ("inputs",), "must be letters, digits and '_'"),
        ({"source": "a.csv", "inputs": {"a": {}}}, ("inputs", "a"), "got none of them"),
        ({"source": "a.csv", "inputs": {"a": {"text": "b", "array": "c"}}}, ("inputs", "a"), "got text and array"),
        ({"source": "a.csv", "inputs": {"a": ["b"]}, "windows": {"length": 2}}, (), "both say what the inputs are"),
        ({"source": "a.csv", "target": "y", "time": "y"}, (), "time must be another column than the target"),
    ],
)
def test_a_broken_rule_names_its_key_and_value(given: dict[str, Any], key: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DataConfig(**given)
    (error,) = caught.value.errors()
    assert error["loc"] == key
    assert message in error["msg"]
