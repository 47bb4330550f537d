"""The command line: commands parse, make one library call, print."""

from __future__ import annotations


def main() -> None:
    """Entry point of ``kerasweep`` and of ``python -m search``."""
    from search.cli.app import run

    run()
