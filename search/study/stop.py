"""How is a study asked to end early?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StopRequest:
    """Set from outside (Ctrl-C) to end a study cleanly; the coordinator looks at it several times a second."""

    reason: str = ""
