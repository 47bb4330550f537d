"""How do tests run the command line, and see what it said and changed?"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

# These hold a process's number, and nothing that anybody could miss.
_LOCKS = ("lock", "mlflow.lock")


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


def run_here(*arguments: str) -> Ran:
    """Run a command in this process. What is no expected error leaves it as the exception that it is."""
    from search.cli.app import run

    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        patch.object(sys, "argv", ["kerasweep", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Ran(code, out.getvalue(), err.getvalue())


def run_process(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run ``python -m search`` with a command, as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "search", *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash, every link with its target, and every folder."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {os.readlink(path)}"
        elif path.is_dir():
            found[str(path.relative_to(folder))] = "folder"
        else:
            digest = "lock" if path.name in _LOCKS else hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = digest
    return found


def assert_refused(ran: Ran, *words: str) -> None:
    """The command ended as an expected error: one line on stderr with these words in it, nothing else, exit code 2."""
    assert ran.err.startswith("kerasweep: "), ran
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.endswith("\n")
    assert len(ran.err) < 1200
    assert "Traceback" not in ran.err
    assert (ran.code, ran.out) == (2, "")
    for word in words:
        assert word in ran.err
