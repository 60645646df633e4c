"""Instances whose pixels may hold text, on their way out: looked at, covered, or refused.

    origin ── arrivals: header → verdict → boxes known: passes | unknown: spooled, and looked at
           ── covered: de-identified, and covered while it passes, or in a process where frames are compressed

Arrivals are read ahead, so that the boxes of later instances are found while earlier ones are sent. Frames, bulk data
and pictures are cut out of the instance that comes out here, so that every way shows the same pixels.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from dicomveil_engine import EngineError, InstanceIdentity, InstanceRewriter, InvalidDataSetError, JSONDataSet
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.part10.file_meta import FileMeta, read_file_meta
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.claims import PixelClaims, claimed_metadata, claims_of
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_engine.pixels.elements import InstanceElements, read_instance
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.instance import InstanceCover
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import NotAcceptable, OriginMalformed, UnknownResource
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.pixels.looking import InstanceRecord, Looking
from dicomveil_proxy.pixels.released import ReleasedFile, private_folder, reading, writing
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource, Resource
from dicomveil_proxy.transactions.sampling import kind_of, sample_of
from dicomveil_proxy.turns import LONG, beside, closed, fed
from dicomveil_proxy.wire.multipart import Event, PartData, PartStart

PIXELS = "7FE00010"
_AHEAD_CHUNKS = 4
_READ_BYTES = 1 << 20
_STUDY, _SERIES, _INSTANCE = 0x0020000D, 0x0020000E, 0x00080018


@dataclass(frozen=True)
class _Treatment:
    """What is done to an instance's pixels."""

    verdict: PixelVerdict
    boxes: Boxes


