"""How does a page get its contents, and its file replaced so that nobody ever reads half of it?"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path


def fill(page: str, **parts: str) -> str:
    """Put each part, as it is, at the place marked with its name between double at-signs.

    >>> fill("<h1>@@TITLE@@</h1>", TITLE="a @@TITLE@@")
    '<h1>a @@TITLE@@</h1>'
    """
    return re.sub("@@([A-Z]+)@@", lambda match: parts[match[1]], page)


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write a file in one step (text as UTF-8), making its folder; a reader sees the old content or the new.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
