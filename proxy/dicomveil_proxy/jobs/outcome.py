"""What became of one file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from dicomveil_proxy.leaks.guard import Leak


class Status(Enum):
    """How it ended."""

    WRITTEN = "written"
    """De-identified."""
    UNCHANGED = "unchanged"
    """De-identified by an earlier run, from the same source and under the same policy."""
    REBUILT = "rebuilt"
    """A DICOMDIR, made anew from the output."""
    SKIPPED = "skipped"
    """No DICOM instance, or not ours to follow; not copied."""
    FAILED = "failed"
    """An instance that has no output."""


class Described(NamedTuple):
    """What the manifest says of an output: pseudonyms alone."""

    study: str
    series: str
    instance: str
    sop_class: str
    modality: str
    patient: str
    sha256: str


@dataclass(frozen=True)
class Outcome:
    """What a worker says of a file. Neither a value nor a path is in it."""

    status: Status
    reason: str = ""
    """Why it was skipped or failed: one sentence, without any patient's value."""
    size: int = 0
    """Bytes of the output."""
    modified: int = 0
    """When the output was written, in nanoseconds, as the file system says it."""
    described: Described | None = None
    """What an output of this run is; None for outputs of earlier runs."""
    alarms: tuple[Leak, ...] = ()
    """What the leak guard found in the output."""
