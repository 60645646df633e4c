"""A folder: instances are written under temporary names in the same file system, and renamed when complete."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import (
    MARKER,
    DestinationError,
    PlacedFile,
    Staged,
    StagedFile,
    failed,
    refuse_foreign,
    refuse_marker,
)
from dicomveil_proxy.wire import unfinished

_HELD_PARTS = ".dicomveil-parts"
"""The folder of unfinished instances, which are thus found without searching all folders."""


class FolderPlacing:
    """A worker's side."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parts = root / _HELD_PARTS
        self._numbers = itertools.count()
        # With the host's name, since workers on two machines may have the same process ID.
        self._name = f"{os.uname().nodename}-{os.getpid()}"
        self._made: set[str] = set()

    def stage(self) -> Staged:
        """As `Placing.stage`."""
        path = self._parts / f"{self._name}-{next(self._numbers)}{unfinished.SUFFIX}"
        try:
            return StagedFile(path)
        except DestinationError:
            with contextlib.suppress(OSError):
                self._parts.mkdir(parents=True, exist_ok=True)
            return StagedFile(path)

    async def place(self, staged: Staged, path: str, uids: tuple[str, str, str], sha256: bytes) -> None:
        """As `Placing.place`."""
        del uids, sha256
        if path.startswith("/") or ".." in path.split("/"):
            raise DestinationError("an instance has a path outside of the folder")
        file = cast("StagedFile", staged)
        file.close()
        target = self._root / path
        try:
            folder = os.path.dirname(target)  # noqa: PTH120 - once an instance
            if folder not in self._made:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                self._made.add(folder)
            os.replace(file.path, target)  # noqa: PTH105
        except OSError as error:
            self._made.clear()
            raise failed(error) from None

    async def aclose(self) -> None:
        """Nothing is open."""


class FolderDestination:
    """The coordinator's side."""

    holds_files = True

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock: int | None = None

    def prepare(self, marker: bytes, *, shared: bool) -> None:
        """As `Destination.prepare`."""
        try:
            if self._root.exists() and not self._root.is_dir():
                raise ConfigurationError("to: it is a file; give a folder, or a name that ends in .zip")
            place = self._root / MARKER
            if not place.exists() and self._root.exists() and any(self._root.iterdir()):
                raise refuse_foreign()
            self._root.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
            self._take(shared=shared)
            held = os.pread(self._lock, 1024, 0)
            if held and held != marker:
                raise refuse_marker()
            if not held:
                os.pwrite(self._lock, marker, 0)
                os.fsync(self._lock)
            if not shared:
                shutil.rmtree(self._root / _HELD_PARTS, ignore_errors=True)
            (self._root / _HELD_PARTS).mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"to: the folder cannot be created or written ({error.strerror})") from None

    def _take(self, *, shared: bool) -> None:
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError("to: another run is writing there; wait until it has ended") from None
        except OSError:
            # Some network file systems do not support locks; the ledger also prevents two runs of one job.
            return

    def missing(self, placed: Iterable[PlacedFile]) -> Iterator[PlacedFile]:
        """As `Destination.missing`: a look at the size of each."""
        root = str(self._root)
        for each in placed:
            try:
                if os.lstat(f"{root}/{each.path}").st_size == each.size:
                    continue
            except OSError:
                pass
            yield each

    def synchronise(self) -> None:
        """As `Destination.synchronise`: one call for the whole file system costs less than one for each file."""
        try:
            descriptor = os.open(self._root, os.O_RDONLY)
        except OSError as error:
            raise failed(error) from None
        try:
            if _syncfs is None or _syncfs(descriptor) != 0:
                os.sync()
        finally:
            os.close(descriptor)

    def put(self, path: str, file: BinaryIO) -> None:
        """As `Destination.put`."""
        target = self._root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.whole(target) as part, part.open("wb") as output:
                shutil.copyfileobj(file, output, 1 << 20)
                output.flush()
                os.fsync(output.fileno())
        except OSError as error:
            raise failed(error) from None

    def finish(self) -> None:
        """As `Destination.finish`."""
        with contextlib.suppress(OSError):
            (self._root / _HELD_PARTS).rmdir()

    def close(self) -> None:
        """As `Destination.close`."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class FolderHoldings:
    """The contents of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> Iterator[tuple[str, int]]:
        """All files but unfinished ones."""
        for directory, folders, names in os.walk(self._root):
            if _HELD_PARTS in folders:
                folders.remove(_HELD_PARTS)
            for name in names:
                path = Path(directory, name)
                yield path.relative_to(self._root).as_posix(), path.lstat().st_size

    def open(self, name: str) -> BinaryIO:
        """One of them; a link is not followed."""
        path = self._root / name
        if path.is_symlink() or self._root.resolve() not in path.resolve().parents:
            raise FileNotFoundError
        return path.open("rb")


def _linux_syncfs() -> Callable[[int], int] | None:
    """`syncfs(2)`, which Python does not have."""
    if sys.platform != "linux":
        return None
    try:
        return cast("Callable[[int], int]", ctypes.CDLL(None, use_errno=True).syncfs)
    except (AttributeError, OSError):
        return None


_syncfs = _linux_syncfs()
