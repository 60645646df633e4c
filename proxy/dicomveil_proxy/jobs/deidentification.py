"""De-identification of an instance's bytes in all jobs, independent of source and destination.

Bytes in, bytes out, without I/O except for instances whose pixels are looked at. It also gives size and digest of the
output for manifests.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from dicomveil_engine import DeidentificationError, InstanceIdentity, InstanceRewriter, InvalidDataSetError, Policy
from dicomveil_engine.part10.file_meta import PREAMBLE_BYTES, PREFIX, FileMeta, read_file_meta
from dicomveil_engine.pixels.release import passing_instances
from dicomveil_proxy.errors import NotReleasable
from dicomveil_proxy.leaks.guard import LeakGuard

if TYPE_CHECKING:
    from dicomveil_engine.pseudonyms.sides import OriginalUID
    from dicomveil_proxy.jobs.covering import CoveredInstance
    from dicomveil_proxy.pixels.looking import Looking

Chunk = bytes | bytearray | memoryview

HEAD_BYTES = 1 << 16
"""Enough for most headers, and to recognise a DICOM instance."""


class Insertion(Protocol):
    """Inserts elements into the output that are made from the original."""

    def note(self, data: bytes | memoryview) -> None:
        """Read a chunk of the original."""
        ...

    def close(self) -> None:
        """Read the end of the original."""
        ...

    def through(self, chunks: list[Chunk], *, closing: bool = False) -> list[bytes]:
        """The chunks of the output with the inserted elements."""
        ...


class Deidentification:
    """De-identifies one instance. After an error the output is incomplete, and must be discarded.

    Raises InvalidDataSetError if it cannot be read, DeidentificationError if it has no safe form.
    """

    def __init__(
        self,
        policy: Policy,
        insertion: Insertion | None = None,
        *,
        guard: LeakGuard | None = None,
        counted: bool = True,
        looking: Looking | None = None,
    ) -> None:
        """`insertion` adds encrypted originals to the output, after the leak guard; `looking` has boxes of text.

        Unless it is `counted`, size, head and digest stay those of nothing.
        """
        self._insertion = insertion
        self._watch = guard.watch() if guard is not None and guard.mode != "off" else None
        self._rewriter = InstanceRewriter(policy, self._watch.inspect if self._watch is not None else None)
        self._policy = policy
        self._looking = looking
        self._covered: CoveredInstance | None = None
        self._source: InstanceRewriter | CoveredInstance | None = None if policy.pixels.looks else self._rewriter
        """None until it is known whether the pixels may need a look."""
        self._held: list[bytes] = []
        self._early: list[Chunk] = []
        """The output of a short instance before its end."""
        self._is_counted = counted
        self._digest = hashlib.sha256(usedforsecurity=False)
        self.size = 0
        """Bytes of the output so far."""
        self.head = b""
        """The first HEAD_BYTES of the output."""

    def feed(self, data: bytes | memoryview) -> list[Chunk]:
        """De-identify a chunk of the original, and return the output that is ready."""
        made = self._guarded(self._fed(data))
        if self._insertion is None:
            return self._counted(made)
        self._insertion.note(data)
        return self._counted(list(self._insertion.through(made)))

    def close(self) -> list[Chunk]:
        """The rest of the output, after the end of the original."""
        made = self._guarded(self._closed())
        if self._insertion is None:
            return self._counted(made)
        self._insertion.close()
        return self._counted(list(self._insertion.through(made, closing=True)))

    def _fed(self, data: bytes | memoryview) -> list[Chunk]:
        if self._source is not None:
            return self._source.feed(data)
        self._held.append(bytes(data))
        return self._begun(closing=False)

    def _closed(self) -> list[Chunk]:
        begun = [*self._early, *(self._begun(closing=True) if self._source is None else [])]
        assert self._source is not None
        return [*begun, *self._source.close()]

    def _begun(self, *, closing: bool) -> list[Chunk]:
        """Decide by the bytes so far whether the instance is sure to pass; otherwise slower code is needed."""
        held = b"".join(self._held)
        if passing_instances(self._policy).verdict(held[:HEAD_BYTES]) is not None:
            self._source = self._rewriter
        elif closing or len(held) >= HEAD_BYTES:
            self._source = self._covered = _covered(self._policy, self._rewriter, self._looking)
        else:
            self._held = [held]
            return []
        self._held.clear()
        return self._source.feed(held)

    @property
    def series_to_sample(self) -> tuple[OriginalUID, OriginalUID] | None:
        """The study and series whose samples decide whether this instance, which is complete, is looked at, if any.

        Raises as `feed` does.
        """
        if self._source is None:
            self._early = self._begun(closing=True)
        return None if self._covered is None else self._covered.series_to_sample

    def drop(self) -> None:
        """Remove temporary files of an instance that is discarded."""
        if self._covered is not None:
            self._covered.drop()

    @property
    def sha256(self) -> bytes:
        """The digest of the output so far, to detect damaged files."""
        return self._digest.digest()

    @property
    def deidentified(self) -> InstanceIdentity:
        """The output's own UIDs; known once the instance is complete."""
        return self._rewriter.deidentified or InstanceIdentity()

    @property
    def original(self) -> InstanceIdentity:
        """The original's UIDs; known once the instance is complete."""
        return self._rewriter.original or InstanceIdentity()

    def _guarded(self, chunks: list[Chunk]) -> list[Chunk]:
        if self._watch is not None:
            try:
                self._watch.settle()
            except NotReleasable as error:
                raise DeidentificationError(str(error)) from None
        return chunks

    def _counted(self, chunks: list[Chunk]) -> list[Chunk]:
        for chunk in chunks if self._is_counted else ():
            if len(self.head) < HEAD_BYTES:
                self.head += bytes(chunk[: HEAD_BYTES - len(self.head)])
            self._digest.update(chunk)
            self.size += len(chunk)
        return chunks


def _covered(policy: Policy, rewriter: InstanceRewriter, looking: Looking | None) -> CoveredInstance:
    from dicomveil_proxy.jobs.covering import CoveredInstance  # noqa: PLC0415 - it needs pydicom, a second

    return CoveredInstance(policy, rewriter, looking)


def read_meta(head: bytes) -> FileMeta | None:
    """The file meta information at the start of a file; None if the file is not DICOM.

    Raises InvalidDataSetError for a damaged DICOM file.
    """
    is_marked = head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(PREFIX)] == PREFIX
    try:
        found = read_file_meta(head, closing=True)
    except InvalidDataSetError:
        if is_marked:
            raise
        return None
    return found[0] if found else None
