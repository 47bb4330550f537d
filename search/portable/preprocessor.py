"""What leads from raw rows to a model's input, and from its output back to the target's own terms?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .several import OneInput, SeveralInputs
from .table import Column
from .target import Target, Task

if TYPE_CHECKING:
    import pandas as pd

Inputs = OneInput | SeveralInputs


@dataclass(frozen=True)
class Preprocessor:
    """Everything that was fitted on the training rows.

    Attributes:
        inputs: how raw rows become the model's input, or its several inputs.
        reading: how files of new rows are brought to the form of ``transform``'s, plain JSON: ``time_axis``,
            ``windows``; None where they have it. Only ``kerasweep predict`` looks at it.
    """

    task: Task
    target: Target
    inputs: Inputs
    reading: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """``table``, ``array``, ``sequence``, ``tokens``, or ``inputs`` for several by name."""
        return self.inputs.kind

    @property
    def columns(self) -> tuple[Column, ...]:
        """The input columns of a table; empty for everything else."""
        return getattr(self.inputs, "columns", ())

    def transform(self, rows: Any) -> Any:
        """Prepare raw rows for the model: an array (rows, *shape), for several inputs a dict of them by name.

        Tokens are int32, everything else float32, all C-contiguous. What rows may come as is said by the kind's
        own ``transform``.

        Raises:
            PortableError: rows do not fit what the model was trained on.
        """
        return self.inputs.transform(rows)

    def encode_target(self, y: Any) -> NDArray[Any]:
        """Encode raw targets as models are trained on them; see ``Target.encode``. Raises PortableError."""
        return self.target.encode(y, self.task)

    def decode(self, outputs: Any) -> pd.DataFrame:
        """Turn model outputs into a table of predictions with one row each; see ``Target.decode``."""
        return self.target.decode(outputs, self.task)

    def save(self, folder: str | Path, code: Sequence[str] = ()) -> None:
        """Write ``spec.json`` and the pipelines of tables into the folder, made if needed.

        Args:
            code: names of files in the bundle's folder ``user_code`` that the model needs to load.
        """
        from .bundle import write_spec

        write_spec(self, Path(folder), code)

    @classmethod
    def load(cls, folder: str | Path) -> Preprocessor:
        """Read what :meth:`save` wrote. No code stored in the files runs.

        Raises:
            PortableError: the folder is no bundle, is damaged, is of a newer format, or its pipeline holds
                untrusted types.
        """
        from .bundle import read_spec

        return read_spec(Path(folder))[0]
