"""How are configs, values, times and counts written so that a person reads them at a glance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search.pictures.rows import Scalar
from search.units import format_duration
from spaces.catalog import QUANTITIES


def format_params(params: Mapping[str, Scalar]) -> str:
    """Write a config in one short line; what is off (no dropout, no penalty) is left out.

    >>> format_params({"layers": 2, "units_1": 64, "units_2": 32, "activation": "relu", "batch_norm": True,
    ...                "dropout": 0.21, "optimizer": "adam", "learning_rate": 0.0012})
    '2 layers 64-32 relu, batch norm, dropout 0.21, adam 1.2e-3'

    Those of a user's own model are written as they are called.

    >>> format_params({"units_0": 64, "units_1": 32, "lr": 0.001})
    'units_0=64, units_1=32, lr=1e-3'
    """
    if not all(map(_is_ours, params)):
        return ", ".join(f"{name}={format_scalar(value)}" for name, value in params.items())
    left = dict(params)
    convolutions, recurrent = _convolutions(left), _recurrent(left)
    layers = left.pop("layers", None)
    units = _take(left, "units", layers)
    activations = _take(left, "activation", layers)
    dense = "" if layers == 0 and (convolutions or recurrent) else _network(layers, units, activations)
    parts = [convolutions, recurrent, dense]
    parts.append(_flag("batch norm", _take(left, "batch_norm", layers)))
    parts.append(_amount("dropout", _take(left, "dropout", layers)))
    parts.append(_amount("input dropout", [left.pop("input_dropout", None)]))
    parts.append(_optimizer(left.pop("optimizer", None), left.pop("learning_rate", None)))
    for name, words in (
        ("momentum", "momentum"),
        ("batch_size", "batch"),
        ("weight_decay", "weight decay"),
        ("l1", "l1"),
        ("l2", "l2"),
    ):
        parts.append(_amount(words, [left.pop(name, None)]))
    initializer = left.pop("kernel_initializer", None)
    parts.append("" if initializer is None else str(initializer))
    parts += [f"{name}={format_scalar(value)}" for name, value in left.items()]
    return ", ".join(part for part in parts if part)


def _is_ours(name: str) -> bool:
    """Whether it is a dimension of our families, or that of one layer (counted from 1)."""
    stem, _, layer = name.rpartition("_")
    return name in QUANTITIES or (stem in QUANTITIES and layer.isdigit() and layer != "0")


def format_result(value: float | None, spread: float | None) -> str:
    """Write a trial's value, with its spread over folds or repeats where it has one: ``0.7734 ± 0.0412``.

    >>> format_result(0.7734, 0.0412), format_result(0.7734, None)
    ('0.7734 ± 0.0412', '0.7734')
    """
    return format_value(value) + (f" ± {format_value(spread)}" if value is not None and spread is not None else "")


def _take(left: dict[str, Scalar], name: str, layers: Scalar) -> list[Scalar]:
    """Remove a dimension from ``left``: the shared value, or those of layers 1, 2, ... as far as they go."""
    if name in left:
        return [left.pop(name)]
    taken: list[Scalar] = []
    limit = layers if isinstance(layers, int) else len(left)
    while len(taken) < limit and f"{name}_{len(taken) + 1}" in left:
        taken.append(left.pop(f"{name}_{len(taken) + 1}"))
    return taken


def _convolutions(left: dict[str, Scalar]) -> str:
    """Take the blocks of convolutions: "conv 16-32 3x3-5x5 relu, max pooling"."""
    count = left.pop("conv_layers", None)
    filters, sizes = _take(left, "filters", count), _take(left, "kernel_size", count)
    words = [
        _joined([*filters]),
        _joined([f"{size}x{size}" for size in sizes]),
        _joined(_take(left, "conv_activation", count)),
    ]
    parts = [" ".join(word for word in words if word)]
    if parts[0] or count:
        parts[0] = (
            f"{format_scalar(count)} conv {parts[0]}".strip()
            if len(filters) < 2 and count not in (None, 1)
            else f"conv {parts[0]}".strip()
        )
    pooling = _joined([kind for kind in _take(left, "pooling", count) if kind != "none"])
    parts.append(pooling and f"{pooling} pooling")
    parts.append(_flag("conv batch norm", _take(left, "conv_batch_norm", count)))
    parts.append(_amount("conv dropout", _take(left, "conv_dropout", count)))
    return ", ".join(part for part in parts if part)


def _recurrent(left: dict[str, Scalar]) -> str:
    """Take the recurrent layers: "bidirectional gru 32-16 tanh"."""
    count = left.pop("recurrent_layers", None)
    cells, sizes = _take(left, "cell", count), _take(left, "state_size", count)
    both = _take(left, "bidirectional", count)
    words = [
        "bidirectional" if both and all(both) else "",
        _joined(cells),
        _joined([*sizes]),
        _joined(_take(left, "cell_activation", count)),
    ]
    if len(sizes) < 2 and count not in (None, 1):
        words.insert(0, f"{format_scalar(count)} x")
    parts = [" ".join(word for word in words if word)]
    if any(both) and not all(both):
        parts.append(_flag("bidirectional", both))
    parts.append(_amount("cell dropout", _take(left, "cell_dropout", count)))
    parts.append(_amount("recurrent dropout", _take(left, "recurrent_dropout", count)))
    return ", ".join(part for part in parts if part)


def _joined(values: Sequence[Scalar]) -> str:
    """Write the values of layers with dashes between; one that all share but once, unless it is a number."""
    words = [format_scalar(value) for value in values if value is not None]
    shared = len(set(words)) == 1 and not isinstance(values[0], int | float)
    return words[0] if shared else "-".join(words)


def _network(layers: Scalar, units: list[Scalar], activations: list[Scalar]) -> str:
    count = layers if layers is not None else (len(units) if len(units) > 1 else None)
    words: list[str] = []
    if count is not None:
        words.append("1 layer" if count == 1 else f"{format_scalar(count)} layers")
    if len(units) == 1 and count not in (None, 1):
        words.append("of")
    if units:
        words.append("-".join(format_scalar(value) for value in units) + ("" if count is not None else " units"))
    if activations:
        distinct = dict.fromkeys(str(value) for value in activations if value is not None)
        words.append("-".join(map(str, activations)) if len(distinct) > 1 else "".join(distinct))
    return " ".join(words)


def _flag(words: str, values: list[Scalar]) -> str:
    if len(set(values)) > 1:
        return f"{words} {'/'.join('yes' if value else 'no' for value in values)}"
    return words if values and values[0] else ""


def _amount(words: str, values: list[Scalar]) -> str:
    if not any(values):
        return ""
    distinct = values if len(set(values)) > 1 else values[:1]
    return f"{words} {'/'.join(format_scalar(value, digits=2) for value in distinct)}"


def _optimizer(name: Scalar, learning_rate: Scalar) -> str:
    if learning_rate is None:
        return "" if name is None else str(name)
    rate = format_scalar(learning_rate, digits=2)
    return f"learning rate {rate}" if name is None else f"{name} {rate}"


def format_scalar(value: Scalar, digits: int = 3) -> str:
    """Write one hyperparameter: numbers to ``digits`` significant digits, the rest as YAML has it.

    >>> [format_scalar(value) for value in (0.00123456, 0.25, 64, True, None, "relu")]
    ['1.23e-3', '0.25', '64', 'true', 'null', 'relu']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if value == 0 or 0.01 <= abs(value) < 10_000:
        return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if not exponent:  # inf and nan have none
        return mantissa
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def format_value(value: float | None) -> str:
    """Write an objective value, with as many decimals as make values of one study comparable; "" for None."""
    if value is None:
        return ""
    size = abs(value)
    if size != size or size == float("inf"):
        return str(value)
    if size == 0 or 1e-3 <= size < 10:
        return f"{value:.4f}"
    if 10 <= size < 1000:
        return f"{value:.2f}"
    return f"{value:,.0f}" if 1000 <= size < 1e6 else f"{value:.3e}"


def format_seconds(seconds: float | None) -> str:
    """Write a duration as `format_duration` does; "" for None."""
    return "" if seconds is None else format_duration(seconds)


def format_count(count: int | None) -> str:
    """Write a count of parameters: "1,234", "56.8 k", "3.2 M"; "" for None."""
    if count is None:
        return ""
    if count < 10_000:
        return f"{count:,}"
    if count < 999_950:
        return f"{count / 1e3:.1f} k"
    return f"{count / 1e6:,.1f} M"
