"""How does a page get its contents?"""

from __future__ import annotations

import re


def fill(page: str, **parts: str) -> str:
    """Put each part, as it is, at the place marked with its name between double at-signs.

    >>> fill("<h1>@@TITLE@@</h1>", TITLE="a @@TITLE@@")
    '<h1>a @@TITLE@@</h1>'
    """
    return re.sub("@@([A-Z]+)@@", lambda match: parts[match[1]], page)
