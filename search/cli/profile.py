"""How does a study show where its time went?"""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from search.study.profile import Profile
from search.units import format_duration

_MEANING = {
    "import": "loading TensorFlow and Keras",
    "build": "making models, their optimizers and weights",
    "trace": "turning models into graphs",
    "train": "epochs over the training part",
    "validate": "passes over the validation part, metrics",
    "save": "writing models and outputs",
    "wait": "for the coordinator's answers",
    "idle": "without a trial",
    "data": "reading, preparing and handing out",
    "storage": "choosing, judging and storing trials",
    "final": "the best model, its score, pictures",
    "tracking": "the record: MLflow, curves, pages",
}


def print_profile(profile: Profile) -> None:
    """A table on stdout: the workers' time with its shares, then what went on beside it."""
    console = Console(highlight=False)
    workers = "1 worker" if profile.workers == 1 else f"{profile.workers} workers"
    whole = sum(profile.of_workers.values())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("who")
    table.add_column("what")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("share", justify="right")
    table.add_column("which is")
    for kind, seconds in profile.of_workers.items():
        share = f"{seconds / whole:.0%}" if whole else ""
        table.add_row(workers, kind, format_duration(seconds), share, _MEANING[kind])
    table.add_section()
    for kind, seconds in profile.of_coordinator.items():
        table.add_row("coordinator", kind, format_duration(seconds), "", _MEANING[kind])
    if profile.tracking is not None:
        table.add_row("record", "tracking", format_duration(profile.tracking), "", _MEANING["tracking"])
    console.print(f"where the time went: {workers} for {format_duration(profile.search_seconds)} of search")
    console.print(table)
