"""What does the process do that keeps a record? Run as ``python -m tracking.recording FD``, by TrackerApart only."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tracking.apart import Said
from tracking.mlflow_tracker import MlflowTracker

_POLL_SECONDS = 0.1
_LAST_SECONDS = 30.0
_NICE = 5  # for good: no ordinary user may take it back
_GIVING_WAY, _WAITED_FOR = 15, 0  # while nobody waits for it: what trains has ten times as large a share of a core
_AUTOGROUP = Path("/proc/self/autogroup")


def main(descriptor: int) -> None:
    """Do what comes down the line, in its order, until the caller closes the record or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the caller, which closes the record
    os.nice(_NICE)
    _set_priority(_GIVING_WAY)
    line = Connection(descriptor)
    ((uri, artifact_root, ahead),) = line.recv()
    for module in ahead:  # before MLflow, which a thread imports: two that import at once may meet half a module
        importlib.import_module(module)
    tracker = MlflowTracker(uri, artifact_root)
    try:
        _serve(tracker, line)
    except (EOFError, OSError):  # the caller is gone
        _set_priority(_WAITED_FOR)
        with contextlib.suppress(Exception):  # nobody is there to be told
            tracker.flush(_LAST_SECONDS)  # what it said is not lost; that its runs are open is for the next one to see


def _serve(tracker: MlflowTracker, line: Connection) -> None:
    def say(what: Said, value: Any) -> None:
        line.send((what, value, tracker.busy_seconds))

    def announce() -> bool:
        """Say which run the study has, if it is there; gives whether it is."""
        try:
            parent = tracker.parent_run(0.0)
        except Exception:  # noqa: BLE001 - the next call raises it
            return False
        if parent is not None:
            say("opened", parent)
        return parent is not None

    opening = failed = hurries = False
    while True:
        if opening and not line.poll(_POLL_SECONDS):
            opening = not announce()
            continue
        for question, method, arguments in line.recv():
            if bool(question) != hurries:
                hurries = bool(question)
                _set_priority(_WAITED_FOR if hurries else _GIVING_WAY)
            try:
                value: Any = getattr(tracker, method)(*arguments)
                opening = opening or method == "open_study"
            except BaseException as error:  # noqa: BLE001 - not swallowed: raised again in the caller's process
                value = _portable(error)
                if not question and not failed:
                    say("failed", value)
                failed = True
            if question:
                opening = opening and not announce()
                say(question, value)
            if method == "close":
                return


def _set_priority(level: int) -> None:
    """Where Linux shares cores out among sessions first, of which this process is one; elsewhere it keeps its own."""
    with contextlib.suppress(OSError):
        _AUTOGROUP.write_text(str(level), encoding="ascii")


def _portable(error: BaseException) -> BaseException:
    """An error as it can be sent, with the way that led to it."""
    text = "".join(traceback.format_exception(error))
    try:
        copy: BaseException = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this line
    except Exception:  # noqa: BLE001 - whatever an error of any library says to being copied
        copy = RuntimeError(f"{type(error).__name__}: {error}")
    copy.add_note(f"In the process that keeps the record:\n{text}")
    return copy


if __name__ == "__main__":
    main(int(sys.argv[1]))
    os._exit(0)  # a thread that is stuck in its record would keep the process
