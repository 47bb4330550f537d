"""How does a data source become arrays that a model can be trained on, and the fitted way back?

Light to import: what needs pandas or scikit-learn is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.data.config import DataConfig
    from search.data.dataset import Dataset, Part
    from search.data.files import read_table
    from search.data.load import load_dataset
    from search.data.summary import ColumnSummary, TableSummary, inspect_source

__all__ = [
    "ColumnSummary",
    "DataConfig",
    "Dataset",
    "Part",
    "TableSummary",
    "inspect_source",
    "load_dataset",
    "read_table",
]

_HOMES = {
    "ColumnSummary": "summary",
    "DataConfig": "config",
    "Dataset": "dataset",
    "Part": "dataset",
    "TableSummary": "summary",
    "inspect_source": "summary",
    "load_dataset": "load",
    "read_table": "files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
