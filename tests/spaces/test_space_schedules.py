"""Are the learning rates those of Keras's schedules, at every step?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from search.training.threads import limit_threads
from spaces.catalog import SCHEDULES
from spaces.model_config import ScheduleConfig
from spaces.schedules import Plateau, rates

STEPS, EPOCHS, RATE = 7, 30, 0.02
Theirs = Callable[[Any], Any]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def config(name: str, warmup: float = 0.0, **settings: float) -> ScheduleConfig:
    return ScheduleConfig(name=name, settings=settings, warmup_epochs=warmup)


CASES: dict[str, tuple[ScheduleConfig, Theirs]] = {
    "exponential": (
        config("exponential", decay_rate=0.7, decay_epochs=4.0),
        lambda s: s.ExponentialDecay(RATE, 4 * STEPS, 0.7),
    ),
    "staircase": (
        config("staircase", decay_rate=0.7, decay_epochs=4.0),
        lambda s: s.ExponentialDecay(RATE, 4 * STEPS, 0.7, staircase=True),
    ),
    "polynomial": (
        config("polynomial", span_epochs=20.0, end_fraction=0.05, power=2.0),
        lambda s: s.PolynomialDecay(RATE, 20 * STEPS, RATE * 0.05, power=2.0),
    ),
    "a straight line to the end": (
        config("polynomial"),
        lambda s: s.PolynomialDecay(RATE, EPOCHS * STEPS, 0.0),
    ),
    "cosine": (
        config("cosine", span_epochs=25.0, end_fraction=0.1),
        lambda s: s.CosineDecay(RATE, 25 * STEPS, alpha=0.1),
    ),
    "cosine after a warm-up": (
        config("cosine", warmup=3.0, span_epochs=20.0),
        lambda s: s.CosineDecay(0.0, 20 * STEPS, warmup_target=RATE, warmup_steps=3 * STEPS),
    ),
    "restarts of growing length": (
        config("cosine_restarts", first_restart=3.0, restart_factor=2.0, restart_peak=0.8, end_fraction=0.01),
        lambda s: s.CosineDecayRestarts(RATE, 3 * STEPS, t_mul=2.0, m_mul=0.8, alpha=0.01),
    ),
    "restarts of equal length": (
        config("cosine_restarts", first_restart=4.0, restart_factor=1.0),
        lambda s: s.CosineDecayRestarts(RATE, 4 * STEPS, t_mul=1.0),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rates_are_those_of_keras(case: str) -> None:
    import keras

    schedule, theirs = CASES[case]
    ours = rates(schedule, RATE, steps_per_epoch=STEPS, epochs=EPOCHS)
    expected = np.array([float(theirs(keras.optimizers.schedules)(step)) for step in range(STEPS * EPOCHS)])
    assert ours.dtype == np.float32
    # At the very step of a restart float32 decides on which side Keras is.
    close = np.isclose(ours, expected, rtol=1e-5, atol=1e-6 * RATE)
    assert (~close).sum() <= (4 if "restarts" in case else 0), np.flatnonzero(~close)


def test_every_schedule_of_the_catalog_starts_at_its_rate_and_stays_within_it() -> None:
    for name in SCHEDULES:
        ours = rates(config(name), RATE, steps_per_epoch=STEPS, epochs=EPOCHS)
        assert ours[0] == pytest.approx(RATE)
        assert ours.min() >= 0
        assert ours.max() <= np.float32(RATE)


def test_times_are_in_epochs_whatever_their_number_of_steps() -> None:
    schedule = config("exponential", decay_rate=0.5, decay_epochs=2.0)
    few, many = (rates(schedule, 1.0, steps_per_epoch=steps, epochs=4) for steps in (2, 10))
    assert few[::2] == pytest.approx(many[::10])
    assert few[4] == pytest.approx(0.5)  # after two epochs


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_rises_in_a_straight_line_and_the_schedule_begins_after_it(name: str) -> None:
    cold = rates(config(name), 1.0, steps_per_epoch=4, epochs=18)
    warm = rates(config(name, warmup=2.0), 1.0, steps_per_epoch=4, epochs=20)
    assert warm[:8] == pytest.approx(np.arange(8) / 8)
    assert warm[8:] == pytest.approx(cold)


def test_no_schedule_is_one_rate() -> None:
    assert (rates(None, 0.5, steps_per_epoch=3, epochs=2) == np.float32(0.5)).all()


def test_a_plateau_falls_after_its_patience_and_not_below_its_floor() -> None:
    state = Plateau.of(config("plateau", plateau_factor=0.1, plateau_patience=2, end_fraction=0.05))
    assert state is not None
    fractions = []
    for value in (1.0, 0.9, 0.90005, 0.95, 0.5, 0.6, 0.6, 0.6, 0.6):
        state = state.after(value, "minimize")
        fractions.append(state.fraction)
    # 0.9 is the best until two epochs have not beaten it by 0.0001; 0.5 is better; two more have not beaten that.
    assert fractions == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05])
    assert Plateau.of(config("cosine")) is None


def test_a_plateau_of_something_to_be_maximised_waits_for_more() -> None:
    state = Plateau(factor=0.5, patience=1, floor=0.0)
    for value, fraction in ((0.8, 1.0), (0.9, 1.0), (0.85, 0.5), (0.95, 0.5)):
        state = state.after(value, "maximize")
        assert state.fraction == fraction
