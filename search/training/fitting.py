"""How does an epoch run through Keras's own ``fit``: for data too large to hold, and on any backend?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from search.data.dataset import Part
from search.data.pixels import numbers_of
from search.training.loops import Array, EpochLoop, Validated, fits, own_metrics, rows_of, validation_batch
from search.training.phases import Phase, set_rate


class FitLoop(EpochLoop):
    """One epoch a call, reading batches from arrays that may be memory maps."""

    def _hold(self, train: Part, weights: Array | None, validation: Part | None) -> None:
        self._part, self._weights = train, weights
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)

    def _enter(self, phase: Phase) -> None:
        super()._enter(phase)
        self.model.train_function = None  # it is made for one optimizer

    def _train(self, order: Array, rates: Array | None) -> dict[str, float]:
        batches = _batches(self._part, order, self._config.batch_size, self._weights)
        callbacks = [] if rates is None else [_rates_callback(rates)]
        with _keeps_raw_weights(self.model.optimizer):
            history = self.model.fit(batches, verbose=0, shuffle=False, callbacks=callbacks)
        return {name: float(values[-1]) for name, values in history.history.items()}

    def _validate(self) -> Validated:
        part = self._validation
        assert part is not None, "there is no validation part"
        order = np.arange(len(part), dtype=np.int32)
        batches = _batches(part, order, validation_batch(self.model), None)
        metrics = self.model.evaluate(batches, verbose=0, return_dict=True)
        outputs = self.model.predict(batches, verbose=0)
        found = np.asarray(outputs, np.float32) if fits(outputs, self._setup) else None
        return Validated(float(metrics["loss"]), found, own_metrics(metrics, self._setup))


@contextmanager
def _keeps_raw_weights(optimizer: Any) -> Iterator[None]:
    """Keep ``fit`` from ending with the averaged weights: here it ends after every epoch."""
    optimizer.finalize_variable_values = lambda variables: None
    try:
        yield
    finally:
        del optimizer.finalize_variable_values


def _rates_callback(rates: Array) -> Any:
    import keras

    class Rates(keras.callbacks.Callback):
        """Sets the learning rate of each step."""

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if keras.backend.backend() == "jax":
                # JAX carries the optimizer's variables along as a state of its own; this writes them back, and lets
                # fit take them up again.
                self.model.jax_state_sync()
            set_rate(self.model.optimizer, float(rates[batch]))

    return Rates()


def _batches(part: Part, order: Array, batch_size: int, weights: Array | None) -> Any:
    import keras

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(order) // batch_size)

        def __getitem__(self, index: int) -> tuple[Any, ...]:
            rows = order[index * batch_size : (index + 1) * batch_size]
            batch = (numbers_of(rows_of(part.x, rows)), part.y[rows])
            return batch if weights is None else (*batch, weights[rows])

    return Batches()
