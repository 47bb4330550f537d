"""Which value does a study give to a model that asks for one?"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from search.errors import StudyError
from spaces.catalog import Scalar
from spaces.domains import Choice, Domain, FloatRange, IntRange, Suggester


def answer(
    suggester: Suggester, name: str, domain: Domain, *, pinned: Mapping[str, Scalar], taken: Collection[str], place: str
) -> Scalar:
    """Draw a value from the domain, or take the one to start with; the study's trial records it under the name.

    Args:
        suggester: an Optuna trial.
        pinned: values to start with.
        taken: names that the experiment's space searches itself.
        place: opens error messages, e.g. ``trial 3``.

    Raises:
        StudyError: if the name is taken, the value to start with is none of the domain's kind, or the name meant
            something else in an earlier trial.
    """
    if name in taken:
        raise StudyError(f"{place}: the model asks for '{name}', which the space searches too; keep one of them")
    if name in pinned and not _may_be(domain, pinned[name]):
        raise StudyError(f"start_with: {name} must be {_text(domain)}, got {pinned[name]!r}")
    try:
        return _draw(suggester, name, domain)
    except ValueError as error:
        raise StudyError(
            f"{place}: the model asks for '{name}' as {_text(domain)}, and an earlier trial asked for something else "
            f"by that name; give it another name, or the study another (study: NAME-2) ({_first_line(error)})"
        ) from None


def _draw(suggester: Suggester, name: str, domain: Domain) -> Scalar:
    if isinstance(domain, Choice):
        # A choice of one is recorded too, so that a resumed trial, the leaderboard and best.yaml have it.
        value: Scalar = suggester.suggest_categorical(name, domain.values)
        return value
    return domain.suggest(suggester, name)


def _may_be(domain: Domain, value: Scalar) -> bool:
    """Whether a value is of the domain's kind; a number may lie outside of the range, and runs as it is given."""
    if isinstance(domain, Choice):
        return domain.contains(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(domain, FloatRange) or (isinstance(domain, IntRange) and value == int(value))


def _text(domain: Domain) -> str:
    if isinstance(domain, Choice):
        return f"one of {list(domain.values)}"
    kind = "a whole number" if isinstance(domain, IntRange) else "a number"
    return f"{kind} from {domain.low} to {domain.high}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
