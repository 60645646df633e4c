"""Verification of an output: it must have all files of SHA256SUMS with their digests, and no others.

Since this needs neither the key nor the archive, the recipient of an export can run it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import MARKER
from dicomveil_proxy.jobs.manifest import COLUMNS, MANIFEST, SERIES, SUMS
from dicomveil_proxy.jobs.tables import plain
from dicomveil_proxy.jobs.tree import LEDGER

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CHUNK = 1 << 20


class Holdings(Protocol):
    """The files at a destination."""

    def names(self) -> Iterator[tuple[str, int]]:
        """All files and their sizes."""
        ...

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open one of the files. Raises OSError."""
        ...


@dataclass(frozen=True)
class Fault:
    """A file that is missing, changed or unexpected."""

    name: str
    what: str


def verify(holdings: Holdings, report: Callable[[Fault], None]) -> int:
    """Verify all files, call `report` for each fault, and return the number of intact files.

    Raises ConfigurationError if there is no manifest.
    """
    sizes = dict(holdings.names())
    try:
        rows = _manifest(holdings)
        sums = _sums(holdings)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error):
        raise ConfigurationError(
            f"{MANIFEST} or {SUMS} is missing or cannot be read; the export is incomplete, or this is not its output"
        ) from None
    if sums != {name: digest for name, (_, digest) in rows.items()}:
        report(Fault(SUMS, "it differs from the manifest"))
    right = 0
    for name, (size, digest) in rows.items():
        if name not in sizes:
            report(Fault(name, "it is missing"))
        elif sizes[name] != size:
            report(Fault(name, "its size is not that in the manifest"))
        elif _digest(holdings, name) != digest:
            report(Fault(name, "its content is not that of its checksum"))
        else:
            right += 1
    for name in sorted(sizes.keys() - rows.keys()):
        if not _describes(name):
            report(Fault(name, "it is not in the manifest"))
    return right


def _describes(name: str) -> bool:
    """Whether a file describes the export, rather than being part of it."""
    last = name.rsplit("/", 1)[-1]
    if last == "DICOMDIR" or name.startswith(LEDGER):
        return True
    if name in (MANIFEST, SERIES, SUMS, MARKER, "manifest.parquet", "series.parquet", "metadata.csv"):
        return True
    if name in ("participants.tsv", "participants.json", "dataset_description.json", "README", ".bidsignore"):
        return True
    return name.startswith("sourcedata/") and last.endswith("_scans.tsv")


def _manifest(holdings: Holdings) -> dict[str, tuple[int, str]]:
    with holdings.open(MANIFEST) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        rows = csv.DictReader(text)
        found = {plain(row["path"]): (int(row["bytes"]), row["sha256"]) for row in rows}
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(MANIFEST)
    return found


def _sums(holdings: Holdings) -> dict[str, str]:
    found: dict[str, str] = {}
    with holdings.open(SUMS) as file, io.TextIOWrapper(file, encoding="utf-8") as text:
        for line in text:
            match = _LINE.fullmatch(line.rstrip("\n"))
            if not match:
                raise ValueError(SUMS)
            found[match[2]] = match[1]
    return found


def _digest(holdings: Holdings, name: str) -> str:
    digest = hashlib.sha256(usedforsecurity=False)
    try:
        with holdings.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()
