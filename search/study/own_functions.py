"""Which functions of the user's own does a study call for its data and its losses, and are they what they were?

A user's own model is another matter: each trial keeps the digest of its files (``search.custom.space``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from search.data.config import DataConfig
from search.errors import StudyError
from spaces import Space
from spaces.domains import Choice
from spaces.errors import SpaceError
from spaces.model_config import ModelConfig
from spaces.user_file import read_user_file, split_source
from spaces.values import is_function


def own_losses(space: Space) -> tuple[str, ...]:
    """The user's own losses that trials may train with, ``/path/my_losses.py:dear_shortage``."""
    domain = space["loss"].domain if "loss" in space.names else None
    return tuple(str(loss) for loss in (domain.values if isinstance(domain, Choice) else ()) if is_function(loss))


def own_data(data: DataConfig) -> tuple[str, ...]:
    """The user's own functions that the data comes through, as the experiment names them."""
    named = (data.source, data.prepare, data.validation, data.test)
    return tuple(dict.fromkeys(source for source in named if isinstance(source, str) and is_function(source)))


def digests(functions: Iterable[str], folder: Path) -> dict[str, str]:
    """Each function with its absolute path, and the digest of the files that make it up, as they are now.

    A file that cannot be read has no digest; whoever needs the function says so.
    """
    found = {}
    for function in functions:
        named, name = split_source(function)
        try:
            file = read_user_file(folder / Path(named).expanduser())
        except SpaceError:
            continue
        found[f"{file.path}:{name}"] = file.digest
    return found


def changed(functions: Iterable[str], then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Those of the functions whose files are others than they were; what nobody wrote down counts as unchanged."""
    return [one for one in functions if one in then and one in now and then[one] != now[one]]


def refuse_another_loss(name: str, losses: Iterable[str], then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse to go on with a study whose trials were trained with another loss.

    Raises:
        StudyError: naming the file.
    """
    for loss in changed(losses, then, now):
        file, function = split_source(loss)
        raise StudyError(
            f"study '{name}' exists with another loss: {Path(file).name}, which defines {function}, or a file that it "
            f"imports has changed since (digest {then[loss]}, now {now[loss]}); give the study another name "
            f"(study: {name}-2), or put the file back"
        )


def current_loss(config: ModelConfig, known: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """A model's fingerprints with ``loss``, the digest of its own loss as it is now; and a notice if it has changed."""
    name = "" if config.loss is None else config.loss.name
    now = digests([name] if is_function(name) else [], Path()).get(name)
    if now is None:
        return dict(known), ()
    then = known.get("loss", now)
    notice = f"{files_of([name])}, the model's loss, has changed since the study ({then}, now {now})"
    return {**known, "loss": now}, () if then == now else (notice,)


def files_of(functions: Iterable[str]) -> str:
    """The functions' files by name, for a message."""
    return ", ".join(dict.fromkeys(Path(split_source(one)[0]).name for one in functions))


def any_trained(trials: Iterable[Any]) -> bool:
    """Whether one of the Optuna trials has a result that later ones would be compared with."""
    return any(trial.state.is_finished() and trial.state.name != "FAIL" for trial in trials)
