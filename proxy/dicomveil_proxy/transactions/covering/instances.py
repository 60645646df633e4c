"""The instances of a resource, de-identified and covered: while they arrive, or in a child process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from dicomveil_engine import EngineError, InstanceRewriter, InvalidDataSetError
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_engine.pixels.instance import InstanceCover
from dicomveil_proxy.errors import OriginMalformed, UnknownResource
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.released import needs_disk, private_folder, reading, writing
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource
from dicomveil_proxy.transactions.covering.arrival import Arrival, Treatment
from dicomveil_proxy.transactions.covering.passing import Begin, End, PassingStream
from dicomveil_proxy.transactions.covering.read_ahead import arrivals
from dicomveil_proxy.transactions.guarding import settle
from dicomveil_proxy.turns import closed, fed
from dicomveil_proxy.wire.multipart import Event

_READ_BYTES = 1 << 20


async def covered(
    project: Project,
    looking: Looking,
    original: OriginalResource,
    refused: Callable[[EngineError], None] | None,
) -> AsyncGenerator[Begin | Chunk | End, None]:
    """The instances of a resource, de-identified and covered.

    `refused` is called for instances that are left out; without it, the first one ends the response.
    """
    events = project.origin.instances(original.study, original.series, original.instance)
    stream = PassingStream(project, looking, original, refused)
    async with aclosing(events):
        async with aclosing(stream.pieces(events)) as passing:
            async for piece in passing:
                yield piece
        if stream.rest:
            async with aclosing(_looked_at(project, looking, original, refused, stream.remaining(events))) as pieces:
                async for piece in pieces:
                    yield piece
    if not stream.is_there:
        raise UnknownResource("there is no such resource")


async def _looked_at(
    project: Project,
    looking: Looking,
    original: OriginalResource,
    refused: Callable[[EngineError], None] | None,
    events: AsyncGenerator[Event, None],
) -> AsyncGenerator[Begin | Chunk | End, None]:
    """The instances from the first one on that may need a search."""
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


async def _one(project: Project, looking: Looking, arrival: Arrival) -> AsyncGenerator[Begin | Chunk | End, None]:
    """One instance, de-identified and covered. Raises EngineError."""
    with arrival.counting():
        treatment = await arrival.treatment()
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
            await settle(watch)
            if not is_begun:
                is_begun = True
                assert rewriter.original is not None
                yield Begin(_syntax(piece) or rewriter.transfer_syntax_uid or "", rewriter.original)
            yield piece
    looking.observer.instance(_outcome(verdict, boxes))
    yield End()


def _outcome(verdict: PixelVerdict, boxes: Boxes) -> str:
    """The outcome for the metrics."""
    if verdict.action is PixelAction.NOTHING:
        return "passed"
    return "covered" if boxes or verdict.is_document else "nothing found"


def _syntax(head: Chunk) -> str | None:
    """The transfer syntax at the start of a covered instance; None if the piece is only a part of the file meta."""
    try:
        found = read_file_meta(bytes(head), closing=True)
    except InvalidDataSetError:
        return None
    return found[0].transfer_syntax_uid if found else None


def _streams(arrival: Arrival, treatment: Treatment) -> bool:
    """Whether the instance can be covered while it arrives, without decoding pixels."""
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
                for covered_piece in _covered(arrival, cover, piece):
                    if covered_piece:
                        yield covered_piece
    for piece in await closed(rewriter):
        for covered_piece in _covered(arrival, cover, piece):
            if covered_piece:
                yield covered_piece
    for covered_piece in _covered(arrival, cover, None):
        if covered_piece:
            yield covered_piece


def _covered(arrival: Arrival, cover: InstanceCover | None, piece: Chunk | None) -> Sequence[Chunk]:
    """A piece of the de-identified instance after covering; None stands for the end."""
    if cover is None:
        return () if piece is None else (piece,)
    with arrival.counting():
        return cover.close() if piece is None else cover.feed(bytes(piece))


async def _in_process(
    looking: Looking, rewriter: InstanceRewriter, arrival: Arrival, treatment: Treatment
) -> AsyncGenerator[Chunk, None]:
    """The instance, de-identified here, and covered in a child process, which decodes and encodes its frames."""
    with needs_disk(), private_folder() as name:
        source, target = Path(name, "deidentified"), Path(name, "covered")
        with writing(source) as file:
            async with aclosing(_rewritten(rewriter, arrival, None)) as pieces:
                async for piece in pieces:
                    file.write(piece)
        verdict, settings = treatment.verdict, looking.settings
        with arrival.counting():
            if verdict.is_document:
                await looking.in_process(
                    looking.processes.document, arrival.original, source, target, verdict, settings
                )
            else:
                await looking.in_process(looking.processes.cover, source, target, treatment.boxes, verdict, settings)
        with reading(target) as result:
            while chunk := await asyncio.to_thread(result.read, _READ_BYTES):
                yield chunk
