"""How does the coordinator get its turn soon, though the record's thread is drawing?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SWITCH_SECONDS = 0.0005


@contextmanager
def prompt_threads() -> Iterator[None]:
    """Let the coordinator have the interpreter soon after it asks, though the record's thread is drawing.

    Python hands over after 5 ms by default, and every write to disk here hands over once: a trial's bookkeeping would
    take 65 ms instead of 25.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
