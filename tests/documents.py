"""Which commands, options and links do the documents name, and which are there?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer.main

from search.cli.app import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "mlruns/*.md", "examples/*.yaml")
    for path in ROOT.glob(pattern)
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:^|[#:'] ?|^ *)kerasweep ((?:[a-z]|--)[^'|>\n]*)", re.MULTILINE)


def command_table() -> dict[str, set[str]]:
    """Command name to its options, as the program has them; ``""`` is the program itself."""
    program = typer.main.get_command(app)
    found = {"": {option for parameter in program.params for option in parameter.opts}}
    for name, command in program.commands.items():  # type: ignore[attr-defined]
        found[name] = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    return found


def help_texts() -> Mapping[str, str]:
    """Command name to its help."""
    program = typer.main.get_command(app)
    return {name: command.help or "" for name, command in program.commands.items()}  # type: ignore[attr-defined]


def blocks(text: str, language: str) -> list[str]:
    """The contents of a document's fenced blocks in a language."""
    return [content for kind, content in _FENCE.findall(text) if kind == language]


def lines(block: str) -> list[str]:
    """The commands of a shell block."""
    return [line for line in block.splitlines() if line.strip() and not line.startswith("#")]


def code(path: Path) -> str:
    """What a Markdown document sets as code, a line each; any other file as it is."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    return "\n".join([*(content for _, content in _FENCE.findall(text)), *_SPAN.findall(_FENCE.sub("", text))])


def commands(text: str) -> Iterator[list[str]]:
    """The words behind each ``kerasweep`` in code, a help text, or a comment of YAML."""
    for found in _COMMAND.finditer(text):
        yield shlex.split(found[1], comments=True)


def spoken_options(text: str) -> Iterator[str]:
    """Options in code spans that name no command, such as `--home DIR`."""
    for span in _SPAN.findall(text):
        if span.startswith("--"):
            yield span.split()[0]


def links(text: str) -> list[str]:
    """The files that a document points at."""
    return [
        link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))
    ]
