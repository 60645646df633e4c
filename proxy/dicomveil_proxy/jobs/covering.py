"""Text in pixels, in jobs: an instance is spooled until a child process has searched and covered its pixels.

Each process of the job has one child process, which is started when it is first needed. Boxes that are in the state are
reused, and slices of a series whose samples have no text are not looked at. Without a state, or an archive to get
samples from, every slice is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from dicomveil_engine import EngineError, InstanceRewriter, InvalidDataSetError, Policy
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.elements import InstanceElements, read_instance
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.instance import InstanceCover
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.pixels.looking import InstanceRecord, Looking
from dicomveil_proxy.pixels.processes import LookFailed, LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.released import needs_disk, private_folder, writing
from dicomveil_proxy.transactions.sampling import Sample, kind_of

_CHUNK_BYTES = 1 << 20
_UIDS = (0x0020000D, 0x0020000E, 0x00080018)
"""Study, series and SOP instance."""


class CoveredInstance:
    """One original instance, fed in chunks. It is spooled only if its pixels must be looked at.

    Raises as `PixelProcesses` does, DeidentificationError if the gate refuses it, and StateUnavailable without room
    for temporary files.
    """

    def __init__(self, policy: Policy, rewriter: InstanceRewriter, looking: Looking | None = None) -> None:
        """`looking` has the known boxes and samples, if there is a state."""
        self._policy = policy
        self._looking = looking
        self._known: _Known | None = None
        self._rewriter = rewriter
        self._held: list[bytes] = []
        self._length = 0
        self._retry_at = 0
        self._verdict: PixelVerdict | None = None
        self._cover: InstanceCover | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._file: BinaryIO | None = None

    def feed(self, data: bytes | memoryview) -> list[Chunk]:
        """The output that is ready after this chunk."""
        if self._verdict is not None:
            return self._take(data)
        self._held.append(bytes(data))
        self._length += len(data)
        if self._length < self._retry_at:
            return []
        return self._read(closing=False)

    def close(self) -> list[Chunk]:
        """The rest of the output; for a long instance, slices of a memory-mapped file."""
        written = self._read(closing=True) if self._verdict is None else []
        assert self._verdict is not None
        try:
            if self._file is None:
                written += self._covered(self._rewriter.close())
                if self._cover is not None:
                    written += self._cover.close()
                return written
            with needs_disk():
                self._file.close()
            return list(self._looked_at(self._verdict))
        finally:
            self.drop()

    def drop(self) -> None:
        """Remove the files."""
        if self._file is not None:
            with suppress(OSError):  # closing flushes, which fails again on a full disk
                self._file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _read(self, *, closing: bool) -> list[Chunk]:
        data = b"".join(self._held)
        self._held = [data]
        try:
            instance = read_instance(data, closing=closing)
            if instance is None:
                self._retry_at = 2 * self._length
                if self._length > 2 * self._policy.limits.header_bytes:
                    raise InvalidDataSetError(f"the header is longer than {self._policy.limits.header_bytes} bytes")  # noqa: TRY301
                return []
            found = read_file_meta(data, closing=True)
            assert found is not None
            header = replace(PixelHeader.from_elements(instance), transfer_syntax_uid=found[0].transfer_syntax_uid)
            verdict = gate(header, self._policy.pixels)
            if verdict.action is PixelAction.REFUSE:
                raise DeidentificationError(verdict.reason)  # noqa: TRY301
        except BaseException:
            self.drop()
            raise
        self._verdict = verdict
        self._held.clear()
        if verdict.action is PixelAction.NOTHING:
            self._cover = InstanceCover(Boxes(), verdict, self._policy.pixels) if verdict.has_face else None
        else:
            with needs_disk():
                self._folder = private_folder()
                self._file = writing(Path(self._folder.name, "original"))
            if self._looking is not None and verdict.action is PixelAction.LOOK and not verdict.is_document:
                self._known = _Known(self._looking, header, instance)
        return self._take(data)

    @property
    def series_to_sample(self) -> tuple[OriginalUID, OriginalUID] | None:
        """The study and series whose samples decide whether this instance is looked at, if any."""
        if self._verdict is None or self._known is None or self._verdict.condition is not Condition.SAMPLE:
            return None
        return self._known.series

    def _take(self, data: bytes | memoryview) -> list[Chunk]:
        if self._file is not None:
            with needs_disk():
                self._file.write(data)
            return []
        return self._covered(self._rewriter.feed(data))

    def _covered(self, chunks: list[Chunk]) -> list[Chunk]:
        if self._cover is None:
            return chunks
        return [piece for chunk in chunks for piece in self._cover.feed(bytes(chunk))]

    def _looked_at(self, verdict: PixelVerdict) -> Iterator[Chunk]:
        assert self._folder is not None
        folder, settings = Path(self._folder.name), self._policy.pixels
        processes = _processes() if self._looking is None else self._looking.processes
        original, source, target = folder / "original", folder / "deidentified", folder / "covered"
        if verdict.is_document:
            boxes = Boxes()
        elif self._known is not None:
            boxes = self._known.boxes(original, verdict)
        else:
            boxes = processes.boxes(original, verdict, settings)
        with needs_disk(), original.open("rb") as file, source.open("wb") as output:
            while chunk := file.read(_CHUNK_BYTES):
                output.writelines(self._rewriter.feed(chunk))
            output.writelines(self._rewriter.close())
        if verdict.is_document:
            processes.document(original, source, target, verdict, settings)
        else:
            processes.cover(source, target, boxes, verdict, settings)
        with target.open("rb") as file:
            mapped = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
        yield from (mapped[start : start + _CHUNK_BYTES] for start in range(0, len(mapped), _CHUNK_BYTES))


class _Known:
    """The records of an instance that is to be looked at."""

    def __init__(self, looking: Looking, header: PixelHeader, instance: InstanceElements) -> None:
        self._looking = looking
        self._syntax = header.transfer_syntax_uid
        self._kind = kind_of(looking, header)
        study, series, one = (OriginalUID(instance.text(tag)) for tag in _UIDS)
        self.series = study, series
        self._digest = looking.digest(study, series, one)
        self._sample = looking.digest("sample", study, series)
        self._witness = looking.witness(instance.buffer[: instance.end])

    def boxes(self, original: Path, verdict: PixelVerdict) -> Boxes:
        """The boxes, from the records or by looking. Raises as `PixelProcesses.boxes` does."""
        records = self._looking.records
        record = InstanceRecord.of(records.get(self._digest))
        if record is not None and record.witness == self._witness:
            record.check()
            return record.boxes
        is_sampled = verdict.condition is Condition.SAMPLE
        if is_sampled and (sample := Sample.of(records.get(self._sample))).lets_pass(self._kind):
            return Boxes(verdict.masks, leaves_doubt=sample.leaves_doubt)
        refused = None
        try:
            boxes = self._looking.processes.boxes(original, verdict, self._looking.settings)
        except LookFailed:
            raise  # another try may have more luck
        except InvalidDataSetError:
            raise  # it may be corrected, under the same UID and with the same header
        except EngineError as error:
            boxes, refused = Boxes(), error
        record = InstanceRecord(boxes, self._syntax, self._witness, refused="" if refused is None else str(refused))
        records.put(self._digest, record.as_json())
        if refused is not None:
            raise refused
        if is_sampled and boxes:
            records.put(self._sample, {"text": True, "kinds": []})
        return boxes


@lru_cache(1)
def _processes() -> PixelProcesses:
    """The child process of this process; a fork starts its own."""
    return PixelProcesses(LookingLimits(processes=1))


__all__ = ["CoveredInstance"]
