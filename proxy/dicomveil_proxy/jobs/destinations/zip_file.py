"""A zip file, made from a folder beside it after everything was placed.

The same instances give the same bytes: entries are sorted, have a fixed timestamp, and are not compressed, since pixels
hardly compress, and versions of zlib differ.
"""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import MARKER, PlacedFile, failed, refuse_foreign, refuse_marker
from dicomveil_proxy.jobs.destinations.folder import FolderDestination, FolderHoldings
from dicomveil_proxy.wire import unfinished

_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest timestamp of the format."""
_MODE = 0o100644 << 16
_CHUNK = 1 << 20


class ZipDestination:
    """The destination for the coordinator; workers place instances into the folder."""

    holds_files = True

    def __init__(self, path: Path, stage: Path) -> None:
        self._path = path
        self._stage = stage
        self._folder = FolderDestination(stage)

    def prepare(self, marker: bytes, *, shared: bool) -> None:
        """As `Destination.prepare`."""
        if self._path.is_dir():
            raise ConfigurationError("to: it is a folder; give the name of a zip file that does not exist yet")
        if self._path.exists():
            held = self._read(MARKER)
            if held is None:
                raise refuse_foreign()
            if held != marker:
                raise refuse_marker()
        self._folder.prepare(marker, shared=shared)

    def missing(self, placed: Iterable[PlacedFile]) -> Iterator[PlacedFile]:
        """As `Destination.missing`."""
        held: dict[str, int] = {}
        if self._path.exists():
            with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(self._path) as archive:
                held = {entry.filename: entry.file_size for entry in archive.infolist()}
        not_staged = self._folder.missing(placed)
        return (each for each in not_staged if held.get(each.path) != each.size)

    def synchronise(self) -> None:
        """As `Destination.synchronise`."""
        self._folder.synchronise()

    def put(self, path: str, file: BinaryIO) -> None:
        """As `Destination.put`."""
        self._folder.put(path, file)

    def finish(self) -> None:
        """Create the file, unless it exists with everything that was placed."""
        self._folder.finish()
        try:
            self._write()
            shutil.rmtree(self._stage)
        except OSError as error:
            raise failed(error) from None
        except zipfile.BadZipFile:
            raise failed(OSError(0, "the earlier file is damaged")) from None

    def close(self) -> None:
        """As `Destination.close`."""
        self._folder.close()

    def _write(self) -> None:
        staged = dict(FolderHoldings(self._stage).names())
        with contextlib.ExitStack() as stack:
            earlier = None
            names = set(staged)
            if self._path.exists():
                earlier = stack.enter_context(zipfile.ZipFile(self._path))
                names |= set(earlier.namelist())
                if not any(name.endswith(".dcm") for name in staged) and self._is_described(earlier, staged):
                    return
            part = stack.enter_context(unfinished.whole(self._path))
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                for name in sorted(names):
                    entry = zipfile.ZipInfo(name, _TIME)
                    entry.external_attr, entry.create_system = _MODE, 3
                    if name in staged:
                        entry.file_size = staged[name]
                        source: IO[bytes] = (self._stage / name).open("rb")
                    else:
                        assert earlier is not None
                        entry.file_size = earlier.getinfo(name).file_size
                        source = earlier.open(name)
                    with source, archive.open(entry, "w") as target:
                        shutil.copyfileobj(source, target, _CHUNK)

    def _is_described(self, earlier: zipfile.ZipFile, staged: dict[str, int]) -> bool:
        """Whether the earlier file has the current descriptions."""
        held = set(earlier.namelist())
        return all(name in held and earlier.read(name) == (self._stage / name).read_bytes() for name in staged)

    def _read(self, name: str) -> bytes | None:
        try:
            with zipfile.ZipFile(self._path) as archive:
                return archive.read(name)
        except (OSError, KeyError, zipfile.BadZipFile):
            return None


class ZipHoldings:
    """The contents of a zip file."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile):
            raise ConfigurationError("to: there is no such zip file, or it is damaged") from None

    def names(self) -> Iterator[tuple[str, int]]:
        """All entries."""
        return ((entry.filename, entry.file_size) for entry in self._archive.infolist())

    def open(self, name: str) -> BinaryIO:
        """One of them."""
        try:
            return cast("BinaryIO", self._archive.open(name))
        except KeyError:
            raise FileNotFoundError from None
