"""Retrieve (WADO-RS, PS3.18 Section 10.4): instances, metadata, bulk data and pictures, de-identified.

Every function is a generator of the answer's pieces that asks nothing of the origin server before its first
piece is wanted, and raises before it where there is no answer. An error after that ends the answer without its
end, which a user agent cannot take for a whole.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

from dicomveil_engine import BulkDataURIs, EngineError, InstanceIdentity, InstanceRewriter, JSONDataSet, SeriesRewriter
from dicomveil_engine.code_streams.frame import EncodedFrame, NativeFrame, UndeclaredFrame
from dicomveil_engine.configuration.pixels import Documents
from dicomveil_engine.json_model import large
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import NotAcceptable, NotReleasable, OriginMalformed, UnknownResource
from dicomveil_proxy.origin.web.metadata import Batch, data_sets
from dicomveil_proxy.pixels import InstanceSpool, can_transcode
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.looks import rendering_query
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.accept import Choice
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import BulkPath, OriginalResource, Resource
from dicomveil_proxy.spent import deidentifying
from dicomveil_proxy.transactions.covering.documents import ENCAPSULATED_DOCUMENT, released_document
from dicomveil_proxy.transactions.covering.instances import covered
from dicomveil_proxy.transactions.covering.metadata import PIXELS, claimed, is_beside_pixels, passes, verdict_on
from dicomveil_proxy.transactions.covering.passing import Begin, End
from dicomveil_proxy.transactions.covering.released import check_identity, released_file
from dicomveil_proxy.transactions.frames import checked_type, released_parts, require_pixels
from dicomveil_proxy.transactions.pixel_values import bulk_data_of, note_layouts
from dicomveil_proxy.transactions.tally import Tally
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.turns import EACH, LONG, Turns, beside, closed, fed
from dicomveil_proxy.wire.json_document import encoded
from dicomveil_proxy.wire.media_type import DICOM
from dicomveil_proxy.wire.multipart import Event, MultipartWriter, PartData, PartEnd, PartStart
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.pieces import Piece
from dicomveil_proxy.wire.zip_writer import ZipWriter

_PIXELS = 0x7FE0
"""The group of Pixel Data."""
_ENCODED_TOGETHER = 256
"""Data sets that become one piece of an answer."""

_log = logging.getLogger(__name__)


async def instances(
    project: Project, original: OriginalResource, writer: MultipartWriter | ZipWriter | None, choices: Sequence[Choice]
) -> AsyncGenerator[Piece, None]:
    """The instances of a study or series, or one, as parts, as entries, or, without a writer, as it is.

    Each comes as it is stored where one of the choices allows it, and is transcoded where none does.
    """
    spool: InstanceSpool | None = None
    stored = wanted = ""
    identity = InstanceIdentity()
    names: set[str] = set()
    archive = writer if isinstance(writer, ZipWriter) else None

    def head(transfer_syntax: str) -> bytes:
        if archive:
            return archive.head(_entry_name(project, identity, names))
        assert isinstance(writer, MultipartWriter)
        return writer.head({"Content-Type": f"{DICOM};transfer-syntax={transfer_syntax}"})

    pieces = _deidentified(project, original, is_one=writer is None)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, Begin):
                    stored, identity = piece.transfer_syntax, piece.original
                    wanted = _instance_syntax(stored, choices)
                    if wanted != stored:
                        spool = InstanceSpool(project.transcoder, project.limits.origin_instance_bytes)
                    elif writer:
                        yield head(wanted)
                elif isinstance(piece, End):
                    if spool:
                        outcome = await _transcoded(spool, stored, wanted, choices)
                        if writer:
                            yield head(outcome)
                        async with aclosing(spool.chunks()) as chunks:
                            async for chunk in chunks:
                                if archive:
                                    archive.count(chunk)
                                yield chunk
                        spool.close()
                        spool = None
                    if archive:
                        yield archive.end()
                elif spool:
                    spool.write(piece)
                else:
                    if archive:
                        archive.count(piece)
                    yield piece
    finally:
        if spool:
            spool.close()
    if writer:
        yield writer.close()


def _entry_name(project: Project, identity: InstanceIdentity, names: set[str]) -> str:
    """A name that no earlier entry has, of pseudonyms whatever the policy keeps."""
    uids = (identity.series_instance_uid, identity.sop_instance_uid)
    stem = "/".join(project.policy.pseudonym_uid(uid) for uid in uids)
    name, number = f"{stem}.dcm", 1
    while name in names:
        number += 1
        name = f"{stem}-{number}.dcm"
    names.add(name)
    return name


async def _transcoded(spool: InstanceSpool, stored: str, wanted: str, choices: Sequence[Choice]) -> str:
    """Transcode an instance; where that cannot be, and it is a second choice as it is stored, leave it so."""
    try:
        await spool.transcode(wanted)
    except NotAcceptable:
        if any(choice.takes(stored) for choice in choices):
            return stored
        raise
    return wanted


def _deidentified(
    project: Project, original: OriginalResource, *, is_one: bool
) -> AsyncGenerator[Begin | Piece | End, None]:
    """The instances of a resource, de-identified, in the transfer syntax they are stored in."""
    if project.looking is not None:
        return _covered(project, project.looking, original, is_one=is_one)
    return _rewritten_instances(project, original, is_one=is_one)


async def _rewritten_instances(
    project: Project, original: OriginalResource, *, is_one: bool
) -> AsyncGenerator[Begin | Piece | End, None]:
    """As `_deidentified`, where pixels pass."""
    rewriter: InstanceRewriter | None = None
    watch = project.guard.watch()
    inspect = watch.inspect if watch.is_on else None
    is_begun = is_there = False
    turns = Turns()
    events = project.origin.instances(original.study, original.series, original.instance)
    with Tally(_log, "an instance was left out") as left_out:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, PartStart):
                    if is_there and original.instance:
                        raise OriginMalformed("the origin server sent several instances where one was asked for")
                    rewriter, is_begun, is_there = InstanceRewriter(project.policy, inspect), False, True
                    await turns.spend()
                    continue
                if rewriter is None:
                    continue  # left out
                try:
                    chunks = await (fed(rewriter, event.data) if isinstance(event, PartData) else closed(rewriter))
                except EngineError as error:
                    if is_begun or not project.omits_errors or is_one:
                        raise
                    left_out.note(str(error))
                    rewriter = None
                    continue
                watch.settle()
                if chunks and not is_begun:
                    is_begun = True
                    check_identity(original, rewriter.original)
                    assert rewriter.original is not None
                    yield Begin(rewriter.transfer_syntax_uid or "", rewriter.original)
                for chunk in chunks:
                    yield chunk
                if is_begun and isinstance(event, PartEnd):
                    yield End()
    if not is_there:
        raise UnknownResource("there is no such resource")


async def _covered(
    project: Project, looking: Looking, original: OriginalResource, *, is_one: bool
) -> AsyncGenerator[Begin | Piece | End, None]:
    """As `_deidentified`, where text in pixels is looked for."""
    with Tally(_log, "an instance was left out") as left_out:
        omits = project.omits_errors and not is_one and original.instance is None
        refused = (lambda error: left_out.note(str(error))) if omits else None
        async with aclosing(covered(project, looking, original, refused)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Begin):
                    check_identity(original, piece.original)
                yield piece


def _instance_syntax(stored: str, choices: Sequence[Choice]) -> str:
    """The transfer syntax in which an instance is sent; raises NotAcceptable where none is wanted and possible."""
    for choice in choices:
        if choice.takes(stored):
            return stored
        for wanted in choice.transfer_syntaxes:
            if wanted not in choice.refused and can_transcode(stored, wanted):
                return wanted
    raise NotAcceptable(
        f"an instance is stored in transfer syntax {stored} and cannot be had in what is accepted; "
        "accept it, or transfer-syntax=* for any"
    )


async def metadata(
    project: Project, original: OriginalResource, base_url: str, writer: MultipartWriter | None = None
) -> AsyncGenerator[bytes, None]:
    """The metadata of the instances, as one JSON array; with a writer as parts, each the XML of an instance."""
    lead, turns = b"[", Turns()
    async with aclosing(_metadata(project, original, base_url)) as found:
        async for batch in found:
            if writer:
                async for dataset in turns.through(batch.datasets, batch.each):
                    xml = await beside(native_xml, dataset) if batch.are_long else native_xml(dataset)
                    yield writer.head() + xml
                continue
            for begin in range(0, len(batch.datasets), _ENCODED_TOGETHER):
                some = batch.datasets[begin : begin + _ENCODED_TOGETHER]
                if batch.are_long:
                    for dataset in some:
                        yield lead
                        async for piece in turns.through(large.written(dataset), LONG // 4):
                            yield piece
                        lead = b",\n"
                else:
                    yield lead + b",\n".join(map(encoded, some))
                    await turns.spend(batch.each * len(some) // 8)
                lead = b",\n"
    if writer:
        yield writer.close()
    else:
        yield b"[]" if lead == b"[" else b"]"


async def _metadata(project: Project, original: OriginalResource, base_url: str) -> AsyncGenerator[Batch, None]:
    rewriter, watch = SeriesRewriter(project.metadata), project.guard.watch()
    turns, is_there = Turns(), False
    with Tally(_log, "an instance's metadata was left out") as left_out:
        async with aclosing(_originals(project, original)) as found:
            async for batch in found:
                if original.instance and (is_there or len(batch.datasets) > 1):
                    raise OriginMalformed(
                        "the origin server sent metadata of several instances where one was asked for"
                    )
                is_there = True
                written: list[JSONDataSet] = []
                async for dataset in turns.through(batch.datasets, EACH + batch.each):
                    check_identity(original, _assumed(identity_of(dataset), original))
                    try:
                        new = await _rewritten(project, rewriter, dataset, base_url, is_long=batch.are_long)
                        if project.looking is not None:
                            identity = _assumed(identity_of(dataset), original)
                            uri = f"{_instance_url(project, identity, base_url)}/bulk/{PIXELS.lower()}"
                            new = await claimed(project, project.looking, dataset, new, identity, uri)
                    except EngineError as error:
                        if not project.omits_errors:
                            raise
                        left_out.note(str(error))
                        continue
                    if watch.is_on:
                        look = partial(watch.inspect_json, dataset, new)
                        await beside(look) if batch.are_long else look()
                        watch.settle()
                    written.append(new)
                await project.translation.learn(batch.datasets)
                note_layouts(project, batch.datasets)
                if written:
                    yield Batch(written, batch.size)


def _assumed(found: InstanceIdentity, original: OriginalResource) -> InstanceIdentity:
    """Some servers leave out of metadata what is in the path."""
    return found._replace(
        study_instance_uid=found.study_instance_uid or original.study,
        series_instance_uid=found.series_instance_uid or original.series or "",
    )


def _originals(project: Project, original: OriginalResource) -> AsyncGenerator[Batch, None]:
    limit = project.limits.header_bytes
    return data_sets(project.origin, original.study, original.series, original.instance, limit=limit)


async def _rewritten(
    project: Project, rewriter: SeriesRewriter, original: JSONDataSet, base_url: str, *, is_long: bool
) -> JSONDataSet:
    instance_url = _instance_url(project, identity_of(original), base_url)
    rewrite = partial(rewriter.rewrite, original, bulk_data_uri=_bulk_data_below(instance_url))
    with deidentifying():
        return await beside(rewrite) if is_long else rewrite()


def _instance_url(project: Project, original: InstanceIdentity, base_url: str) -> str:
    outside = project.translation.outward(original)
    return (
        f"{base_url}/studies/{outside.study_instance_uid}/series/{outside.series_instance_uid}"
        f"/instances/{outside.sop_instance_uid}"
    )


def _bulk_data_below(instance_url: str) -> BulkDataURIs:
    """BulkDataURIs of our own, that name the element by its path."""
    return lambda path, _: f"{instance_url}/bulk/{path}"


async def bulkdata(project: Project, original: OriginalResource) -> AsyncGenerator[Piece, None]:
    """The value of one element, if the policy lets that element out as it is.

    The origin server's own metadata says where the value is, and the policy, applied to that metadata, whether
    it may leave: Orthanc gives any element for the asking, names too (spec of its bulk data route).
    """
    assert original.bulk is not None
    tag = original.bulk.tag if len(original.bulk.tags) == 1 else 0
    passing: EncodedFrame | NativeFrame | UndeclaredFrame | None = None
    events = await _bulk_events(project, original)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                passing = await bulk_data_of(project, original, tag, checked_type(event)[1])
            elif passing is not None:
                for piece in passing.feed(event.data) if isinstance(event, PartData) else passing.close():
                    yield piece
            elif isinstance(event, PartData):
                yield event.data


async def _bulk_events(project: Project, original: OriginalResource) -> AsyncGenerator[Event, None]:
    """The value's parts, as the origin server sends them; of pixels that are covered, as they are released."""
    assert original.bulk is not None
    if project.looking is not None and original.instance is not None:
        if original.bulk.tags == (ENCAPSULATED_DOCUMENT,) and project.policy.pixels.documents is Documents.CLEAN:
            # The original is never asked for, though a rule may keep it: the one that is released has its text covered.
            asked = Resource(original.study, original.series, original.instance)
            return released_document(await released_file(project, project.looking, asked))
        verdict = await verdict_on(project, project.looking, original)
        if len(original.bulk.tags) == 1 and original.bulk.tag >> 16 == _PIXELS and not passes(verdict):
            require_pixels(project)
            asked = Resource(original.study, original.series, original.instance)
            file = await released_file(project, project.looking, asked)
            return released_parts(file, original.bulk.tag)
        if not passes(verdict) and is_beside_pixels(original.bulk.tags[0]):
            raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return project.origin.bulkdata(await _released_uri(project, original, original.bulk))


