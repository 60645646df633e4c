"""Which files are below a folder, and where their outputs belong.

Links are not followed, neither to files nor to folders: the folder is what was meant, and a link may lead out of it,
or round in a circle. What a file is, is decided by its content, and not here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dicomveil_proxy.jobs.names import Rename
from dicomveil_proxy.wire import unfinished

LEDGER = ".dicomveil-anonymize.sqlite"
"""What an output folder records of its runs."""


@dataclass(frozen=True)
class Found:
    """A file, or what stands in the place of one."""

    source: str
    """Relative to the input folder."""
    target: str
    """Relative to the output folder."""
    size: int = 0
    modified: int = 0
    changed: int = 0
    """Nanoseconds: of its content, and of its content or its place in the file system."""
    link: bool = False
    unreadable: str = ""
    """Why it, or the folder that it is, cannot be read."""
    taken: bool = False
    """Whether another file has the same output."""


def walk(folder: Path, rename: Rename) -> Iterator[Found]:
    """All files below a folder, in one order, each with its output's place.

    Only one folder's names are held at a time, and the folders that are still to be read.
    """
    waiting = [("", "")]
    while waiting:
        source, target = waiting.pop()
        try:
            with os.scandir(folder / source) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(source or ".", target or ".", unreadable=error.strerror or "unreadable")
            continue
        below: list[tuple[str, str]] = []
        taken: set[str] = set()
        for entry in entries:
            if entry.name.endswith(unfinished.SUFFIX) or entry.name.startswith(LEDGER):
                continue
            name = rename(source, entry.name)
            found = _look(entry, _joined(source, entry.name), _joined(target, name), is_taken=name in taken)
            taken.add(name)
            if found is None:
                below.append((_joined(source, entry.name), _joined(target, name)))
            else:
                yield found
        waiting += reversed(below)


def _look(entry: os.DirEntry[str], source: str, target: str, *, is_taken: bool) -> Found | None:
    """A file, link or other thing; None for a folder to be read."""
    if is_taken:
        return Found(source, target, taken=True)
    try:
        if entry.is_symlink():
            return Found(source, target, link=True)
        if entry.is_dir(follow_symlinks=False):
            return None
        if not entry.is_file(follow_symlinks=False):
            return Found(source, target, unreadable="it is not a file")
        stat = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Found(source, target, unreadable=error.strerror or "unreadable")
    return Found(source, target, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
