"""Study pages: the figures carry the right numbers, and the pages need nothing but themselves."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from picture_rows import IMPORTANCES, LOG_PARAMS, study_of

from search.data.validation import ValidationConfig
from search.pictures.comparisons import parallel_figure, slices_figure
from search.pictures.dimensions import dimension_of
from search.pictures.figure_style import value_axis
from search.pictures.history import history_figure, importances_figure
from search.pictures.overlay import curves_figure
from search.pictures.rows import MOST_CURVES, TrialRow, param_names, with_shown_curve
from search.pictures.study_pages import hover_text, study_sections, summary_line, write_study_pages

NAMES = ["study", "optimization_history", "param_importances", "parallel_coordinates", "slices"]


def row(number: int, value: float | None, state: Any = "complete", **params: Any) -> TrialRow:
    return TrialRow(
        number=number,
        state=state,
        value=value,
        params=params,
        best_epoch=2,
        epochs=4,
        seconds=1.0,
        parameters=10,
    )


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


ROWS = [
    row(0, 0.5, rate=0.001, kind="a"),
    row(1, 0.7, rate=0.1, kind="b", extra=3),
    row(2, 0.6, rate=0.01, kind="a"),
    row(3, 0.4, "pruned", rate=0.1, kind="b", extra=5),
    row(4, None, "diverged", rate=1.0, kind="b", extra=4),
    row(5, None, "running", rate=1.0, kind="b", extra=4),
]


def test_history_shows_each_state_and_the_best_so_far() -> None:
    drawn = traces(history_figure(ROWS, objective="val_accuracy", direction="maximize"))
    assert list(drawn["complete (3)"].x) == [0, 1, 2]
    assert list(drawn["complete (3)"].y) == [0.5, 0.7, 0.6]
    assert list(drawn["pruned (1)"].y) == [0.4]
    # 0.5 at trial 0, 0.7 from trial 1 on, up to the last trial of the study
    assert list(drawn["best so far"].x) == [0, 1, 5]
    assert list(drawn["best so far"].y) == [0.5, 0.7, 0.7]
    assert list(drawn["best: 0.7000 (trial 1)"].x) == [1]


@pytest.mark.parametrize(("direction", "edge"), [("maximize", 0), ("minimize", 1)])
def test_trials_without_a_value_lie_on_the_bad_edge(direction: Any, edge: int) -> None:
    figure = history_figure(ROWS, objective="loss", direction=direction)
    assert list(traces(figure)["diverged (1)"].y) == [figure.layout.yaxis.range[edge]]


def test_points_carry_their_trials_number_for_the_text_on_hovering() -> None:
    figure = history_figure(ROWS, objective="loss", direction="minimize")
    assert list(traces(figure)["complete (3)"].customdata) == [0, 1, 2]
    assert "%{text}" in traces(figure)["complete (3)"].hovertemplate


def test_the_running_best_is_the_minimum_when_minimizing() -> None:
    drawn = traces(history_figure(ROWS, objective="loss", direction="minimize"))
    assert set(drawn["best so far"].y) == {0.5}


def test_poor_pruned_trials_do_not_flatten_the_complete_ones() -> None:
    good = [row(number, 0.80 + 0.01 * (number % 4)) for number in range(12)]
    figure = history_figure([*good, row(12, -500.0, "pruned")], objective="r2", direction="maximize")
    low, high = figure.layout.yaxis.range
    assert high - low < 1
    assert "1 more beyond this edge" in figure.layout.annotations[0].text


def test_losses_over_magnitudes_get_a_logarithmic_axis() -> None:
    axis = value_axis([0.1, 5.0, 2000.0], "minimize")
    assert axis["type"] == "log"
    assert axis["range"][0] < math.log10(0.1) < math.log10(2000) < axis["range"][1]
    assert "type" not in value_axis([0.0, 5.0, 2000.0], "minimize")
    assert "type" not in value_axis([0.1, 5.0, 2000.0], "maximize")


def test_importances_are_bars_with_the_greatest_on_top() -> None:
    (bars,) = importances_figure({"a": 0.2, "b": 0.7, "c": 0.1}, objective="loss").data
    assert list(bars.y) == ["c", "a", "b"]  # plotly draws from the bottom up
    assert list(bars.x) == [0.1, 0.2, 0.7]


@pytest.mark.parametrize("importances", [None, {}])
def test_unknown_importances_say_so(importances: Any) -> None:
    figure = importances_figure(importances, objective="loss")
    assert not figure.data
    assert "Not known yet" in figure.layout.annotations[0].text


def test_importances_of_zero_are_drawn() -> None:
    assert importances_figure({"a": 0.0}, objective="loss").layout.xaxis.range == (0, 1)


def test_parallel_coordinates_run_from_the_hyperparameters_to_the_objective_worst_trial_first() -> None:
    (lines,) = parallel_figure(
        ROWS, objective="val_accuracy", direction="maximize", log_params=frozenset({"rate"})
    ).data
    axes = {axis.label: axis for axis in lines.dimensions}
    assert list(axes) == ["rate", "kind", "extra", "<b>val_accuracy</b>"]
    # complete trials only, worst first: 0 (0.5), 2 (0.6), 1 (0.7)
    assert list(axes["<b>val_accuracy</b>"]["values"]) == [0.5, 0.6, 0.7]
    assert list(axes["rate"]["values"]) == pytest.approx([-3, -2, -1])  # log10 of 0.001, 0.01, 0.1
    assert list(axes["kind"].ticktext) == ["a", "b"]
    assert list(axes["kind"]["values"]) == [0, 0, 1]


def test_a_hyperparameter_that_a_trial_lacks_has_a_place_below_its_values() -> None:
    (lines,) = parallel_figure(ROWS, objective="v", direction="maximize").data
    extra = next(axis for axis in lines.dimensions if axis.label == "extra")
    assert extra.ticktext[0] == "not used"
    assert extra["values"][0] == extra["values"][1] == extra.tickvals[0] < 3
    assert extra["values"][2] == 3


@pytest.mark.parametrize(("direction", "reverse"), [("maximize", False), ("minimize", True)])
def test_the_good_end_of_the_objective_is_up_and_dark(direction: Any, reverse: bool) -> None:
    (lines,) = parallel_figure(ROWS, objective="v", direction=direction).data
    low, high = lines.dimensions[-1].range
    assert (low > high) is reverse
    assert lines.line.reversescale is reverse


def test_what_never_varies_has_no_axis_and_no_slice() -> None:
    rows = [row(number, 0.1 * number, batch=10, rate=0.1 * (number + 1)) for number in range(4)]
    (lines,) = parallel_figure(rows, objective="v", direction="maximize").data
    assert [axis.label for axis in lines.dimensions] == ["rate", "<b>v</b>"]
    slices = slices_figure(rows, objective="v", direction="maximize")
    assert [axis.title.text for axis in slices.select_xaxes()] == ["rate"]


def test_axes_follow_importance_then_the_space_and_layers_stay_together() -> None:
    rows = [row(0, 0.1, units_1=1, rate=1), row(1, 0.2, units_1=2, units_2=3, units_10=5, rate=2)]
    names = [
        [
            axis.label
            for axis in parallel_figure(rows, objective="v", direction="maximize", importances=given).data[0].dimensions
        ]
        for given in (None, {"rate": 0.9, "units_1": 0.1})
    ]
    assert names[0] == ["units_1", "units_2", "units_10", "rate", "<b>v</b>"]
    assert names[1] == ["rate", "units_1", "units_2", "units_10", "<b>v</b>"]


def test_slices_hold_the_trials_that_have_the_hyperparameter() -> None:
    figure = slices_figure(ROWS, objective="v", direction="maximize", log_params=frozenset({"rate"}))
    points = {}
    for trace in figure.data:
        for x, y, number in zip(trace.x, trace.y, trace.customdata, strict=True):
            points[(trace.xaxis, number)] = (x, y)
    assert points[("x", 3)] == (pytest.approx(-1), 0.4)  # rate of 0.1, pruned
    assert {number for axis, number in points if axis == "x"} == {0, 1, 2, 3}
    assert {number for axis, number in points if axis == "x3"} == {1, 3}  # extra
    assert figure.layout.xaxis3.title.text == "extra"


def test_points_of_a_category_stay_nearer_to_it_than_to_the_next() -> None:
    rows = [row(number, 0.01 * number, kind="ab"[number % 2]) for number in range(40)]
    figure = slices_figure(rows, objective="v", direction="maximize")
    for trace in figure.data:
        for x, number in zip(trace.x, trace.customdata, strict=True):
            assert abs(x - number % 2) <= 0.25


@pytest.mark.parametrize(
    ("values", "log", "kind", "labels"),
    [
        ([1, 3, 5], False, "linear", ("1", "2", "3", "4", "5")),
        ([10, 100], True, "log", ("10", "20", "50", "100")),
        ([0.0, 0.5], False, "linear", ("0", "0.1", "0.2", "0.3", "0.4", "0.5")),
        ([1e-5, 1e-1], True, "log", ("1e-5", "1e-4", "1e-3", "0.01", "0.1")),
        ([True, False], False, "category", ("false", "true")),
        (["b", "a"], True, "category", ("a", "b")),
        ([16, "auto"], False, "category", ("16", "auto")),
        ([0.0, 1.0], True, "linear", ("0", "0.2", "0.4", "0.6", "0.8", "1")),  # zero has no logarithm
        ([7], False, "linear", ("7",)),
        ([0.01], True, "log", ("0.01",)),
    ],
)
def test_ticks_are_round(values: list[Any], log: bool, kind: str, labels: tuple[str, ...]) -> None:
    dimension = dimension_of("d", [row(index, 0.0, d=value) for index, value in enumerate(values)], log=log)
    assert (dimension.kind, dimension.labels) == (kind, labels)
    assert list(dimension.ticks) == sorted(dimension.ticks)


@pytest.mark.parametrize(("low", "high"), [(0.031, 0.033), (12.0, 15.5), (3e-4, 3e-2), (1.0, 1e9), (40.0, 41.0)])
@pytest.mark.parametrize("log", [True, False])
def test_every_axis_has_a_few_ticks_inside_its_values(low: float, high: float, log: bool) -> None:
    dimension = dimension_of("d", [row(0, 0.0, d=low), row(1, 0.0, d=high)], log=log)
    assert 2 <= len(dimension.ticks) <= 12
    assert len(set(dimension.labels)) == len(dimension.labels)


def test_markup_in_a_category_is_shown_as_text() -> None:
    (lines,) = parallel_figure(STUDIES["markup"], objective="v", direction="maximize").data
    assert list(lines.dimensions[0].ticktext) == [
        "&lt;/script&gt;&lt;b&gt;",
        "&lt;img src=http://x/y.png&gt;",
    ]


def test_curves_are_joined_with_gaps_and_the_best_stands_out() -> None:
    curves = {0: [0.1, 0.5], 1: [0.2, 0.7], 3: [0.3, math.nan, 0.4], 4: []}
    drawn = traces(curves_figure(ROWS, curves, objective="v", direction="maximize"))
    assert list(drawn["best"].y) == [0.2, 0.7, None]
    assert list(drawn["complete (1)"].x) == [1, 2, None]
    assert list(drawn["stopped early (1)"].y) == [0.3, None, 0.4, None]
    assert list(drawn["stopped here"].x) == [3]


def test_of_a_long_study_the_best_and_the_latest_stopped_curves_are_shown() -> None:
    rows = [row(number, number % 100 / 100, "pruned" if number % 2 else "complete") for number in range(400)]
    best, stopped = with_shown_curve(reversed(rows), "maximize")
    assert [shown.number for shown in best] == sorted(range(0, 400, 2), key=lambda n: (-(n % 100), n))[
        : MOST_CURVES + 1
    ]
    assert [shown.number for shown in stopped] == list(range(1, 400, 2))[-MOST_CURVES:]


def test_long_curves_keep_their_first_and_last_epoch() -> None:
    curves = {1: [float(epoch) for epoch in range(1, 1002)]}
    best = traces(curves_figure(ROWS, curves, objective="v", direction="maximize"))["best"]
    assert best.x[0] == 1
    assert best.x[-2] == 1001
    assert len(best.x) <= 203


STUDIES = {
    "sixty": study_of(60),
    "none": [],
    "one": ROWS[:1],
    "only running": ROWS[5:],
    "only pruned": [trial for trial in study_of(60) if trial.state == "pruned"],
    "only failed": [row(0, None, "failed", a=1), row(1, None, "diverged", a=2)],
    "one hyperparameter": [replace(trial, params={"rate": trial.params["learning_rate"]}) for trial in study_of(9)],
    "constants only": [replace(trial, params={"layers": 2}) for trial in study_of(9)],
    "no hyperparameters": [replace(trial, params={}) for trial in study_of(9)],
    "equal values": [row(number, 0.5, a=number) for number in range(9)],
    "not finite": [row(0, math.nan, a=1), row(1, math.inf, a=2), row(2, 1.0, a=3)],
    "markup": [row(0, 0.1, kind="</script><b>"), row(1, 0.2, kind="<img src=http://x/y.png>")],
}


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gives_a_page_that_needs_nothing_else(name: str, direction: Any, tmp_path: Path) -> None:
    (path,) = write_study_pages(
        STUDIES[name],
        study=name,
        objective="val_accuracy",
        direction=direction,
        importances=IMPORTANCES if name == "sixty" else None,
        folder=tmp_path / "new",
        log_params=LOG_PARAMS,
        curves={0: [0.1, 0.2]},
    )
    page = path.read_text(encoding="utf-8")
    assert path.name == "study.html"
    assert 1_500_000 < len(page) < 2_500_000
    assert page.count("</script>") == 3
    parts = Parts()
    parts.feed(page)
    assert "src" not in parts.attributes
    assert parts.attributes["href"] == {f"#{part}" for part in [*NAMES[1:], "learning_curves"]}
    assert not re.search(r"https?:|@import|url\(|fetch|import\(", parts.own)
    data = page_data(page)
    assert list(data["figures"]) == [NAMES[1], "learning_curves", *NAMES[2:]]
    assert len(data["hover"]) == len(STUDIES[name])


class Parts(HTMLParser):
    """Collects the attributes of all tags, and the styles and scripts that are the page's own."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, set[str | None]] = {}
        self.own, self.within = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value)
        self.within = tag == "style" or (tag == "script" and not attrs)

    def handle_endtag(self, tag: str) -> None:
        self.within = False

    def handle_data(self, data: str) -> None:
        self.own += data if self.within else ""


