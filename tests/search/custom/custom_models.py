"""Which model files do the tests of users' own models share?"""

from __future__ import annotations

from pathlib import Path

# As KerasTuner's guide shows it, for five numbers and two classes.
HYPERMODEL = """
import keras
import keras_tuner as kt

class MyHyperModel(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential()
        model.add(keras.layers.Flatten())
        for i in range(hp.Int("num_layers", 1, 2)):
            with hp.name_scope(f"layer {i}"):
                model.add(keras.layers.Dense(
                    units=hp.Int("units", min_value=4, max_value=16, step=4),
                    activation=hp.Choice("activation", ["relu", "tanh"]),
                ))
        if hp.Boolean("dropout"):
            model.add(keras.layers.Dropout(rate=0.25))
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        learning_rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
            loss="binary_crossentropy", metrics=["accuracy"],
        )
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [8, 16]), **kwargs)

hypermodel = MyHyperModel(name="mine")
"""

OPTUNA = """
import keras
import optuna

def build(trial: optuna.Trial, spec) -> keras.Model:
    model = keras.Sequential([
        keras.Input(spec.input_shape),
        keras.layers.Dense(trial.suggest_int("units", 4, 16, log=True), activation="tanh"),
        keras.layers.Dense(spec.outputs, activation="sigmoid"),
    ])
    model.compile(keras.optimizers.SGD(trial.suggest_float("lr", 1e-3, 1e-1, log=True)), "binary_crossentropy")
    return model
"""

OWN_STEP = """
import keras
import tensorflow as tf

class Gate(keras.layers.Layer):
    def __init__(self, slope=1.0, **settings):
        super().__init__(**settings)
        self.slope = slope
    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")
    def call(self, x):
        return keras.ops.tanh(self.slope * x) * self.gain
    def get_config(self):
        return {**super().get_config(), "slope": self.slope}

class Net(keras.Model):
    def __init__(self, units, slope=1.0, **settings):
        super().__init__(**settings)
        self.units, self.slope = units, slope
        self.hidden, self.gate = keras.layers.Dense(units), Gate(slope)
        self.dropout = keras.layers.Dropout(0.2)
        self.end = keras.layers.Dense(1, activation="sigmoid")
    def call(self, x, training=False):
        return self.end(self.dropout(self.gate(self.hidden(x)), training=training))
    def get_config(self):
        return {**super().get_config(), "units": self.units, "slope": self.slope}
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}

def build(hp):
    model = Net(hp.Int("units", 2, 8), hp.Float("slope", 0.5, 2.0))
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model
"""

TWO_BRANCHES = """
import keras

def build(hp):
    numbers = keras.Input((5,), name="numbers")
    waves = keras.Input((6, 2), name="waves")
    left = keras.layers.Dense(hp.Int("left", 4, 8), activation="relu")(numbers)
    right = keras.layers.Flatten()(keras.layers.Conv1D(hp.Int("right", 2, 4), 3, activation="relu")(waves))
    joined = keras.layers.Concatenate()([left, right])
    outputs = keras.layers.Dense(1, activation="sigmoid")(joined)
    model = keras.Model({"numbers": numbers, "waves": waves}, outputs)
    model.compile("adam", "binary_crossentropy")
    return model
"""


def end(line: str, head: str = "") -> str:
    """A model of one hidden layer that ends as the line says (after ``x = ...``)."""
    return (
        f"import keras\n{head}\ndef build(hp):\n"
        "    inputs = keras.Input((5,))\n"
        "    x = keras.layers.Dense(hp.Int('units', 2, 4), activation='tanh')(inputs)\n"
        + "".join(f"    {one}\n" for one in line.splitlines())
    )


def write(folder: Path, text: str, name: str = "m.py") -> Path:
    """Write a model file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