class Arrival:
    """One original instance from the origin server: its header is read, then its bytes pass, or wait in a file."""

    def __init__(self, project: Project, looking: Looking) -> None:
        self._project = project
        self._looking = looking
        self._held: list[bytes] = []
        self._length = 0
        self._retry_at = 0
        self._chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_AHEAD_CHUNKS)
        self._is_left = False
        self._folder: TemporaryDirectory[str] | None = None
        self._file: BinaryIO | None = None
        self._meta: FileMeta | None = None
        self._future: asyncio.Future[_Treatment] = asyncio.get_running_loop().create_future()
        self._future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._needs: Callable[[], Awaitable[Boxes]] | None = None
        self._verdict: PixelVerdict | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_ended = False
        self.bits_allocated = 0
        self.is_decided = False
        """Whether the header was read: what becomes of it is known, or will be when it has wholly come."""
        self.waits = False
        """Whether it is looked at when it has wholly come."""

    @property
    def meta(self) -> FileMeta:
        """The original's file meta information."""
        assert self._meta is not None
        return self._meta

    @property
    def original(self) -> Path:
        """The file of an instance that waits."""
        assert self._folder is not None
        return Path(self._folder.name, "original")

    @property
    def folder(self) -> Path:
        """For files beside it."""
        assert self._folder is not None
        return Path(self._folder.name)

    async def feed(self, data: bytes | memoryview) -> None:
        """The next bytes."""
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
        """It is whole."""
        if not self.is_decided:
            await self._read(closing=True)
        self._is_ended = True
        if not self._held:
            await self._finish()

    async def _finish(self) -> None:
        if self.waits:
            assert self._file is not None
            self._file.close()
            self._task = asyncio.ensure_future(self._look())
        await self._put(None)

    async def fail(self, error: BaseException) -> None:
        """The origin server broke off."""
        self.is_decided = True
        if not self._future.done():
            self._future.set_exception(error)
        await self._put(error)

    async def treatment(self) -> _Treatment:
        """What is done to its pixels. Raises EngineError where it is refused."""
        return await asyncio.shield(self._future)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Its bytes."""
        if self.waits:
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
        """Nobody wants the rest."""
        self._is_left = True
        with suppress(asyncio.QueueEmpty):
            while True:
                self._chunks.get_nowait()

    def close(self) -> None:
        """Remove its file."""
        self.leave()
        if self._file is not None:
            self._file.close()
        folder, self._folder = self._folder, None
        if folder is None:
            return
        if self._task is not None and not self._task.done():
            # Others may wait for what is found in it.
            self._task.add_done_callback(lambda _: folder.cleanup())
        else:
            folder.cleanup()

    async def _put(self, what: bytes | BaseException | None) -> None:
        if not self._is_left and not self.waits:
            await self._chunks.put(what)

    async def _take(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        else:
            await self._put(data)

    async def _read(self, *, closing: bool) -> None:
        """Read the header, if it has come, and decide."""
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
            self._folder = private_folder()
            self._file = writing(self.original)

    async def start(self) -> None:
        """Let the bytes pass that were held for the header; not before somebody takes them."""
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
        looking.note_verdict(uids[2], verdict)
        if verdict.action is PixelAction.REFUSE:
            raise DeidentificationError(verdict.reason)
        if verdict.action is not PixelAction.LOOK:
            self._future.set_result(_Treatment(verdict, Boxes(verdict.masks)))
            return
        if verdict.is_document:
            self._needs = _no_boxes
            return
        syntax, witness = self.meta.transfer_syntax_uid, looking.witness(instance.buffer[: instance.end])
        digest = looking.digest(*uids)
        record = await looking.record(digest)
        if record is not None and record.witness == witness:
            record.check()
            self._future.set_result(_Treatment(verdict, record.boxes))
            return
        is_sample = verdict.condition is Condition.SAMPLE
        if is_sample:
            sample = await sample_of(self._project, looking, uids[0], uids[1])
            if not sample.has_text and kind_of(looking, header) in sample.kinds:
                self._future.set_result(_Treatment(verdict, Boxes(verdict.masks)))
                return
            record = await looking.record(digest)  # it may have been a sample itself
            if record is not None and record.witness == witness:
                record.check()
                self._future.set_result(_Treatment(verdict, record.boxes))
                return

        async def look() -> Boxes:
            found: InstanceRecord = await looking.once(
                digest, lambda: looking.found(digest, self.original, verdict, syntax, witness)
            )
            if found.witness != witness:
                found = await looking.found(digest, self.original, verdict, syntax, witness)
            found.check()
            if is_sample and found.boxes:
                await sample_of(self._project, looking, uids[0], uids[1], has_text=True)
            return found.boxes

        self._needs = look

    async def _look(self) -> None:
        assert self._needs is not None
        assert self._verdict is not None
        try:
            boxes = await self._needs()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - for the one who waits
            if not self._future.done():
                self._future.set_exception(error)
        else:
            if not self._future.done():
                self._future.set_result(_Treatment(self._verdict, boxes))


async def _no_boxes() -> Boxes:
    return Boxes()


async def arrivals(
    project: Project, looking: Looking, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[Arrival, None]:
    """The instances of an answer of the origin server, each as soon as it is known what becomes of it.

    Some are read ahead: twice as many as there are processes to look at them.
    """
    ready: asyncio.Queue[Arrival | BaseException | None] = asyncio.Queue()
    places = asyncio.Semaphore(2 * looking.limits.processes)
    reader = asyncio.ensure_future(_read(project, looking, events, ready, places))
    current: Arrival | BaseException | None = None
    try:
        while (current := await ready.get()) is not None:
            if isinstance(current, BaseException):
                raise current
            yield current
            current.close()
            places.release()
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        if isinstance(current, Arrival):
            current.close()
        while not ready.empty():
            if isinstance(left := ready.get_nowait(), Arrival):
                left.close()


async def _read(
    project: Project,
    looking: Looking,
    events: AsyncGenerator[Event, None],
    ready: asyncio.Queue[Arrival | BaseException | None],
    places: asyncio.Semaphore,
) -> None:
    current: Arrival | None = None
    is_given = False
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, PartStart):
                    current, is_given = Arrival(project, looking), False
                    continue
                assert current is not None
                if isinstance(event, PartData):
                    await current.feed(event.data)
                else:
                    await current.end()
                if current.is_decided and not is_given:
                    await places.acquire()
                    is_given = True
                    ready.put_nowait(current)
                    await current.start()
        ready.put_nowait(None)
    except asyncio.CancelledError:
        if current is not None:
            current.close()
        raise
    except Exception as error:  # noqa: BLE001 - for the one who reads
        if current is not None and is_given:
            await current.fail(error)
        ready.put_nowait(error)


@dataclass(frozen=True, slots=True)
class Begin:
    """A de-identified instance begins."""

    transfer_syntax: str
    original: InstanceIdentity


class End:
    """It is whole."""


async def covered(
    project: Project,
    looking: Looking,
    original: OriginalResource,
    refused: Callable[[EngineError], None] | None,
) -> AsyncGenerator[Begin | Chunk | End, None]:
    """The instances of a resource, de-identified and covered.

    `refused` takes the reasons of those that are left out; without it, the first ends the answer.
    """
    events = project.origin.instances(original.study, original.series, original.instance)
    is_there = False
    async with aclosing(arrivals(project, looking, events)) as arriving:
        async for arrival in arriving:
            if is_there and original.instance:
                raise OriginMalformed("the origin server sent several instances where one was asked for")
            is_there, is_begun = True, False
            pieces = _one(project, looking, arrival)
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        is_begun = True
                        yield piece
            except EngineError as error:
                if is_begun or refused is None:
                    raise
                refused(error)
    if not is_there:
        raise UnknownResource("there is no such resource")


async def _one(project: Project, looking: Looking, arrival: Arrival) -> AsyncGenerator[Begin | Chunk | End, None]:
    """One instance, de-identified and covered. Raises EngineError."""
    try:
        treatment = await arrival.treatment()
    except DeidentificationError as error:
        looking.refuse(str(error))
        raise
    watch = project.guard.watch()
    rewriter = InstanceRewriter(project.policy, watch.inspect if watch.is_on else None)
    verdict, boxes = treatment.verdict, treatment.boxes
    pieces: AsyncGenerator[Chunk, None]
    if verdict.action is PixelAction.NOTHING and not verdict.has_face:
        pieces = _rewritten(rewriter, arrival, None)
    elif _streams(arrival, treatment):
        cover = InstanceCover(boxes, verdict, looking.settings)
        pieces = _rewritten(rewriter, arrival, cover)
    else:
        pieces = _in_process(looking, rewriter, arrival, treatment)
    is_begun = False
    async with aclosing(pieces):
        async for piece in pieces:
            watch.settle()
            if not is_begun:
                is_begun = True
                assert rewriter.original is not None
                yield Begin(_syntax(piece) or rewriter.transfer_syntax_uid or "", rewriter.original)
            yield piece
    yield End()


def _syntax(head: Chunk) -> str | None:
    """The transfer syntax of a covered instance, whose header comes in one piece; None for file meta alone."""
    try:
        found = read_file_meta(bytes(head), closing=True)
    except InvalidDataSetError:
        return None
    return found[0].transfer_syntax_uid if found else None


def _streams(arrival: Arrival, treatment: _Treatment) -> bool:
    """Whether it can be covered while it passes, so that no pixel is decoded here."""
    if arrival.meta.is_deflated or treatment.verdict.is_document:
        return False
    is_native = arrival.meta.transfer_syntax_uid in NATIVE
    return not treatment.boxes or (is_native and arrival.bits_allocated != 1)


async def _rewritten(
    rewriter: InstanceRewriter, arrival: Arrival, cover: InstanceCover | None
) -> AsyncGenerator[Chunk, None]:
    async with aclosing(arrival.chunks()) as chunks:
        async for chunk in chunks:
            for piece in await fed(rewriter, chunk):
                for covered_piece in (piece,) if cover is None else cover.feed(bytes(piece)):
                    if covered_piece:
                        yield covered_piece
    for piece in await closed(rewriter):
        for covered_piece in (piece,) if cover is None else cover.feed(bytes(piece)):
            if covered_piece:
                yield covered_piece
    for covered_piece in () if cover is None else cover.close():
        if covered_piece:
            yield covered_piece


async def _in_process(
    looking: Looking, rewriter: InstanceRewriter, arrival: Arrival, treatment: _Treatment
) -> AsyncGenerator[Chunk, None]:
    """De-identified here, and covered in a process: its frames are decoded and encoded again."""
    with private_folder() as name:
        source, target = Path(name, "deidentified"), Path(name, "covered")
        with writing(source) as file:
            async with aclosing(_rewritten(rewriter, arrival, None)) as pieces:
                async for piece in pieces:
                    file.write(piece)
        verdict, settings = treatment.verdict, looking.settings
        if verdict.is_document:
            await looking.in_process(looking.processes.document, arrival.original, source, target, verdict, settings)
        else:
            await looking.in_process(looking.processes.cover, source, target, treatment.boxes, verdict, settings)
        with reading(target) as result:
            while chunk := await asyncio.to_thread(result.read, _READ_BYTES):
                yield chunk


def _room(room: int, piece: Chunk) -> int:
    if len(piece) > room:
        raise NotAcceptable("the instance is over limits.origin_instance_bytes")
    return room - len(piece)


async def released_file(project: Project, looking: Looking, original: OriginalResource) -> ReleasedFile:
    """One instance as it is released, in a file. Raises EngineError where it is refused."""
    digest = looking.digest("released", original.study, original.series, original.instance)
    if (found := looking.files.get(digest)) is not None:
        return found

    async def make() -> ReleasedFile:
        folder = private_folder()
        path = Path(folder.name, "released")
        try:
            room = project.limits.origin_instance_bytes
            with writing(path) as file:
                async with aclosing(covered(project, looking, original, None)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Begin):
                            check_identity(original, piece.original)
                        elif not isinstance(piece, End):
                            room = _room(room, piece)
                            file.write(piece)
        except BaseException:
            folder.cleanup()
            raise
        return looking.files.put(digest, path, folder)

    return await looking.once(digest, make)


def check_identity(asked: OriginalResource, found: InstanceIdentity | None) -> None:
    """Raise OriginMalformed where the origin server answers with another instance, or one from elsewhere.

    An archive that mixes up what is asked for must not show one user's study to another; nor, through a filter, a
    study that is not selected.
    """
    assert found is not None
    pairs = (
        (asked.study, found.study_instance_uid),
        (asked.series, found.series_instance_uid),
        (asked.instance, found.sop_instance_uid),
    )
    if any(uid is not None and other != uid for uid, other in pairs):
        raise OriginMalformed("the origin server sent another instance than was asked for")


async def verdict_on(project: Project, looking: Looking, original: OriginalResource) -> PixelVerdict:
    """The verdict on one instance whose pixels are asked for, from the origin server's metadata."""
    assert original.instance is not None
    if (found := looking.noted_verdict(original.instance)) is not None:
        return found
    limit = project.limits.header_bytes
    batches = data_sets(project.origin, original.study, original.series, original.instance, limit=limit)
    async with aclosing(batches):
        async for batch in batches:
            for dataset in batch.datasets:
                header = json_header(dataset)
                # A request for pixels must not succeed because metadata do not mention them.
                verdict = looking.verdict(replace(header, has_pixel_data=not header.has_float_pixels))
                looking.note_verdict(original.instance, verdict)
                return verdict
    raise UnknownResource("there is no such resource")


