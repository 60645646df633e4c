"""De-identify one file: read in chunks, written beside its place, renamed when it is whole.

What is held is the instance's header, whatever its size; what is validated is mapped, and not held.
An instance's errors become its outcome, and a foreign error's message, which may quote a value, becomes nothing.
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
from dicomveil_proxy.jobs.deidentification import HEAD_BYTES, Deidentification, read_meta
from dicomveil_proxy.jobs.description import Describer
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.layout import Namer
from dicomveil_proxy.jobs.outcome import Described, Outcome, Status
from dicomveil_proxy.wire import unfinished

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
"""The SOP Class of a DICOMDIR (PS3.4 Annex I.4)."""

_CHUNK_BYTES = 1 << 20
_PROBLEMS_TOLD = 3

NOT_DICOM = Outcome(Status.SKIPPED, "it is not a DICOM instance")
IS_DICOMDIR = Outcome(Status.REBUILT)


def file_meta_of(path: Path) -> FileMeta | None:
    """What a file says of itself; None for what is not DICOM.

    Raises OSError, and InvalidDataSetError for what is DICOM and broken.
    """
    with path.open("rb") as file:
        return read_meta(file.read(HEAD_BYTES))


class InstanceFiles:
    """De-identifies files, one after the other, with one buffer for all of them."""

    def __init__(self, job: Job, policy: Policy, *, rehearses: bool = False) -> None:
        """`rehearses` says that nothing is written."""
        self._policy = policy
        self._rehearses = rehearses
        self._originals = job.originals()
        self._guarded = job.guarded(policy)
        self._describer = Describer(Namer(policy, job.key_for("labels"), "dicom"))
        self._validates_input = job.validates_input
        self._validates_output = job.validates_output
        self._buffer = bytearray(_CHUNK_BYTES)

    def deidentify(self, source: Path, target: Path, envelope: bytes = b"", *, synchronous: bool = False) -> Outcome:
        """De-identify `source` into `target`, whose folder is made if it is missing.

        Whatever is at `target` is replaced when the new instance is whole, and left alone otherwise. `envelope` is the
        seed of its study's envelope, where originals are encrypted. `synchronous` waits until it is on the disk.
        """
        try:
            with source.open("rb", buffering=0) as file:
                outcome = self._deidentify(file, source, target, envelope, synchronous=synchronous)
            return replace(outcome, alarms=self._guarded.taken())
        except EngineError as error:
            return Outcome(Status.FAILED, str(error), alarms=self._guarded.taken())
        except OSError as error:
            return Outcome(Status.FAILED, f"it cannot be read or written ({error.strerror})")
        except MemoryError:
            return Outcome(Status.FAILED, "there is not enough memory")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the others
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
        sop_class = made.deidentified.sop_class_uid
        return Described(
            names.study, names.series, names.instance, sop_class, names.modality, names.patient, made.sha256.hex()
        )

    def _rewrite(self, head: bytes, file: BinaryIO, envelope: bytes, write: Write) -> Deidentification:
        """Feed the file to the engine; what it gives is written before the buffer is filled again."""
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
    """Write all bytes of the chunks: a raw file may take fewer than it is given."""
    data: bytes | bytearray | memoryview
    for data in _few(chunks):
        rest = memoryview(data)
        while rest:
            rest = rest[write(rest) or 0 :]


def _few(chunks: list[bytes | bytearray | memoryview]) -> list[bytes | bytearray | memoryview]:
    """Small chunks joined, so that each is worth a call of the system."""
    return [b"".join(chunks)] if len(chunks) > 1 and sum(map(len, chunks)) <= HEAD_BYTES else chunks


def _mapped(path: Path) -> mmap:
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _demand_legal(problems: list[Problem], what: str) -> None:
    """Refuse an instance with illegal elements, naming the first few."""
    if problems:
        more = f" and {len(problems) - _PROBLEMS_TOLD} more" if len(problems) > _PROBLEMS_TOLD else ""
        raise InvalidDataSetError(f"{what}: {'; '.join(map(str, problems[:_PROBLEMS_TOLD]))}{more}")
