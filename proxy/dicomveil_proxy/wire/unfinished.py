"""Files that are being written: beside their place, under a name that nobody takes for an instance's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".dicomveil-part"


def place_of(target: Path, process: int, name: str = "") -> Path:
    """Where a process writes what is to become the target; several at a time in one folder need names."""
    return target.with_name(f"{name}.{process}{SUFFIX}")


@contextlib.contextmanager
def whole(target: Path, name: str = "") -> Iterator[Path]:
    """Where to write; on leaving, that becomes the target, or is deleted where anything went wrong."""
    unfinished = place_of(target, os.getpid(), name)
    try:
        yield unfinished
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
