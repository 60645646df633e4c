"""Destinations of exports: a folder, a zip file, an object store, another archive.

Place, then record: an instance is placed completely or not at all, and placing it twice has no further effect, since
its name is a pseudonym and its bytes are a function of job and original. A destination has two sides: the coordinator
opens it, removes what an earlier run left incomplete, and writes the descriptions; workers place instances.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from dicomveil_engine import ConfigurationError

MARKER = ".dicomveil-export"
"""The name of the file with the fingerprint of the job that fills a destination."""


class DestinationError(Exception):
    """The destination cannot store an instance now. The message contains no name, URL or value."""


class InstanceRefused(DestinationError):
    """The destination refuses this instance, but not others."""


class PlacedFile(NamedTuple):
    """An instance that was placed, by the ledger."""

    path: str
    size: int
    unit: int


class Staged(Protocol):
    """The bytes of one instance before it is placed."""

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Write a chunk. Raises DestinationError."""
        ...

    def drop(self) -> None:
        """Discard the bytes; has no effect after they were placed."""
        ...


class Placing(Protocol):
    """A destination for workers."""

    def stage(self) -> Staged:
        """Start an instance. Raises DestinationError."""
        ...

    async def place(self, staged: Staged, path: str, uids: tuple[str, str, str], sha256: bytes) -> None:
        """Place a complete instance; `uids` are its UIDs of study, series and instance.

        Raises DestinationError, and InstanceRefused if a retry would not help.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class Destination(Protocol):
    """A destination for the coordinator."""

    holds_files: bool
    """Whether descriptions can be written besides the instances."""

    def prepare(self, marker: bytes, *, shared: bool) -> None:
        """Open the destination for a job with this fingerprint, and remove what an earlier run left incomplete.

        With `shared`, other coordinators may run the same job. Raises ConfigurationError if the destination belongs to
        another job, is in use by another run, or is not empty.
        """
        ...

    def missing(self, placed: Iterable[PlacedFile]) -> Iterator[PlacedFile]:
        """The files that were removed or changed since they were placed; `placed` is sorted by path."""
        ...

    def synchronise(self) -> None:
        """Make placed instances durable before they are recorded. Raises DestinationError."""
        ...

    def put(self, path: str, file: BinaryIO) -> None:
        """Write a description, and replace an earlier one. Raises DestinationError."""
        ...

    def finish(self) -> None:
        """Complete the destination, after everything was placed. Raises DestinationError."""
        ...

    def close(self) -> None:
        """Close the destination, and release its lock."""
        ...


class StagedFile:
    """Bytes in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: io.FileIO | None = io.FileIO(path, "wb")
        except OSError as error:
            raise failed(error) from None

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """As `Staged.write`."""
        assert self._file is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            raise failed(error) from None

    def close(self) -> None:
        """Close the file, which is complete. Raises DestinationError."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise failed(error) from None

    def drop(self) -> None:
        """As `Staged.drop`."""
        with contextlib.suppress(DestinationError):
            self.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108 - a Path's own is slower, and this is once an instance


def failed(error: OSError) -> DestinationError:
    """The error with the system's message, but without the path."""
    return DestinationError(f"it cannot be written ({error.strerror})")


def refuse_marker() -> ConfigurationError:
    """The error for a destination of another job."""
    return ConfigurationError(
        "to: it was filled under another policy, key, vocabulary, layout or list of subjects, and one output must not "
        "hold both; give another --to"
    )


def refuse_foreign() -> ConfigurationError:
    """The error for a destination with files that no export has placed."""
    return ConfigurationError("to: it holds files that no export placed there; give one that is new or empty")