def json_header(dataset: JSONDataSet) -> PixelHeader:
    """What metadata says of pixels; that it has no Pixel Data is not believed where it describes some."""
    header = PixelHeader.from_json(dataset)
    return replace(header, has_pixel_data=True) if header.rows or header.has_pixel_data else header


def is_beside_pixels(tag: int) -> bool:
    """Whether a top-level element shows what pixels do, and leaves with them: icons and overlays."""
    return PixelClaims(adds_code=True).removes(tag)


def passes(verdict: PixelVerdict) -> bool:
    """Whether pixels leave as they are."""
    return verdict.action is PixelAction.NOTHING


async def claimed(
    project: Project,
    looking: Looking,
    original: JSONDataSet,
    written: JSONDataSet,
    identity: InstanceIdentity,
    pixel_uri: str,
) -> JSONDataSet:
    """The metadata of an instance with what it says of its pixels, as the instance says it.

    `pixel_uri` is where its Pixel Data can be had, for pixels that stand in the metadata themselves.
    """
    header = json_header(original)
    verdict = looking.verdict(header)
    if header.has_pixel_data:
        looking.note_verdict(identity.sop_instance_uid, verdict)
    if not passes(verdict):
        written = _without_inline_pixels(written, pixel_uri)
    if not verdict.claims and not verdict.has_face:
        return written
    record = None
    if verdict.action in {PixelAction.LOOK, PixelAction.MASKS} and header.transfer_syntax_uid not in NATIVE:
        uids = [OriginalUID(uid) for uid in identity_uids(identity)]
        record = await looking.record(looking.digest(*uids))
        if record is None and header.samples_per_pixel > 1:
            # Colours that are decoded to be covered may be others than the original's: the instance must be looked at.
            with suppress(EngineError):
                await released_file(project, looking, Resource(uids[0], uids[1], uids[2]))
            record = await looking.record(looking.digest(*uids))
    boxes = Boxes()
    if record is not None:
        boxes, header = record.boxes, replace(header, transfer_syntax_uid=record.syntax)
    return cast("JSONDataSet", claimed_metadata(written, claims_of(header, verdict, boxes, looking.settings)))


def _without_inline_pixels(dataset: JSONDataSet, uri: str) -> JSONDataSet:
    element = dataset.get(PIXELS)
    if not isinstance(element, dict) or not element.keys() - {"vr", "BulkDataURI"}:
        return dataset
    return {**dataset, PIXELS: {"vr": element.get("vr", "OW"), "BulkDataURI": uri}}


def identity_uids(identity: InstanceIdentity) -> tuple[str, str, str]:
    """Study, series and instance."""
    return identity.study_instance_uid, identity.series_instance_uid, identity.sop_instance_uid
