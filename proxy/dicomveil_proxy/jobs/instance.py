"""De-identifies one file: it is read in chunks, written under a temporary name, and renamed when complete.

Only the instance's header is in memory; files to be validated are memory-mapped. Errors become the outcome of the
instance; messages of other exceptions, which may quote values, are dropped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from dicomveil_engine import EngineError, InvalidDataSetError, Policy
from dicomveil_engine.part10.file_meta import FileMeta
from dicomveil_engine.reports.validation import Problem, validate_instance, validate_output
from dicomveil_proxy import logs
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs.deidentification import HEAD_BYTES, Deidentification, read_meta
from dicomveil_proxy.jobs.description import Describer
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.layout import Namer
from dicomveil_proxy.jobs.outcome import Described, Outcome, Status
from dicomveil_proxy.wire import unfinished

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
"""The SOP Class of a DICOMDIR (PS3.4 Annex I.4)."""

_CHUNK_BYTES = 1 << 20
_PROBLEMS_LISTED = 3

NOT_DICOM = Outcome(Status.SKIPPED, "it is not a DICOM instance")
IS_DICOMDIR = Outcome(Status.REBUILT)


def file_meta_of(path: Path) -> FileMeta | None:
    """The file meta information; None if the file is not DICOM.

    Raises OSError, and InvalidDataSetError for a damaged DICOM file.
    """
    with path.open("rb") as file:
        return read_meta(file.read(HEAD_BYTES))


class InstanceFiles:
    """De-identifies files one after another, with a common buffer."""

    def __init__(self, job: Job, policy: Policy, *, rehearses: bool = False) -> None:
        """With `rehearses`, nothing is written."""
        self._policy = policy
        self._rehearses = rehearses
        self._originals = job.originals()
        self._guarded = job.guarded(policy)
        self._describer = Describer(Namer(policy, job.key_for("labels"), "dicom"))
        self._validates_input = job.validates_input
        self._validates_output = job.validates_output
        self._buffer = bytearray(_CHUNK_BYTES)

    def deidentify(self, source: Path, target: Path, envelope: bytes = b"", *, synchronous: bool = False) -> Outcome:
        """De-identify `source` into `target`, whose folder is created if it is missing.

        An existing `target` is replaced when the new instance is complete. `envelope` is the seed of its study's
        envelope, if originals are encrypted. With `synchronous`, the file is synced to disk.
        """
        try:
            with source.open("rb", buffering=0) as file:
                outcome = self._deidentify(file, source, target, envelope, synchronous=synchronous)
            return replace(outcome, alarms=self._guarded.taken())
        except EngineError as error:
            return Outcome(Status.FAILED, str(error), alarms=self._guarded.taken())
        except StateUnavailable as error:
            return Outcome(Status.FAILED, str(error), alarms=self._guarded.taken())
        except OSError as error:
            return Outcome(Status.FAILED, f"it cannot be read or written ({error.strerror})")
        except MemoryError:
            return Outcome(Status.FAILED, "there is not enough memory")
        except Exception as error:  # noqa: BLE001 - a bug must not stop the other files
            return Outcome(Status.FAILED, f"unexpected error {logs.describe_error(error)}")

    def _deidentify(self, file: BinaryIO, source: Path, target: Path, envelope: bytes, *, synchronous: bool) -> Outcome:
        head = file.read(HEAD_BYTES)
        meta = read_meta(head)
        if meta is None:
            return NOT_DICOM
        if meta.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
            return IS_DICOMDIR
        if self._validates_input:
            with _mapped(source) as data:
                _demand_legal(validate_instance(data), "the input is not legal")
        if self._rehearses:
            made = self._rewrite(head, file, envelope, len)
            return Outcome(Status.WRITTEN, "", made.size)
        target.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.whole(target) as place:
            with place.open("wb", buffering=0) as output:
                made = self._rewrite(head, file, envelope, output.write)
                if synchronous:
                    os.fsync(output.fileno())
            if self._validates_output:
                with _mapped(place) as data:
                    _demand_legal(validate_output(data, self._policy), "the output would not be legal")
        written = target.stat()
        return Outcome(Status.WRITTEN, "", written.st_size, written.st_mtime_ns, self._described(made))

    def _described(self, made: Deidentification) -> Described:
        names = self._describer.names(made)
        sop_class = self._describer.sop_class(made)
        return Described(
            names.study, names.series, names.instance, sop_class, names.modality, names.patient, made.sha256.hex()
        )

    def _rewrite(self, head: bytes, file: BinaryIO, envelope: bytes, write: Write) -> Deidentification:
        """Feed the file to the engine; its output, which may refer to the buffer, is written before the next read."""
        rewriter = Deidentification(
            self._policy, self._originals.begin(envelope) if self._originals else None, guard=self._guarded.guard
        )
        try:
            write_all(write, rewriter.feed(head))
            del head
            buffer = memoryview(self._buffer)
            while count := file.readinto(buffer):  # type: ignore[attr-defined] # raw files have it
                write_all(write, rewriter.feed(buffer[:count]))
            write_all(write, rewriter.close())
        finally:
            rewriter.drop()
        return rewriter


Write = Callable[[bytes | bytearray | memoryview], int | None]


def write_all(write: Write, chunks: list[bytes | bytearray | memoryview]) -> None:
    """Write all bytes of the chunks: a raw file may write fewer than requested."""
    data: bytes | bytearray | memoryview
    for data in _few(chunks):
        rest = memoryview(data)
        while rest:
            rest = rest[write(rest) or 0 :]


def _few(chunks: list[bytes | bytearray | memoryview]) -> list[bytes | bytearray | memoryview]:
    """The chunks with small ones joined, to save system calls."""
    return [b"".join(chunks)] if len(chunks) > 1 and sum(map(len, chunks)) <= HEAD_BYTES else chunks


def _mapped(path: Path) -> mmap:
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _demand_legal(problems: list[Problem], what: str) -> None:
    """Refuse an instance with invalid elements, naming the first few."""
    if problems:
        more = f" and {len(problems) - _PROBLEMS_LISTED} more" if len(problems) > _PROBLEMS_LISTED else ""
        raise InvalidDataSetError(f"{what}: {'; '.join(map(str, problems[:_PROBLEMS_LISTED]))}{more}")
