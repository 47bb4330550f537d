"""What is the ``trial`` that a model function in Optuna's manner asks for its hyperparameters?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from search.custom.domains import choice_domain, float_domain, int_domain, plain
from search.custom.hp import Suggest
from search.errors import ModelError
from spaces.catalog import Scalar
from spaces.domains import Choice, Domain

_UNSUPPORTED = ("study", "relative_params", "storage", "set_constraint")


class ModelTrial:
    """An Optuna trial as far as building a model needs one; the study itself is the coordinator's.

    Attributes:
        number: the trial's number in the study.
        params: the values so far, by name.
        user_attrs: what ``set_user_attr`` put there; it goes no further.
    """

    def __init__(self, suggest: Suggest, number: int) -> None:
        self._suggest, self.number = suggest, number
        self._domains: dict[str, Domain] = {}
        self.params: dict[str, Scalar] = {}
        self.user_attrs: dict[str, Any] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number from low to high, both included."""
        place = f"trial.suggest_float('{name}')"
        if step is not None and log:
            raise ModelError(f"{place}: takes step or log=True, not both")
        return float(self._ask(name, float_domain(place, low, high, step, "log" if log else "linear")))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number from low to high, both included."""
        place = f"trial.suggest_int('{name}')"
        if step != 1 and log:
            raise ModelError(f"{place}: takes step or log=True, not both")
        return int(self._ask(name, int_domain(place, low, high, None if log else step, "log" if log else "linear")))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of several values."""
        place = f"trial.suggest_categorical('{name}')"
        # Optuna lets types mix; numbers, words and truth values are told apart by their own type.
        values = tuple(dict.fromkeys((type(v), v) for v in (plain(f"{place}: choices", c) for c in choices)))
        if not values:
            raise ModelError(f"{place}: needs at least one choice")
        if len({kind for kind, _ in values}) == 1:
            return self._ask(name, choice_domain(place, choices))
        return self._ask(name, Choice(tuple(value for _, value in values)))

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Optuna's older word for ``suggest_float``."""
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Optuna's older word for ``suggest_float(..., log=True)``."""
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Optuna's older word for ``suggest_float(..., step=q)``."""
        return self.suggest_float(name, low, high, step=q)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Kept while the model is built, and not recorded."""
        self.user_attrs[key] = value

    def report(self, value: float, step: int) -> None:
        """Nothing: each epoch is reported by the training itself."""

    def should_prune(self) -> bool:
        """Never, while the model is built."""
        return False

    def __getattr__(self, name: str) -> Any:
        if name in _UNSUPPORTED:
            raise ModelError(f"trial.{name}: is not there while a model is built; use the suggest_ functions")
        raise AttributeError(f"trial has no attribute {name!r}")

    def _ask(self, name: str, domain: Domain) -> Any:
        name = str(name)
        if name in self._domains and self._domains[name] != domain:
            raise ModelError(
                f"trial '{name}': was asked for as {self._domains[name].describe()}, and now as "
                f"{domain.describe()}; give one of them another name"
            )
        if name not in self.params:
            self._domains[name] = domain
            self.params[name] = self._suggest(name, domain)
        return self.params[name]
