"""Which layers must a model have for a dimension to change it?

A dimension that no layer of a trial uses would make trials of one model look like different ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from spaces.catalog import AS_HIDDEN, LAYERS_NEEDED
from spaces.dimension import Dimension


def with_layers_needed(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """The dimensions with what they need of the numbers of layers, in the same order."""
    known = {dimension.name: dimension for dimension in dimensions}
    return [
        replace(
            dimension, needs=tuple((count, least) for count, least in _needs(name, known).items() if count in known)
        )
        for name, dimension in known.items()
    ]


def _needs(name: str, known: Mapping[str, Dimension]) -> dict[str, int]:
    if name == "leaky_slope":
        leaky = [kind for kind in ("activation", "conv_activation") if _can_be_leaky(kind, known)]
        return {count: least for kind in leaky for count, least in _needs(kind, known).items()}
    if name in AS_HIDDEN:
        return {"conv_layers": 1}
    needs = LAYERS_NEEDED.get(name, {})
    return {**needs, "conv_layers": 1} if _serves_convolutions(name, known) else needs


def _can_be_leaky(name: str, known: Mapping[str, Dimension]) -> bool:
    return name in known and known[name].domain.contains("leaky_relu")


def _serves_convolutions(name: str, known: Mapping[str, Dimension]) -> bool:
    """Whether convolutions take after what the hidden layers share, in some trial at least."""
    own = next((own for own, hidden in AS_HIDDEN.items() if hidden == name), None)
    if own is None or known[name].per_layer:
        return False
    return own not in known or bool(known[own].when)
