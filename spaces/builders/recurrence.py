"""How are recurrent layers built?"""

from __future__ import annotations

from typing import Any

from spaces.builders.parts import kernel_settings, max_norm, normalised, penalty, with_shortcut
from spaces.model_config import ModelConfig, RecurrentLayer

_CELLS = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def recur(x: Any, config: ModelConfig) -> Any:
    """Stacked recurrent layers on (batch, steps, features), masked or not; the last one's final state comes out."""
    last = len(config.recurrent)
    for number, layer in enumerate(config.recurrent, 1):
        name = f"recurrent_{number}"
        y = _layer(layer, config, name, sequences=number < last)(x)
        y = normalised(y, name, batch=False, layer=layer.layer_norm)
        # The last layer gives a state, not a sequence: there is nothing to add its input to.
        x = with_shortcut(x, y, name, config) if number < last else y
    return x


def _layer(layer: RecurrentLayer, config: ModelConfig, name: str, *, sequences: bool) -> Any:
    import keras

    cell = getattr(keras.layers, _CELLS[layer.cell])(
        layer.state_size,
        activation=layer.activation,
        dropout=layer.dropout,
        recurrent_dropout=layer.recurrent_dropout,
        recurrent_regularizer=penalty(config),
        recurrent_constraint=max_norm(config),
        return_sequences=sequences,
        name=name,
        **kernel_settings(config),
    )
    return keras.layers.Bidirectional(cell, name=f"{name}_both_ways") if layer.bidirectional else cell
