"""Where an export puts instances: a folder, a zip file, an object store, another archive.

Place, then record: an instance is at its place whole, or not at all, and placing it twice is placing it once, since
its name is a pseudonym and its bytes are a function of job and original. A destination has two sides. The coordinator
opens it, clears what an earlier run left half there, and writes what describes the whole; workers place instances.
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
"""The name under which a destination holds the fingerprint of what it was filled by."""


class DestinationError(Exception):
    """The destination cannot take an instance now. The message holds no name, URL or value."""


class InstanceRefused(DestinationError):
    """The destination takes others, and not this one."""


class PlacedFile(NamedTuple):
    """An instance that the ledger says is placed."""

    path: str
    size: int
    unit: int


class Staged(Protocol):
    """The bytes of one instance, until it is whole."""

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add to them. Raises DestinationError."""
        ...

    def drop(self) -> None:
        """Forget them; without a meaning after they were placed."""
        ...


class Placing(Protocol):
    """The workers' side."""

    def stage(self) -> Staged:
        """Begin an instance. Raises DestinationError."""
        ...

    async def place(self, staged: Staged, path: str, uids: tuple[str, str, str], sha256: bytes) -> None:
        """Put a whole instance at its place; `uids` are those of study, series and instance as it says them.

        Raises DestinationError, and InstanceRefused where another try would not help.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class Destination(Protocol):
    """The coordinator's side."""

    holds_files: bool
    """Whether files that describe the whole can be placed beside the instances."""

    def prepare(self, marker: bytes, *, shared: bool) -> None:
        """Open it for a job with this fingerprint, and clear what an earlier run left half there.

        `shared` says that other coordinators may be at work on the same job. Raises ConfigurationError where it is
        another job's, is being written by another run, or is not empty.
        """
        ...

    def missing(self, placed: Iterable[PlacedFile]) -> Iterator[PlacedFile]:
        """Those, of what was placed earlier, that somebody has taken away or changed; they come sorted by path."""
        ...

    def synchronise(self) -> None:
        """Make durable what was placed: it is noted next. Raises DestinationError."""
        ...

    def put(self, path: str, file: BinaryIO) -> None:
        """Put a file that describes the whole, in the place of an earlier one. Raises DestinationError."""
        ...

    def finish(self) -> None:
        """All is placed that will be. Raises DestinationError."""
        ...

    def close(self) -> None:
        """Let others write."""
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
        """No more bytes come. Raises DestinationError."""
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
    """What the system says, without the path."""
    return DestinationError(f"it cannot be written ({error.strerror})")


def refuse_marker() -> ConfigurationError:
    """The error for a destination of another job."""
    return ConfigurationError(
        "to: it was filled under another policy, key, vocabulary, layout or list of subjects, and one output must not "
        "hold both; give another --to"
    )


def refuse_foreign() -> ConfigurationError:
    """The error for a destination that holds what no export placed there."""
    return ConfigurationError("to: it holds files that no export placed there; give one that is new or empty")
