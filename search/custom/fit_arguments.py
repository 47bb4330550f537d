"""With which arguments would a HyperModel's own ``fit`` train its model?

``fit`` is run once, with a model that writes down what its own ``fit`` is given, and with data that is not there; the
training itself is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search.errors import ModelError

_IGNORED = ("verbose",)
_NOT_IN_FIT = ("evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "fit_generator")


@dataclass(frozen=True)
class FitArguments:
    """What a model function's ``fit`` may decide; None leaves it to the experiment.

    Attributes:
        class_weight: class index to weight.
        shuffle: whether the samples come in another order each epoch.
    """

    batch_size: int | None = None
    epochs: int | None = None
    class_weight: Mapping[int, float] | None = None
    shuffle: bool = True


def record_fit(fit: Callable[..., Any], hp: Any, model: Any, place: str) -> FitArguments:
    """Call ``fit(hp, model, x, y, validation_data=..., callbacks=[])`` and see what it hands to ``model.fit``.

    Raises:
        ModelError: if it trains in a way of its own, changes the data, or sets what is not supported.
    """
    place = f"{place}, fit"
    x, y, held_out = (_Data(name, place) for name in ("x", "y", "validation_data"))
    recording = _Recording(model, place)
    returned = fit(hp, recording, x, y, validation_data=held_out, callbacks=[])
    if recording.given is None:
        raise ModelError(f"{place}: never calls model.fit(); write a training step of your own as train_step of a "
                         "keras.Model, and leave fit out")  # fmt: skip
    if returned is not recording.history:
        raise ModelError(f"{place}: must return what model.fit() returns; the study's objective decides what counts")
    return _checked(recording.given, {"x": x, "y": y, "validation_data": held_out}, place)


def _checked(given: Mapping[str, Any], data: Mapping[str, Any], place: str) -> FitArguments:
    known: dict[str, Any] = {}
    for name, value in given.items():
        if name in data:
            if value is not data[name]:
                raise ModelError(f"{place}: changes {name}; let a layer of the model do that")
        elif name == "callbacks":
            if value:
                raise ModelError(f"{place}: callbacks are not supported, got {type(next(iter(value))).__name__}")
        elif name in ("batch_size", "epochs"):
            if value is not None:
                known[name] = _at_least_one(value, f"{place}: {name}")
        elif name == "class_weight":
            if value is not None:
                known[name] = {int(label): float(weight) for label, weight in dict(value).items()}
        elif name == "shuffle":
            known[name] = bool(value)
        elif name not in _IGNORED and value is not None:
            raise ModelError(
                f"{place}: model.fit({name}=...) is not supported; batch_size, epochs, class_weight and shuffle are"
            )
    return FitArguments(**known)


def _at_least_one(value: Any, place: str) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ModelError(f"{place} must be a whole number of at least 1, got {value!r}")
    return int(value)


class _History:
    """What ``model.fit`` would return, before there is anything in it."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __getattr__(self, name: str) -> Any:
        raise ModelError(f"{self._place}: looks into what model.fit() returned (.{name}); return it as it is")


class _Recording:
    """A model that is everything but trained; ``fit`` writes down its arguments."""

    def __init__(self, model: Any, place: str) -> None:
        self._model, self._place = model, place
        self.given: Mapping[str, Any] | None = None
        self.history = _History(place)

    def fit(
        self, x: Any = None, y: Any = None, batch_size: Any = None, epochs: Any = None, *args: Any, **kwargs: Any
    ) -> _History:
        """Write the arguments down."""
        if self.given is not None:
            raise ModelError(f"{self._place}: calls model.fit() twice; one training is supported")
        if args:
            raise ModelError(f"{self._place}: model.fit() takes what comes after epochs by name")
        self.given = {"x": x, "y": y, "batch_size": batch_size, "epochs": epochs, **kwargs}
        return self.history

    def __getattr__(self, name: str) -> Any:
        if name in _NOT_IN_FIT:
            raise ModelError(f"{self._place}: model.{name}() has no data yet; only model.fit() is supported")
        return getattr(self._model, name)


class _Data:
    """Stands for training data that only the study has."""

    def __init__(self, name: str, place: str) -> None:
        self.__dict__.update(_name=name, _place=place)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise ModelError(f"{self._place}: works on {self._name}; let a layer of the model do that")

    def __getattr__(self, name: str) -> Any:
        return self._refuse()

    __len__ = __getitem__ = __iter__ = __add__ = __radd__ = __sub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __array__ = __call__ = __rsub__ = __neg__ = __lt__ = __gt__ = _refuse
