"""Files that are written under a temporary name in the same folder, and renamed when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".dicomveil-part"


def place_of(target: Path, process: int, name: str = "") -> Path:
    """The temporary path of a process's next target; `name` distinguishes several at a time in one folder."""
    return target.with_name(f"{name}.{process}{SUFFIX}")


@contextlib.contextmanager
def whole(target: Path, name: str = "") -> Iterator[Path]:
    """A temporary path to write to; renamed to the target on leaving, or deleted after an exception."""
    unfinished = place_of(target, os.getpid(), name)
    try:
        yield unfinished
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
