"""The files below a folder, and the paths of their outputs.

Symbolic links are not followed, since they may lead out of the folder or form a cycle. Whether a file is an instance
depends on its content, which is not read here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dicomveil_proxy.jobs.names import Rename
from dicomveil_proxy.wire import unfinished

LEDGER = ".dicomveil-anonymize.sqlite"
"""The ledger of runs in an output folder."""


@dataclass(frozen=True)
class Found:
    """A file, or an entry that cannot be read as one."""

    source: str
    """Relative to the input folder."""
    target: str
    """Relative to the output folder."""
    size: int = 0
    modified: int = 0
    changed: int = 0
    """`st_mtime_ns` and `st_ctime_ns`."""
    link: bool = False
    unreadable: str = ""
    """Why the file or folder cannot be read."""
    taken: bool = False
    """Whether the output's path belongs to another file."""


def walk(folder: Path, rename: Rename) -> Iterator[Found]:
    """All files below a folder in a fixed order, each with its output's path.

    Only the names of one folder are held at a time, and the folders that are still to be read.
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
    """A file, link or other entry; None for a folder to be read."""
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
