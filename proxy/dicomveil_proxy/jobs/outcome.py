"""The outcome of one file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from dicomveil_proxy.leaks.guard import Leak


class Status(Enum):
    """The kind of outcome."""

    WRITTEN = "written"
    """De-identified."""
    UNCHANGED = "unchanged"
    """De-identified by an earlier run, from the same source and under the same policy."""
    REBUILT = "rebuilt"
    """A DICOMDIR, built from the output."""
    SKIPPED = "skipped"
    """Not a DICOM instance, or a symbolic link; not copied."""
    FAILED = "failed"
    """An instance without an output."""


class Described(NamedTuple):
    """The manifest's data about an output, which are pseudonyms."""

    study: str
    series: str
    instance: str
    sop_class: str
    modality: str
    patient: str
    sha256: str


@dataclass(frozen=True)
class Outcome:
    """A worker's report on a file, without values and paths."""

    status: Status
    reason: str = ""
    """The reason for skipping or failure: one sentence without values."""
    size: int = 0
    """Bytes of the output."""
    modified: int = 0
    """The output's modification time in nanoseconds, by the file system."""
    described: Described | None = None
    """The description of an output of this run; None for outputs of earlier runs."""
    alarms: tuple[Leak, ...] = ()
    """The leak guard's findings in the output."""