def page_data(page: str) -> Any:
    match = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def test_the_packed_library_is_plotly_whole(tmp_path: Path) -> None:
    from plotly.offline import get_plotlyjs

    (path,) = write_study_pages(
        [], study="s", objective="loss", direction="minimize", importances=None, folder=tmp_path
    )
    match = re.search(r'<script id="library" type="text/plain">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert match is not None
    assert gzip.decompress(base64.b64decode(match[1])).decode("utf-8") == get_plotlyjs()


def test_each_picture_has_a_page_of_its_own_when_asked_for(tmp_path: Path) -> None:
    paths = write_study_pages(
        ROWS, study="s", objective="v", direction="maximize", importances=None, folder=tmp_path, separate=True
    )
    assert [path.name for path in paths] == [f"{name}.html" for name in NAMES]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    alone = paths[-1].read_text(encoding="utf-8")
    assert list(page_data(alone)["figures"]) == ["slices"]
    assert "<nav>" not in alone


def test_rows_in_any_order_give_the_same_page(tmp_path: Path) -> None:
    pages = [
        write_study_pages(
            rows, study="s", objective="v", direction="maximize", importances=None, folder=tmp_path / name
        )[0].read_bytes()
        for name, rows in (("a", ROWS), ("b", ROWS[::-1]))
    ]
    assert pages[0] == pages[1]


def test_the_summary_counts_states_and_names_the_best() -> None:
    assert summary_line(ROWS, objective="auc", direction="maximize") == (
        "6 trials: 3 complete, 1 pruned, 1 diverged, 1 running. Best auc 0.7000 (trial 1): rate=0.1, kind=b, extra=3"
    )
    assert summary_line([], objective="auc", direction="maximize") == "0 trials"
    assert summary_line(ROWS[3:4], objective="auc", direction="maximize") == "1 trial: 1 pruned"


def test_hover_text_says_number_state_value_reason_and_config_without_markup() -> None:
    text = hover_text(replace(ROWS[3], reason="pruned at epoch 4", params={"kind": "<b>"}), "val_accuracy")
    assert text.split("<br>") == [
        "<b>trial 3</b>, pruned",
        "val_accuracy 0.4000 at epoch 2 of 4",
        "pruned at epoch 4",
        "1.0 s",
        "kind: &lt;b&gt;",
    ]
    assert "repeats trial 1" in hover_text(replace(ROWS[2], duplicate_of=1), "v")
    assert hover_text(row(0, 1.0, **{f"p{index}": index for index in range(30)}), "v").endswith("and 12 more")


FOLDS = [replace(row(number, 0.7 + number / 100), spread=0.02, values=(0.68, 0.72)) for number in range(3)]


def test_the_mean_of_several_rounds_has_a_bar_of_its_spread() -> None:
    figure = history_figure([*FOLDS, row(3, 0.5, "pruned")], objective="val_accuracy", direction="maximize")
    drawn = traces(figure)
    assert list(drawn["complete (3)"].error_y.array) == [0.02, 0.02, 0.02]
    assert drawn["pruned (1)"].error_y.array is None
    assert list(drawn["best: 0.7200 ± 0.0200 (trial 2)"].x) == [2]
    text = hover_text(FOLDS[2], "val_accuracy", "fold")
    assert "val_accuracy 0.7200 ± 0.0200 at epoch 2 of 2" in text  # 4 epochs in 2 rounds
    assert "folds: 0.6800, 0.7200" in text


def test_curves_of_rounds_say_what_their_steps_are() -> None:
    figure = curves_figure(FOLDS, {0: [0.6, 0.7]}, objective="val_accuracy", direction="maximize", unit="fold")
    assert figure.layout.xaxis.title.text == "completed folds"
    assert figure.layout.yaxis.title.text == "val_accuracy (mean of the folds so far)"


@pytest.mark.parametrize(
    ("validation", "unit"),
    [({"folds": 5}, "fold"), ({"repeats": 3}, "repeat"), ({"folds": 5, "repeats": 3}, "round")],
)
def test_pages_call_the_rounds_of_a_trial_by_their_name(validation: dict[str, int], unit: str) -> None:
    assert ValidationConfig(**validation).unit == unit
    sections = study_sections(
        FOLDS, objective="v", direction="maximize", importances=None, curves={0: [0.6, 0.7]}, unit=unit
    )
    captions = {section.name: section.caption for section in sections}
    assert f"one standard deviation over the {unit}s." in captions["optimization_history"]
    assert captions["learning_curves"].startswith(f"The objective by {unit},")
    assert f"{unit}s: 0.6800, 0.7200" in hover_text(FOLDS[2], "v", unit)


@pytest.mark.parametrize("params", [{}, {"hp_a": 3}], ids=["no dimensions", "one value"])
def test_studies_without_anything_that_varies_have_their_pages(tmp_path: Path, params: dict[str, Any]) -> None:
    rows = [row(number, 0.5 + number / 10, **params) for number in range(4)]
    (page,) = write_study_pages(
        rows, study="own", objective="val_accuracy", direction="maximize", importances=None, folder=tmp_path
    )
    assert "Needs two trials with values that differ." in page.read_text(encoding="utf-8")


def test_params_of_every_family_have_their_place() -> None:
    rows = [
        row(0, 0.5, conv_layers=2, filters_1=8, filters_2=16, learning_rate=0.1),
        row(1, 0.6, conv_layers=3, filters_1=8, filters_2=16, filters_3=32, learning_rate=0.2),
        row(2, 0.7, recurrent_layers=1, state_size_1=11, learning_rate=0.3),
    ]
    assert param_names(rows) == [
        "conv_layers", "filters_1", "filters_2", "filters_3", "learning_rate", "recurrent_layers", "state_size_1",
    ]  # fmt: skip
    (lines,) = parallel_figure(rows, objective="val_accuracy", direction="maximize").data
    assert "filters_3" in [dimension.label for dimension in lines.dimensions]
