"""One original instance from the origin server: its header is read, and the treatment of its pixels is decided.

Its bytes are then passed on, or spooled until its pixels have been looked at. Nothing here de-identifies or covers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from dicomveil_engine import EngineError, InvalidDataSetError
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.part10.file_meta import FileMeta, read_file_meta
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.elements import InstanceElements, read_instance
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.pixels.looking import InstanceRecord, Looking
from dicomveil_proxy.pixels.released import TemporaryFiles, needs_disk, reading, writing
from dicomveil_proxy.project import Project
from dicomveil_proxy.transactions.sampling import kind_of, sample_of
from dicomveil_proxy.turns import LONG, beside

_AHEAD_CHUNKS = 4
_READ_BYTES = 1 << 20
_COPIED_BYTES = 1 << 20
"""The longest instance of which a copy is held in memory beside its file: a slice."""
_STUDY, _SERIES, _INSTANCE = 0x0020000D, 0x0020000E, 0x00080018


@dataclass(frozen=True)
class Treatment:
    """The treatment of an instance's pixels."""

    verdict: PixelVerdict
    boxes: Boxes


class Arrival:
    """One original instance that is being received."""

    def __init__(self, project: Project, looking: Looking, files: TemporaryFiles) -> None:
        self._project = project
        self._looking = looking
        self._files = files
        self._held: list[bytes] = []
        self._length = 0
        self._retry_at = 0
        self._chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_AHEAD_CHUNKS)
        self._is_left = False
        self._path: Path | None = None
        self._copy: list[bytes] | None = []
        """The bytes in the file, too, while they are few: reading the file again costs more."""
        self._copied = 0
        self._file: BinaryIO | None = None
        self._meta: FileMeta | None = None
        self._future: asyncio.Future[Treatment] = asyncio.get_running_loop().create_future()
        self._future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._needs: Callable[[], Awaitable[Boxes]] | None = None
        self._verdict: PixelVerdict | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_ended = False
        self.bits_allocated = 0
        self.uids: tuple[OriginalUID, ...] = ()
        """The UIDs of study, series and instance; empty if the header could not be read."""
        self.is_decided = False
        """Whether the header was read, so that the treatment is known, or will be after the last byte."""
        self.waits = False
        """Whether the instance is spooled, and looked at after the last byte."""

    @property
    def meta(self) -> FileMeta:
        """The original's file meta information."""
        assert self._meta is not None
        return self._meta

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count refusals because of pixels: all that occur after the header was read."""
        try:
            yield
        except EngineError as error:
            if self._verdict is not None:
                self._looking.refuse(str(error), *self.uids)
            raise

    @property
    def original(self) -> Path:
        """The file of a spooled instance."""
        assert self._path is not None
        return self._path

    async def feed(self, data: bytes | memoryview) -> None:
        """Receive a chunk."""
        if self._is_left:
            return
        if self.is_decided and not self._held:
            await self._take(bytes(data))
            return
        self._held.append(bytes(data))
        self._length += len(data)
        if self._length >= self._retry_at:
            await self._read(closing=False)

    async def end(self) -> None:
        """Receive the end of the instance."""
        if not self.is_decided:
            await self._read(closing=True)
        self._is_ended = True
        if not self._held:
            await self._finish()

    async def _finish(self) -> None:
        if self.waits:
            assert self._file is not None
            with needs_disk():
                self._file.close()
            self._task = asyncio.ensure_future(self._look())
        await self._put(None)

    async def fail(self, error: BaseException) -> None:
        """Record that the origin server failed before the end."""
        self.is_decided = True
        if not self._future.done():
            self._future.set_exception(error)
        await self._put(error)

    async def treatment(self) -> Treatment:
        """The treatment of its pixels. Raises EngineError if it is refused."""
        return await asyncio.shield(self._future)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the instance."""
        if self.waits:
            if self._copy is not None:
                for chunk in self._copy:
                    yield chunk
                return
            file = await asyncio.to_thread(reading, self.original)
            with file:
                while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
                    yield chunk
            return
        while (chunk_or_end := await self._chunks.get()) is not None:
            if isinstance(chunk_or_end, BaseException):
                raise chunk_or_end
            yield chunk_or_end

    def leave(self) -> None:
        """Discard the remaining bytes."""
        self._is_left = True
        with suppress(asyncio.QueueEmpty):
            while True:
                self._chunks.get_nowait()

    def close(self) -> None:
        """Remove the file."""
        self.leave()
        if self._file is not None:
            with suppress(OSError):  # closing flushes, which fails again on a full disk
                self._file.close()
        path, self._path, self._copy = self._path, None, None
        if path is None:
            return
        if self._task is not None and not self._task.done():
            # Other requests may wait for the boxes that are found in it.
            self._task.add_done_callback(lambda _: self._files.remove(path))
        else:
            self._files.remove(path)

    async def _put(self, what: bytes | BaseException | None) -> None:
        if not self._is_left and not self.waits:
            await self._chunks.put(what)

    async def _take(self, data: bytes) -> None:
        if self._file is not None:
            with needs_disk():
                self._file.write(data)
            self._copied += len(data)
            if self._copied > _COPIED_BYTES:
                self._copy = None
            if self._copy is not None:
                self._copy.append(data)
        else:
            await self._put(data)

    async def _read(self, *, closing: bool) -> None:
        """Read the header if it is complete, and decide the treatment."""
        data = b"".join(self._held)
        self._held = [data]
        limit = self._project.policy.limits.header_bytes
        try:
            # Most headers are short, and a thread would cost more than they do.
            is_long = self._length > LONG
            instance = read_instance(data[:LONG] if is_long else data, closing=closing and not is_long)
            if instance is None and is_long:
                instance = await beside(lambda: read_instance(data, closing=closing))
            if instance is None:
                self._retry_at = 2 * self._length
                if self._length > 2 * limit:
                    raise InvalidDataSetError(f"the header is longer than {limit} bytes")
                return
            found = read_file_meta(data, closing=True)
            assert found is not None
            self._meta = found[0]
            await self._decide(instance)
        except EngineError as error:
            self.is_decided = True
            self._held.clear()
            self._future.set_exception(error)
            self.leave()
            return
        self.is_decided = True
        if self._needs is not None:
            self.waits = True
            with needs_disk():
                self._path = self._files.new()
                self._file = writing(self._path)

    async def start(self) -> None:
        """Pass on the bytes that were held for the header, once there is a consumer."""
        held, self._held = self._held, []
        for data in held:
            await self._take(data)
        if self._is_ended:
            await self._finish()

    async def _decide(self, instance: InstanceElements) -> None:
        looking = self._looking
        header = replace(PixelHeader.from_elements(instance), transfer_syntax_uid=self.meta.transfer_syntax_uid)
        self.bits_allocated = header.bits_allocated
        verdict = self._verdict = looking.verdict(header)
        uids = [OriginalUID(instance.text(tag)) for tag in (_STUDY, _SERIES, _INSTANCE)]
        self.uids = tuple(uids)
        looking.note_verdict(uids[2], verdict)
        if verdict.action is PixelAction.REFUSE:
            raise DeidentificationError(verdict.reason)
        if verdict.action is not PixelAction.LOOK:
            self._future.set_result(Treatment(verdict, Boxes(verdict.masks)))
            return
        if verdict.is_document:
            self._needs = _no_boxes
            return
        syntax, witness = self.meta.transfer_syntax_uid, looking.witness(instance.buffer[: instance.end])
        digest = looking.digest(*uids)
        record = await looking.record(digest)
        if record is not None and record.witness == witness:
            record.check()
            self._future.set_result(Treatment(verdict, record.boxes))
            return
        is_sample = verdict.condition is Condition.SAMPLE
        if is_sample:
            sample = await sample_of(self._project.origin, looking, uids[0], uids[1])
            if sample.lets_pass(kind_of(looking, header)):
                boxes = Boxes(verdict.masks, leaves_doubt=sample.leaves_doubt)
                self._future.set_result(Treatment(verdict, boxes))
                return
            record = await looking.record(digest)  # the instance may be a sample itself
            if record is not None and record.witness == witness:
                record.check()
                self._future.set_result(Treatment(verdict, record.boxes))
                return

        async def look() -> Boxes:
            found: InstanceRecord = await looking.once(
                digest, lambda: looking.found(digest, self.original, verdict, syntax, witness)
            )
            if found.witness != witness:
                found = await looking.found(digest, self.original, verdict, syntax, witness)
            found.check()
            if is_sample and found.boxes:
                await sample_of(self._project.origin, looking, uids[0], uids[1], has_text=True)
            return found.boxes

        self._needs = look

    async def _look(self) -> None:
        assert self._needs is not None
        assert self._verdict is not None
        try:
            boxes = await self._needs()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - raised in the waiting caller
            if not self._future.done():
                self._future.set_exception(error)
        else:
            if not self._future.done():
                self._future.set_result(Treatment(self._verdict, boxes))


async def _no_boxes() -> Boxes:
    return Boxes()
