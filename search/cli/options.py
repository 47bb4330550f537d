"""Which options mean the same in every command that has them?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where state lives. [default: $KERASWEEP_HOME, else mlruns]"),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print results only.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more: every epoch, every reason.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study.")]
BestArgument = Annotated[
    str, typer.Argument(metavar="STUDY|FILE", help="A study's name, or a file that 'kerasweep best' wrote.")
]
TrialOption = Annotated[
    int | None, typer.Option("--trial", metavar="N", min=0, help="This trial instead of the best one.")
]
