"""Which commands are there, and how does an expected error leave the program?"""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer

from search.cli import explore, launch, queries, reuse, spaces, ui
from search.errors import SearchError
from spaces.errors import SpaceError, nearest
from tracking.errors import TrackingError

_EXPECTED = (SearchError, SpaceError, TrackingError)
# Typer carries Click inside since 0.29; this finds Click's base error wherever it is.
_UsageError: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
_LONGEST_LINE = 1000
_FULL = (errno.ENOSPC, errno.EDQUOT)

app = typer.Typer(
    name="kerasweep",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find good Keras models: one YAML file in, a reusable best model out.\n\n"
    "Example: kerasweep run --data table.csv --target outcome",
)

for command in (
    explore.init,
    explore.check,
    spaces.spaces,
    launch.run,
    launch.demo,
    queries.list_studies,
    queries.show,
    queries.trials,
    reuse.best,
    reuse.train,
    reuse.predict,
    ui.ui,
):
    app.command("list" if command is queries.list_studies else None)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from search.versions import program_version

        print(f"kerasweep {program_version()}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


def run() -> None:
    """Run the program; expected errors become one line on stderr and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except _UsageError as error:
        _fail(_usage_text(error))
    except _EXPECTED as error:
        _fail(str(error))
    except typer.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`kerasweep trials pima | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}no space left on the disk; make room and run again, what was finished is kept")
    sys.exit(code if isinstance(code, int) else 0)


def _fail(text: str) -> None:
    line = " ".join(text.split())
    if len(line) > _LONGEST_LINE:
        # The value is long then; place and rule stand before it, the remedy behind it.
        line = f"{line[: _LONGEST_LINE // 2]} ... {line[-_LONGEST_LINE // 4 :]}"
    print(f"kerasweep: {line}", file=sys.stderr)
    sys.exit(2)


def _usage_text(error: Any) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "kerasweep"
    if message.startswith("No such command"):
        asked = message.split("'")[1]
        names = [name for info in app.registered_commands if (name := info.name or info.callback.__name__)]  # type: ignore[union-attr]
        message = f"there is no command '{asked}'; {nearest(asked, names)}"
    return f"{message[0].lower()}{message[1:]} (see '{path} --help')"
