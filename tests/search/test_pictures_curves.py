"""Learning curves: which panels there are, where values lie, and that a readable PNG comes out."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from picture_rows import history_of
from PIL import Image

from search.pictures.curves import Panel, draw_learning_curves, first_not_finite, panels_of, value_scale
from search.pictures.sheet import epoch_scale, linear_scale, log_scale

NAN, INF = math.nan, math.inf


def draw(path: Path, history: list[dict[str, float]], best_epoch: int | None = None, title: str = "t") -> Image.Image:
    written = draw_learning_curves(history, best_epoch=best_epoch, title=title, objective="val_accuracy", path=path)
    assert written == path
    return Image.open(path).convert("RGB")


def pixels_of(image: Image.Image, color: str) -> int:
    wanted = tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))
    return sum(count for count, seen in image.getcolors(1 << 24) or [] if seen == wanted)


def test_training_and_validation_share_a_panel_and_the_objective_comes_first() -> None:
    panels = panels_of(history_of(3), "val_accuracy")
    assert [panel.name for panel in panels] == ["accuracy", "loss"]
    assert all(panel.train and panel.validation for panel in panels)


def test_a_constant_learning_rate_has_no_panel_and_a_changing_one_comes_last() -> None:
    history = [{"learning_rate": rate, "loss": 1.0, "val_auc": 0.5} for rate in (0.1, 0.05)]
    assert [panel.name for panel in panels_of(history, "val_auc")] == ["auc", "loss", "learning_rate"]
    assert [panel.name for panel in panels_of(history[:1], "val_auc")] == ["auc", "loss"]


def test_values_that_are_not_finite_become_gaps_and_missing_ones_too() -> None:
    (panel,) = panels_of([{"loss": 1.0}, {"loss": INF}, {}], "loss")
    assert panel.train is not None
    assert panel.train[0] == 1.0
    assert math.isnan(panel.train[1])
    assert math.isnan(panel.train[2])
    assert first_not_finite(panel) == 2


@pytest.mark.parametrize(
    ("name", "values", "log"),
    [
        ("loss", (1000.0, 1.0), True),
        ("loss", (0.7, 0.4), False),
        ("accuracy", (0.01, 0.99), False),  # a ratio of 99, yet a metric between 0 and 1 stays linear
        ("loss", (1000.0, 0.0), False),  # zero has no logarithm
        ("learning_rate", (1e-2, 1e-5), True),
    ],
)
def test_a_range_of_magnitudes_gets_a_logarithmic_axis(name: str, values: tuple[float, ...], log: bool) -> None:
    scale = value_scale(Panel(name, values, None))
    assert scale is not None
    assert scale.log is log


def test_no_finite_value_has_no_axis() -> None:
    assert value_scale(Panel("loss", (NAN, NAN), None)) is None


def test_linear_scale_spares_a_twentieth_and_labels_with_equal_decimals() -> None:
    scale = linear_scale([0.60, 0.80])
    assert (scale.low, scale.high) == (pytest.approx(0.59), pytest.approx(0.81))  # 0.05 * 0.2 = 0.01
    assert scale.place(0.7) == pytest.approx(0.5)
    assert scale.labels == ("0.60", "0.65", "0.70", "0.75", "0.80")


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e-9, 1e12])
def test_a_flat_curve_lies_in_the_middle(value: float) -> None:
    scale = linear_scale([value, value])
    assert scale.place(value) == pytest.approx(0.5)
    assert scale.ticks


def test_log_scale_places_the_geometric_mean_in_the_middle() -> None:
    scale = log_scale([1.0, 10_000.0])
    assert scale.place(100.0) == pytest.approx(0.5)
    assert scale.labels == ("1", "10", "100", "1000", "1e4")


@pytest.mark.parametrize(("epochs", "labels"), [(1, ("1",)), (2, ("1", "2")), (5, ("1", "2", "3", "4", "5"))])
def test_epoch_ticks_are_whole_numbers_from_one(epochs: int, labels: tuple[str, ...]) -> None:
    assert epoch_scale(epochs).labels == labels


@pytest.mark.parametrize("epochs", [3, 17, 60, 150, 2000])
def test_epoch_ticks_are_few_and_inside(epochs: int) -> None:
    ticks = epoch_scale(epochs).ticks
    assert 2 <= len(ticks) <= 8
    assert all(1 <= tick <= epochs and tick == int(tick) for tick in ticks)


@pytest.mark.parametrize(
    ("metrics", "size"),
    [(1, (760, 310)), (2, (760, 310)), (3, (1130, 310)), (4, (760, 525)), (7, (1130, 740))],
)
def test_the_picture_grows_with_the_metrics(tmp_path: Path, metrics: int, size: tuple[int, int]) -> None:
    history = [{f"metric{index}": 0.5 + epoch for index in range(metrics)} for epoch in range(3)]
    assert draw(tmp_path / "new" / "curves.png", history).size == size


def test_both_curves_and_the_best_epoch_are_drawn(tmp_path: Path) -> None:
    with_best = draw(tmp_path / "a.png", history_of(40), best_epoch=23)
    without = draw(tmp_path / "b.png", history_of(40))
    assert pixels_of(with_best, "#0072B2") > 300
    assert pixels_of(with_best, "#E69F00") > 100
    assert pixels_of(with_best, "#1f2933") > pixels_of(without, "#1f2933")


def test_one_epoch_shows_its_points(tmp_path: Path) -> None:
    one = draw(tmp_path / "a.png", history_of(1))
    header_only = draw(tmp_path / "b.png", [{"loss": NAN, "val_loss": NAN}])
    assert pixels_of(one, "#0072B2") > pixels_of(header_only, "#0072B2") + 8


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{}],
        [{"loss": NAN, "val_loss": INF}],
        [{"loss": 0.0}],
        [{"loss": 1.0}, {"loss": NAN}],
        [{"loss": 1e30, "val_loss": 1e-30}, {"loss": 1.0, "val_loss": 1.0}],
    ],
)
def test_odd_histories_are_drawn_all_the_same(tmp_path: Path, history: list[dict[str, float]]) -> None:
    assert draw(tmp_path / "odd.png", history, best_epoch=1).size == (760, 310)


def test_the_first_value_that_is_not_finite_is_marked(tmp_path: Path) -> None:
    broken = [*history_of(5), {"loss": NAN, "accuracy": 0.5, "val_loss": INF, "val_accuracy": 0.5}]
    assert pixels_of(draw(tmp_path / "a.png", broken), "#D55E00") > 20
    assert pixels_of(draw(tmp_path / "b.png", history_of(6)), "#D55E00") == 0


def test_a_best_epoch_outside_the_history_marks_nothing_and_titles_are_plain_text(tmp_path: Path) -> None:
    assert draw(tmp_path / "a.png", history_of(3), best_epoch=9, title="costs $5 and $6 " * 30).size == (
        760,
        310,
    )


def test_letters_that_the_font_lacks_become_question_marks(tmp_path: Path) -> None:
    # matplotlib would warn of them, here as an error, and draw empty boxes
    chinese = draw(tmp_path / "a.png", history_of(3), title="\u7814\u7a76 a")
    assert chinese.tobytes() == draw(tmp_path / "b.png", history_of(3), title="?? a").tobytes()


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("rows, wording, leaderboard, terminal", ("matplotlib", "plotly")),
        ("curves", ("matplotlib.pyplot", "plotly")),
        ("study_pages", ("matplotlib", "optuna", "mlflow", "tensorflow")),
    ],
)
def test_drawing_imports_no_more_than_it_needs(modules: str, absent: tuple[str, ...]) -> None:
    code = f"import sys; from search.pictures import {modules}; print(sorted({absent!r} & sys.modules.keys()))"
    code = code.replace(repr(absent), repr(set(absent)))
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_same_history_gives_the_same_bytes_from_any_thread(tmp_path: Path) -> None:
    draw(tmp_path / "main.png", history_of(20), best_epoch=7)
    threads = [threading.Thread(target=draw, args=(tmp_path / f"{index}.png", history_of(20), 7)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_rounds_are_thin_lines_behind_their_mean_as_far_as_all_went(tmp_path: Path) -> None:
    history = [
        {"round": 1, "loss": 1.0, "val_loss": 2.0},
        {"round": 1, "loss": 0.5, "val_loss": 1.0},
        {"round": 2, "loss": 3.0, "val_loss": 4.0},
    ]
    (panel,) = panels_of(history, "val_loss")
    assert (panel.train, panel.validation) == ((2.0,), (3.0,))
    assert panel.train_rounds == ((1.0, 0.5), (3.0,))
    assert panel.validation_rounds == ((2.0, 1.0), (4.0,))
    assert first_not_finite(panel) is None
    rounds = [{"round": number, **epoch} for number in (1, 2, 3) for epoch in history_of(10 + number, seed=number)]
    image = draw(tmp_path / "a.png", rounds, best_epoch=12)  # beyond the mean's end
    assert pixels_of(image, "#b5d3e6") > 50
    folds = draw_learning_curves(
        rounds, best_epoch=12, title="t", objective="val_accuracy", path=tmp_path / "folds.png", unit="fold"
    )
    assert folds.read_bytes() != (tmp_path / "a.png").read_bytes(), "the legend says 'each fold'"


def test_one_round_has_no_lines_behind_it() -> None:
    (panel,) = panels_of([{"round": 1, "loss": 1.0}, {"round": 1, "loss": 0.5}], "loss")
    assert panel == Panel("loss", (1.0, 0.5), None)