async def _released_uri(project: Project, original: OriginalResource, bulk: BulkPath) -> str:
    wanted, found = bulk.path(), ""

    def note(path: str, uri: str) -> str | None:
        nonlocal found
        if path == wanted:
            found = uri
        return None

    async with aclosing(_originals(project, original)) as originals:
        async for batch in originals:
            for dataset in batch.datasets:
                rewrite = partial(project.metadata.rewrite, dataset, bulk_data_uri=note)
                await beside(rewrite) if batch.are_long else rewrite()
    if not found:
        raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return found


async def rendered(
    project: Project, original: OriginalResource, media_type: str, parameters: Mapping[str, str]
) -> tuple[str, bytes]:
    """A picture of an instance or frame; of a series, of its middle instance, and of a study, of its first series.

    Media type and bytes.
    """
    require_pixels(project)
    series, instance = original.series, original.instance
    if series is None or instance is None:
        series, instance = await _shown_instance(project, original)
    if len(original.frames) > 1:
        raise NotAcceptable("a picture shows one frame; ask for a multipart of pictures, or for each by itself")
    frame = original.frames[0] if original.frames else None
    if (looking := project.looking) is not None:
        asked = Resource(original.study, series, instance)
        if not passes(await verdict_on(project, looking, asked)):
            rendering_query(parameters)
            file = await released_file(project, looking, asked)
            with file as path:
                picture = await looking.in_process(
                    looking.processes.render, path, frame or 1, media_type, dict(parameters)
                )
            return media_type, picture
    kind, picture = await project.origin.rendered(
        original.study, series, instance, frame, media_type=media_type, params=parameters
    )
    if not kind.startswith("image/"):
        # The rendered form of an encapsulated document is the document.
        raise NotReleasable("only pictures of Pixel Data are released as rendered")
    # A picture may hold more than pixels: its author, its subject, and a thumbnail.
    return kind, await project.transcoder.picture(picture, kind)


