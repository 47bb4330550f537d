"""How does the loss that ``training.loss`` fixes become part of the space?

A fixed loss is a dimension with one value, so that it is recorded, copied and retrained as every other one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.catalog import LOSSES
from spaces.errors import SpaceError, nearest
from spaces.losses import check_loss
from spaces.values import is_function


def with_loss(space: Mapping[str, Any], loss: str | Mapping[str, Any] | None, family: str) -> dict[str, Any]:
    """The space section with ``training.loss`` in it.

    Args:
        loss: a name, the user's own ``file.py:function``, or a mapping of ``name`` and settings.

    Raises:
        SpaceError: for a loss or a setting that does not exist, or a space that has a loss of its own.
    """
    if loss is None:
        return dict(space)
    if family == "custom":
        raise SpaceError("training.loss: your own model is compiled with its loss; remove training.loss")
    if "loss" in space:
        raise SpaceError("training.loss: the space has a loss too (space.loss); remove one of the two")
    settings = {} if isinstance(loss, str) else dict(loss)
    name = loss if isinstance(loss, str) else settings.pop("name", None)
    if not isinstance(name, str):
        raise SpaceError(f"training.loss.name: must name a loss, got {name!r}; e.g. {{name: huber, huber_delta: 0.5}}")
    if is_function(name):
        if settings:
            raise SpaceError(
                f"training.loss.{next(iter(settings))}: a loss of your own has no settings here; "
                "give them a value in its file, e.g. as defaults of the function's arguments"
            )
        return {**space, "loss": name}
    check_loss(name, None, "training.loss")
    for key, value in settings.items():
        if key not in LOSSES[name].settings:
            allowed = nearest(key, LOSSES[name].settings)
            raise SpaceError(f"training.loss.{key}: {name} has no such setting; {allowed.removesuffix(': ') or 'none'}")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise SpaceError(f"training.loss.{key}: must be one number, got {value!r}; ranges stand in space")
        if key in space:
            raise SpaceError(f"training.loss.{key}: the space has it too (space.{key}); remove one of the two")
    return {**space, "loss": name, **settings}
