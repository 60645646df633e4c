"""Text in pixels, in a job: each instance waits in a file until it is looked at and covered in a child process.

One child for each process of the job, begun when it is first needed; it ends with the process. Under "gate": "sample"
a job looks at every slice: it sees instances, and not their series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from dicomveil_engine import InstanceRewriter, InvalidDataSetError, Policy
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.instance import InstanceCover
from dicomveil_proxy.pixels.processes import LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.released import private_folder, writing

_CHUNK_BYTES = 1 << 20


class CoveredInstance:
    """One original instance, fed in chunks: it passes at once where nothing is done about its pixels, and waits else.

    Raises as `PixelProcesses` does, and DeidentificationError for what the gate refuses.
    """

    def __init__(self, policy: Policy, rewriter: InstanceRewriter) -> None:
        self._policy = policy
        self._rewriter = rewriter
        self._held: list[bytes] = []
        self._length = 0
        self._retry_at = 0
        self._verdict: PixelVerdict | None = None
        self._cover: InstanceCover | None = None
        self._folder = private_folder()
        self._file: BinaryIO | None = None

    def feed(self, data: bytes | memoryview) -> list[Chunk]:
        """What can be written after these bytes."""
        if self._verdict is not None:
            return self._take(data)
        self._held.append(bytes(data))
        self._length += len(data)
        if self._length < self._retry_at:
            return []
        return self._read(closing=False)

    def close(self) -> list[Chunk]:
        """The rest; of a long instance slices of a file that is mapped, not read."""
        written = self._read(closing=True) if self._verdict is None else []
        assert self._verdict is not None
        try:
            if self._file is None:
                written += self._covered(self._rewriter.close())
                if self._cover is not None:
                    written += self._cover.close()
                return written
            self._file.close()
            return list(self._looked_at(self._verdict))
        finally:
            self.drop()

    def drop(self) -> None:
        """Remove the files."""
        if self._file is not None:
            self._file.close()
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
            self._file = writing(Path(self._folder.name, "original"))
        return self._take(data)

    def _take(self, data: bytes | memoryview) -> list[Chunk]:
        if self._file is not None:
            self._file.write(data)
            return []
        return self._covered(self._rewriter.feed(data))

    def _covered(self, chunks: list[Chunk]) -> list[Chunk]:
        if self._cover is None:
            return chunks
        return [piece for chunk in chunks for piece in self._cover.feed(bytes(chunk))]

    def _looked_at(self, verdict: PixelVerdict) -> Iterator[Chunk]:
        folder, settings, processes = Path(self._folder.name), self._policy.pixels, _processes()
        original, source, target = folder / "original", folder / "deidentified", folder / "covered"
        boxes = Boxes() if verdict.is_document else processes.boxes(original, verdict, settings)
        with original.open("rb") as file, source.open("wb") as output:
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


@lru_cache(1)
def _processes() -> PixelProcesses:
    """Those of this process; a fork begins its own."""
    return PixelProcesses(LookingLimits(processes=1))


__all__ = ["CoveredInstance"]
