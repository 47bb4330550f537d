"""How is a file written so that nobody ever finds half of it?"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from search.errors import SearchError


def write_whole(path: Path, content: str | bytes, *, sync: bool = False) -> Path:
    """Write a file in one step (text as UTF-8), making its folder; a reader sees the old content or the new.

    Args:
        sync: wait for the disk, so that the file is there after a power cut as well.

    Raises:
        OSError: the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        with suppress(OSError):  # its folder may not even be one
            partial.unlink(missing_ok=True)
    return path


def write_text_whole(path: Path, text: str) -> None:
    """Write what a person asked for, whole or not at all, also when the disk fills up or the power goes.

    Raises:
        SearchError: if it cannot be written.
    """
    try:
        write_whole(path, text, sync=True)
    except OSError as error:
        raise SearchError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from None
