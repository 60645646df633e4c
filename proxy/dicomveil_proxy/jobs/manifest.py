"""The manifest of the placed instances: manifest.csv, series.csv and SHA256SUMS.

They contain pseudonyms only, are sorted by path, and have no timestamps: the same instances give the same bytes. They
are written after everything else was placed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, Protocol, cast

from dicomveil_proxy.jobs.tables import write_csv

MANIFEST, SERIES, SUMS = "manifest.csv", "series.csv", "SHA256SUMS"
COLUMNS = (
    "path",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "Modality",
    "PatientID",
    "bytes",
    "sha256",
)
SERIES_COLUMNS = ("path", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "PatientID", "instances", "bytes")
_SPOOLED_BYTES = 8 << 20


class Placed(Protocol):
    """A record of placed instances."""

    def manifest(self) -> Iterator[tuple[Any, ...]]:
        """The rows of the manifest, by path."""
        ...

    def series(self) -> Iterator[tuple[Any, ...]]:
        """Study, series, modality, patient, instances, bytes, the first path and a SOP class of each series."""
        ...


Put = Callable[[str, BinaryIO], None]


def write_manifest(ledger: Placed, put: Put) -> None:
    """Write the three files, the manifest last: its presence shows that the others exist."""
    with _text() as (text, file):
        write_csv(text, SERIES_COLUMNS, _series_rows(ledger))
        _give(put, SERIES, text, file)
    with _text() as (text, file):
        for row in ledger.manifest():
            text.write(f"{row[8]}  {row[0]}\n")
        _give(put, SUMS, text, file)
    with _text() as (text, file):
        write_csv(text, COLUMNS, ledger.manifest())
        _give(put, MANIFEST, text, file)


def _series_rows(ledger: Placed) -> Iterator[tuple[object, ...]]:
    for study, series, modality, patient, count, size, first, _ in ledger.series():
        yield first.rpartition("/")[0], study, series, modality, patient, count, int(size)


@contextmanager
def _text() -> Iterator[tuple[io.TextIOWrapper, IO[bytes]]]:
    """A text file for a possibly long text, and the binary file beneath it."""
    with SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        text = io.TextIOWrapper(cast("IO[bytes]", file), encoding="utf-8", errors="backslashreplace", newline="")
        try:
            yield text, cast("IO[bytes]", file)
        finally:
            text.detach()


def _give(put: Put, name: str, text: io.TextIOWrapper, file: IO[bytes]) -> None:
    text.flush()
    file.seek(0)
    put(name, cast("BinaryIO", file))
