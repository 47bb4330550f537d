"""How is a user's own model built for a trial: asking for its hyperparameters, then checked against the data?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from search.custom.checks import ROWS, check_fit, check_model, check_saved
from search.custom.dialogue import ask_outside
from search.custom.fit_arguments import FitArguments, record_fit
from search.custom.hp import HyperParameters
from search.custom.load import UserModel, load_user_model, user_imports
from search.custom.optuna_trial import ModelTrial
from search.custom.targets import give_one_hot
from search.data.dataset import Part
from search.data.pixels import numbers_of
from search.errors import ModelError
from search.messages import Suggest, Suggested, TrialJob, WorkerSetup
from search.training.loops import rows_of
from spaces.catalog import Scalar
from spaces.domains import Domain
from spaces.model_config import CustomModel, ModelConfig

Ask = Callable[[Suggest], Suggested]
_saved_once: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class BuiltModel:
    """A compiled ``keras.Model``, and the job and setup with what the model's function decided filled in.

    Attributes:
        shuffle: False where the function's own ``fit`` asks for the samples in their order.
    """

    model: Any
    job: TrialJob
    setup: WorkerSetup
    shuffle: bool


def build_asking(job: TrialJob, setup: WorkerSetup, train: Part) -> Generator[Suggest, Suggested, BuiltModel]:
    """Build the model of a job; yields a Suggest for each hyperparameter that the config does not hold yet.

    The config of the job that comes back holds all values: built from them again, the model is the same.

    Raises:
        ModelError: if what was built cannot be trained on this data. What the user's code raises passes through.
    """
    custom = _custom(job.config)
    own = load_user_model(custom.source)
    values: dict[str, Scalar] = {}

    def make(ask: Ask) -> tuple[Any, FitArguments]:
        def suggest(name: str, domain: Domain) -> Scalar:
            known = name in custom.values
            values[name] = custom.values[name] if known else ask(Suggest(job.number, name, domain)).value
            return values[name]

        return _make(own, suggest, job.config, setup, job.number, job.seed, train)

    state = _KerasState()
    model, arguments = yield from ask_outside(make, state.lend)
    state.take_back()
    config = job.config.model_copy(update={"custom": custom.model_copy(update={"values": values})})
    return BuiltModel(
        model,
        replace(
            job,
            config=config.model_copy(update={"batch_size": arguments.batch_size or config.batch_size}),
            epochs=min(job.epochs, arguments.epochs or job.epochs),
        ),
        _with_weights(setup, arguments.class_weight),
        arguments.shuffle,
    )


def build_known(config: ModelConfig, setup: WorkerSetup, train: Part, *, seed: int) -> Any:
    """Build the model again from a config that holds all of its values, with another seed perhaps.

    Raises:
        ModelError: if it asks for a value that is not there.
    """
    custom = _custom(config)

    def suggest(name: str, domain: Domain) -> Scalar:
        if name not in custom.values:
            raise ModelError(f"model: {custom.source}: asks for '{name}', which the config has no value for")
        return custom.values[name]

    own = load_user_model(custom.source)
    return _make(own, suggest, config, setup, 0, seed, train)[0]


def _make(
    own: UserModel,
    suggest: Callable[[str, Domain], Scalar],
    config: ModelConfig,
    setup: WorkerSetup,
    number: int,
    seed: int,
    train: Part,
) -> tuple[Any, FitArguments]:
    rows = _first_rows(train)
    known: dict[str, Scalar] = {}

    def once(name: str, domain: Domain) -> Scalar:
        if name not in known:
            known[name] = suggest(name, domain)
        return known[name]

    model, arguments = _make_once(own, once, config, setup, number, seed, rows)
    if (own.place, own.digest) not in _saved_once:
        check_saved(model, rows, own.objects, own.place)
        _saved_once.add((own.place, own.digest))
        # Built anew, so that what the check drew from random generators makes no difference to the numbers.
        model, arguments = _make_once(own, once, config, setup, number, seed, rows)
    return model, arguments


def _make_once(
    own: UserModel,
    suggest: Callable[[str, Domain], Scalar],
    config: ModelConfig,
    setup: WorkerSetup,
    number: int,
    seed: int,
    rows: Part,
) -> tuple[Any, FitArguments]:
    import keras

    keras.utils.set_random_seed(seed)
    with user_imports(own.path):
        hp = HyperParameters(suggest)
        if own.declare is not None:
            own.declare(hp)
        given: dict[str, tuple[Any, ...]] = {"hp": (hp,), "trial": (ModelTrial(suggest, number),), "none": ()}
        extra = {"spec": setup.spec} if own.takes_spec else {}
        model = check_model(own.function(*given[own.style], **extra), own.place)
        arguments = FitArguments() if own.fit is None else record_fit(own.fit, hp, model, own.place)
        if not model.compiled:
            _compile(model, config, setup, own.place)
        give_one_hot(model, setup.spec)
        check_fit(model, rows, setup.spec, own.place)
    # XLA costs seconds of compilation a model and makes small CPU models slower (see docs/design.md).
    model.jit_compile = False
    return model, arguments


def _compile(model: Any, config: ModelConfig, setup: WorkerSetup, place: str) -> None:
    import keras

    from spaces.losses import build_loss
    from spaces.metrics import streaming

    if type(model).compile is not keras.Model.compile:
        raise ModelError(f"{place}: was returned without compile(), and has a compile() of its own; call it in build")
    model.compile(
        optimizer="adam",
        loss=build_loss(config.loss, setup.spec),
        metrics=streaming(setup.metrics, setup.spec.task),
        jit_compile=False,
    )


def _custom(config: ModelConfig) -> CustomModel:
    assert config.custom is not None, "a config of the family custom"
    return config.custom


def _first_rows(part: Part) -> Part:
    return Part(numbers_of(rows_of(part.x, slice(ROWS))), np.asarray(part.y[:ROWS]))


def _with_weights(setup: WorkerSetup, weights: Mapping[int, float] | None) -> WorkerSetup:
    if weights is None:
        return setup
    classes = max(setup.spec.outputs, 2)
    wrong = [label for label in weights if not 0 <= label < classes]
    if setup.spec.task == "regression" or wrong:
        raise ModelError(f"fit: class_weight must name classes 0 to {classes - 1} of a classification, got {weights}")
    return replace(setup, class_weight=tuple(weights.get(label, 1.0) for label in range(classes)))


class _KerasState:
    """What Keras keeps for each thread by itself (seeds, dtype policy, names): lent to the thread that builds."""

    def __init__(self) -> None:
        from keras.src.backend.common import global_state

        self._module = global_state
        self._state = dict(vars(global_state.GLOBAL_STATE_TRACKER))

    @contextmanager
    def lend(self) -> Iterator[None]:
        own = vars(self._module.GLOBAL_STATE_TRACKER)
        own.update(self._state)
        try:
            yield
        finally:
            # Read anew: clear_session() in a user's function puts another object in its place.
            self._state = dict(vars(self._module.GLOBAL_STATE_TRACKER))

    def take_back(self) -> None:
        own = vars(self._module.GLOBAL_STATE_TRACKER)
        own.clear()
        own.update(self._state)
