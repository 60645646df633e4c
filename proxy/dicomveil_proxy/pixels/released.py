"""A cache of de-identified and covered instances in temporary files, from which frames and pictures are extracted.

Viewers request the frames of an instance one by one. The files are readable by the owner only. There are few of them,
each for less than a minute.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from dicomveil_proxy.errors import StateUnavailable

_SECONDS = 45.0
_BYTES = 1 << 30
_FILES = 64
_GRACE = 5.0


@dataclass
class ReleasedFile:
    """One instance. It is kept until its last user releases it."""

    path: Path
    size: int
    folder: TemporaryDirectory[str]
    until: float
    asked: float
    """Time of the last request: the caller opens the file shortly after."""
    users: int = 0
    is_dropped: bool = field(default=False)

    def __enter__(self) -> Path:
        self.users += 1
        return self.path

    def __exit__(self, *_: object) -> None:
        self.users -= 1
        self._remove_if_unused()

    def drop(self) -> None:
        """Remove the file when its last user has closed it."""
        self.is_dropped = True
        self._remove_if_unused()

    def _remove_if_unused(self) -> None:
        if self.is_dropped and not self.users:
            self.folder.cleanup()


class ReleasedFiles:
    """The files of a project; the least recently used are removed first."""

    def __init__(self, *, seconds: float = _SECONDS, most_bytes: int = _BYTES) -> None:
        self._seconds = seconds
        self._most = most_bytes
        self._files: OrderedDict[bytes, ReleasedFile] = OrderedDict()

    def get(self, digest: bytes) -> ReleasedFile | None:
        """The file of an instance, if there is one that has not expired."""
        self._tidy()
        found = self._files.get(digest)
        if found is not None and found.until < time.monotonic():
            return None
        if found is not None:
            self._files.move_to_end(digest)
            found.asked = time.monotonic()
        return found

    def put(self, digest: bytes, path: Path, folder: TemporaryDirectory[str]) -> ReleasedFile:
        """Add a file, which is owned by the cache from now on."""
        now = time.monotonic()
        made = ReleasedFile(path, path.stat().st_size, folder, now + self._seconds, now)
        self._files[digest] = made
        self._tidy()
        return made

    def close(self) -> None:
        """Remove all files."""
        for each in self._files.values():
            each.drop()
        self._files.clear()

    def _tidy(self) -> None:
        now = time.monotonic()
        size = sum(each.size for each in self._files.values())
        for digest, each in list(self._files.items()):
            is_over = size > self._most or len(self._files) > _FILES
            if each.asked < now - _GRACE and (is_over or each.until < now):
                size -= each.size
                self._files.pop(digest).drop()


class TemporaryFiles:
    """The files of one response, in a folder that is made with the first of them and removed after the last.

    A folder for each file would cost more than the file.
    """

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._count = 0
        self._present: set[Path] = set()
        self._is_closed = False

    def new(self) -> Path:
        """The path of a new file. Raises OSError if there can be no folder."""
        if self._folder is None:
            self._folder = private_folder()
        self._count += 1
        path = Path(self._folder.name, str(self._count))
        self._present.add(path)
        return path

    def remove(self, path: Path) -> None:
        """Remove a file that is no longer used."""
        self._present.discard(path)
        with suppress(OSError):
            path.unlink()
        self._remove_if_unused()

    def close(self) -> None:
        """Remove the folder as soon as its last file has been removed."""
        self._is_closed = True
        self._remove_if_unused()

    def _remove_if_unused(self) -> None:
        if self._is_closed and not self._present and self._folder is not None:
            self._folder.cleanup()
            self._folder = None


@contextmanager
def needs_disk() -> Iterator[None]:
    """Map errors of writing temporary files to StateUnavailable."""
    try:
        yield
    except OSError as error:
        raise StateUnavailable(
            f"a temporary file cannot be written ({error.strerror}); make room in the folder for temporary files, or "
            "start with the environment variable TMPDIR set to another folder"
        ) from None


def private_folder() -> TemporaryDirectory[str]:
    """A folder that only the owner can read."""
    folder = TemporaryDirectory(prefix="dicomveil-", ignore_cleanup_errors=True)
    os.chmod(folder.name, 0o700)  # noqa: PTH101 - a name
    return folder


def writing(path: Path) -> BinaryIO:
    """Open a new file for writing; a local one needs no thread."""
    return path.open("wb")


def reading(path: Path) -> BinaryIO:
    """Open a file for reading."""
    return path.open("rb")