async def rendered_frames(
    project: Project,
    original: OriginalResource,
    media_type: str,
    parameters: Mapping[str, str],
    writer: MultipartWriter,
    urls: Sequence[str],
) -> AsyncGenerator[bytes, None]:
    """Pictures of the frames that are listed, each a part; `urls` says where each can be had alone, if anywhere."""
    locations = iter(urls)
    for number in original.frames:
        kind, picture = await rendered(project, replace(original, frames=(number,)), media_type, parameters)
        location = next(locations, "")
        yield writer.head({"Content-Type": kind} | ({"Content-Location": location} if location else {})) + picture
    yield writer.close()


async def _shown_instance(project: Project, original: OriginalResource) -> tuple[OriginalUID, OriginalUID]:
    """The series and instance that stand for a study or series."""
    series, first = await _instance_at(project, original.study, original.series, 0)
    count = await _count_of(project, original.study, series)
    if count > 2:
        try:
            return await _instance_at(project, original.study, series, count // 2)
        except UnknownResource:
            pass  # there are fewer than it said
    return series, first


async def _instance_at(
    project: Project, study: OriginalUID, series: OriginalUID | None, place: int
) -> tuple[OriginalUID, OriginalUID]:
    params = [("includefield", "SeriesInstanceUID"), ("includefield", "SOPInstanceUID")]
    page = await project.origin.search(Level.INSTANCES, study, series, params, limit=1, offset=place)
    identity = identity_of(page[0]) if page else None
    series = series or OriginalUID(identity.series_instance_uid if identity else "")
    if identity is None or not series or not identity.sop_instance_uid:
        raise UnknownResource("there is no such resource")
    return series, OriginalUID(identity.sop_instance_uid)


async def _count_of(project: Project, study: OriginalUID, series: OriginalUID) -> int:
    """How many instances a series has, as the origin server says; 0 where it does not."""
    params = [("SeriesInstanceUID", series), ("includefield", "NumberOfSeriesRelatedInstances")]
    for found in await project.origin.search(Level.SERIES, study, None, params, limit=0, offset=0):
        values = found.get("00201209", {}).get("Value")
        if identity_of(found).series_instance_uid == series and isinstance(values, list) and len(values) == 1:
            with suppress(ValueError, TypeError):
                return int(values[0])
    return 0
