"""How does one process run the lines of a document as one session? (Each start of TensorFlow takes seconds.)

``python tests/session.py < steps.json``: takes a list of ``["sh", line]`` and ``["python", code]``, runs them in the
current folder, and prints a list of ``[code, stdout, stderr]``.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

from program import Ran, run_here


def run_line(line: str) -> Ran:
    """A shell line: ours in this process, others as they are; ``> FILE`` at its end is obeyed."""
    command, _, target = line.partition(" > ")
    words = shlex.split(command, comments=True)
    if words[0] == "kerasweep":
        ran = run_here(*words[1:])
    else:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        ran = Ran(done.returncode, done.stdout, done.stderr)
    if target:
        Path(target.strip()).write_text(ran.out, encoding="utf-8")
    return ran


def run_code(code: str) -> Ran:
    """A piece of Python."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    return Ran(0, out.getvalue(), "")


def main() -> None:
    ran = []
    for kind, text in json.load(sys.stdin):
        done = run_line(text) if kind == "sh" else run_code(text)
        ran.append([done.code, done.out, done.err])
        if done.code:
            break
    print(json.dumps(ran))


if __name__ == "__main__":
    main()
