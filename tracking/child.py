"""What do a process of ours and the one that started it need to know of each other?"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import IO

_READ_BYTES, _SHOWN_CHARACTERS = 4000, 200


def environment() -> dict[str, str]:
    """This process's, in which ``python -m`` finds kerasweep's packages where this process found them."""
    root = str(Path(__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *([inherited] if inherited else [])])}


def how_it_ended(code: int, log: IO[bytes]) -> str:
    """An exit status in words, and the last line that the process wrote."""
    log.seek(0)
    lines = [line.strip() for line in log.read()[-_READ_BYTES:].decode(errors="replace").splitlines() if line.strip()]
    return _status(code) + (f"; its last words: {lines[-1][:_SHOWN_CHARACTERS]}" if lines else "")


def _status(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name
