"""What is the ``hp`` that a KerasTuner model function asks for its hyperparameters?

Our own, over a callback: names, scopes, conditions and ranges mean what they mean in KerasTuner 1.4, but a value is
asked for when the model is built, and nothing is registered beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from search.custom.domains import choice_domain, float_domain, int_domain, plain
from search.errors import ModelError
from spaces.catalog import Scalar
from spaces.domains import Choice, Domain

Suggest = Callable[[str, Domain], Scalar]
_UNSUPPORTED = ("merge", "ensure_active_values", "get_config", "from_config", "to_proto", "from_proto")


@dataclass(frozen=True)
class Condition:
    """Holds while a hyperparameter has one of some values."""

    name: str
    values: tuple[Scalar, ...]

    def is_active(self, values: Mapping[str, Scalar]) -> bool:
        """Whether it holds for these values."""
        return self.name in values and values[self.name] in self.values


@dataclass(frozen=True)
class HyperParameter:
    """One that was asked for: its full name, what it may be, and the conditions that it was asked under."""

    name: str
    domain: Domain
    default: Scalar
    conditions: tuple[Condition, ...] = ()


class HyperParameters:
    """Hyperparameters by name, as KerasTuner's model functions ask for them.

    Args:
        suggest: asked once for each name that is active; None gives every hyperparameter its default.

    Attributes:
        values: the active ones so far, by full name (``scope/name``).
        space: all that were asked for, in order.
    """

    def __init__(self, suggest: Suggest | None = None) -> None:
        self._suggest = suggest
        self._scopes: list[str] = []
        self._conditions: list[Condition] = []
        self._known: dict[str, list[HyperParameter]] = {}
        self.values: dict[str, Scalar] = {}
        self.space: list[HyperParameter] = []

    # -- what is asked for (KerasTuner's own spelling) ----------------------------------------------------------

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A whole number from min_value to max_value, both included; None where its condition does not hold.

        Raises:
            ModelError: naming the call and the rule that it breaks.
        """
        domain = int_domain(self._place("Int", name), min_value, max_value, step, sampling)
        return self._ask(name, domain, int(min_value if default is None else default), parent_name, parent_values)

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A real number from min_value to max_value, both included; else as Int."""
        domain = float_domain(self._place("Float", name), min_value, max_value, step, sampling)
        return self._ask(name, domain, float(min_value if default is None else default), parent_name, parent_values)

    def Choice(
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """One of several values of one type; else as Int. ``ordered`` has no use here."""
        place = self._place("Choice", name)
        domain = choice_domain(place, values)
        if default is not None and default not in domain.values:
            raise ModelError(f"{place}: default must be one of {list(domain.values)}, got {default!r}")
        first = domain.values[0] if default is None else plain(place, default)
        return self._ask(name, domain, first, parent_name, parent_values)

    def Boolean(
        self, name: str, default: bool = False, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """True or False; else as Int."""
        return self._ask(name, Choice((False, True)), bool(default), parent_name, parent_values)

    def Fixed(self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None) -> Any:
        """One value, which is recorded and not searched; else as Int."""
        fixed = plain(self._place("Fixed", name), value)
        return self._ask(name, Choice((fixed,)), fixed, parent_name, parent_values)

    # -- scopes -------------------------------------------------------------------------------------------------

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Names inside are ``name/...``."""
        self._scopes.append(str(name))
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is asked for inside is None unless the parent has one of these values.

        Raises:
            ModelError: if the parent was not asked for before.
        """
        parent = self._full(parent_name)
        if parent not in self._known:
            raise ModelError(f"hp.conditional_scope('{parent}'): nothing of that name was asked for before")
        values = parent_values if isinstance(parent_values, list | tuple | set) else [parent_values]
        condition = Condition(parent, tuple(plain(f"hp.conditional_scope('{parent}')", value) for value in values))
        self._conditions.append(condition)
        try:
            yield
        finally:
            self._conditions.pop()

    # -- what is known ------------------------------------------------------------------------------------------

    def get(self, name: str) -> Any:
        """The value of a name in the current scope; KeyError if there is none, ValueError if it is inactive."""
        full = self._full(name)
        if full in self.values:
            return self.values[full]
        if full in self._known:
            raise ValueError(f"{full} is currently inactive.")
        raise KeyError(f"{full} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full(name) in self.values

    def is_active(self, hyperparameter: str | HyperParameter) -> bool:
        """Whether the conditions of a hyperparameter hold (of one of that name, by its full name)."""
        one = isinstance(hyperparameter, HyperParameter)
        known = [hyperparameter] if one else self._known.get(str(hyperparameter), [])
        return any(all(c.is_active(self.values) for c in hp.conditions) for hp in known)  # type: ignore[union-attr]

    def copy(self) -> HyperParameters:
        """The same values; what is asked of the copy alone takes its default (an untunable HyperModel's way)."""
        twin = HyperParameters()
        twin._scopes, twin._conditions = list(self._scopes), list(self._conditions)
        twin._known = {name: list(known) for name, known in self._known.items()}
        twin.values, twin.space = dict(self.values), list(self.space)
        return twin

    def __getattr__(self, name: str) -> Any:
        if name in _UNSUPPORTED:
            raise ModelError(f"hp.{name}: is not supported; what a model asks for is known only while it is built")
        raise AttributeError(f"hp has no attribute {name!r}")

    # -- inside -------------------------------------------------------------------------------------------------

    def _ask(
        self, name: str, domain: Domain, default: Scalar, parent_name: str | None, parent_values: Any
    ) -> Scalar | None:
        if parent_name:
            with self.conditional_scope(parent_name, parent_values):
                return self._retrieve(HyperParameter(self._full(name), domain, default, tuple(self._conditions)))
        return self._retrieve(HyperParameter(self._full(name), domain, default, tuple(self._conditions)))

    def _retrieve(self, hp: HyperParameter) -> Scalar | None:
        if any(condition.name == hp.name for condition in hp.conditions):
            raise ModelError(f"hp '{hp.name}': cannot depend on itself; give it or its parent another name")
        twin = next((known for known in self._known.get(hp.name, []) if known.conditions == hp.conditions), None)
        if twin is not None and twin.domain != hp.domain:
            raise ModelError(
                f"hp '{hp.name}': was asked for as {_text(twin.domain)}, and now as {_text(hp.domain)}; "
                "give one of them another name"
            )
        if twin is None:
            self._known.setdefault(hp.name, []).append(hp)
            self.space.append(hp)
        if not self.is_active(hp):
            return None  # as in KerasTuner: nobody is to rely on what is not in use
        if hp.name not in self.values:
            self.values[hp.name] = hp.default if self._suggest is None else self._suggest(hp.name, hp.domain)
        return self.values[hp.name]

    def _full(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])

    def _place(self, kind: str, name: str) -> str:
        if not str(name).strip():
            raise ModelError(f"hp.{kind}: needs a name")
        return f"hp.{kind}('{self._full(name)}')"


def _text(domain: Domain) -> str:
    described = domain.describe()
    return str(described) if isinstance(described, dict) else f"one of {list(getattr(domain, 'values', ()))}"
