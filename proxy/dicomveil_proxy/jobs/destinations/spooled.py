"""Instances before they are sent: in memory if they are small, else in a temporary file without a name."""

from __future__ import annotations

import contextlib
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from dicomveil_proxy.jobs.destinations import failed

IN_MEMORY_BYTES = 16 << 20


class SpooledStaged:
    """The bytes of one instance."""

    def __init__(self) -> None:
        self.file = cast("IO[bytes]", SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 - dropped by `drop`
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """As `Staged.write`."""
        try:
            self.file.write(data)
        except OSError as error:
            raise failed(error) from None
        self.size += len(data)

    def drop(self) -> None:
        """As `Staged.drop`."""
        with contextlib.suppress(OSError):
            self.file.close()
