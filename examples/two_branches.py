"""A functional model with two inputs, a branch for each, joined: what was measured, and the worst of it."""

import keras
from keras import layers


def build(hp, spec):
    branches, inputs = [], {}
    activation = hp.Choice("activation", ["relu", "tanh", "gelu"])
    for one in spec.inputs:
        inputs[one.name] = keras.Input(one.shape, name=one.name)
        with hp.name_scope(one.name):
            x = layers.Dense(hp.Int("units", 4, 32, sampling="log"), activation=activation)(inputs[one.name])
            if hp.Boolean("deep"):
                with hp.conditional_scope("deep", [True]):
                    x = layers.Dense(hp.Int("second", 4, 16), activation=activation)(x)
            branches.append(x)
    joined = layers.Dropout(hp.Float("dropout", 0, 0.5, step=0.1))(layers.Concatenate()(branches))
    outputs = layers.Dense(1, activation="sigmoid")(joined)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(hp.Float("lr", 1e-4, 3e-2, sampling="log")),
        loss="binary_crossentropy",
    )
    return model
