"""Retrieve (WADO-RS, PS3.18 Section 10.4): instances, metadata, bulk data and pictures, de-identified.

Every function is a generator of the answer's pieces that asks nothing of the origin server before its first
piece is wanted, and raises before it where there is no answer. An error after that ends the answer without its
end, which a user agent cannot take for a whole.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from dicomveil_engine import BulkDataURIs, EngineError, InstanceRewriter, JSONDataSet, SeriesRewriter
from dicomveil_proxy.errors import NotAcceptable, NotReleasable, UnknownResource
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.pixels import InstanceSpool, can_transcode
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.accept import Choice
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import BulkPath, Resource
from dicomveil_proxy.transactions.frames import checked_type, require_pixels
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.wire.json_document import encoded
from dicomveil_proxy.wire.media_type import DICOM
from dicomveil_proxy.wire.multipart import MultipartWriter, PartData, PartEnd, PartStart
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.pieces import Piece

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Begin:
    """A de-identified instance begins."""

    transfer_syntax: str


class _End:
    """It is whole."""


async def instances(
    project: Project, original: Resource, writer: MultipartWriter | None, choices: Sequence[Choice]
) -> AsyncGenerator[Piece, None]:
    """The instances of a study or series, or one, as parts or, without a writer, as it is.

    Each comes as it is stored where one of the choices allows it, and is transcoded where none does.
    """
    spool: InstanceSpool | None = None
    stored = wanted = ""
    pieces = _deidentified(project, original, is_one=writer is None)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, _Begin):
                    stored = piece.transfer_syntax
                    wanted = _instance_syntax(stored, choices)
                    if wanted != stored:
                        spool = InstanceSpool(project.transcoder, project.limits.origin_instance_bytes)
                    elif writer:
                        yield _instance_head(writer, wanted)
                elif isinstance(piece, _End):
                    if spool:
                        outcome = await _transcoded(spool, stored, wanted, choices)
                        if writer:
                            yield _instance_head(writer, outcome)
                        async with aclosing(spool.chunks()) as chunks:
                            async for chunk in chunks:
                                yield chunk
                        spool.close()
                        spool = None
                elif spool:
                    spool.write(piece)
                else:
                    yield piece
    finally:
        if spool:
            spool.close()
    if writer:
        yield writer.close()


def _instance_head(writer: MultipartWriter, transfer_syntax: str) -> bytes:
    return writer.head({"Content-Type": f"{DICOM};transfer-syntax={transfer_syntax}"})


async def _transcoded(spool: InstanceSpool, stored: str, wanted: str, choices: Sequence[Choice]) -> str:
    """Transcode an instance; where that cannot be, and it is a second choice as it is stored, leave it so."""
    try:
        await spool.transcode(wanted)
    except NotAcceptable:
        if any(choice.takes(stored) for choice in choices):
            return stored
        raise
    return wanted


async def _deidentified(
    project: Project, original: Resource, *, is_one: bool
) -> AsyncGenerator[_Begin | Piece | _End, None]:
    """The instances of a resource, de-identified, in the transfer syntax they are stored in."""
    rewriter: InstanceRewriter | None = None
    is_begun = is_there = False
    events = project.origin.instances(original.study, original.series, original.instance)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                rewriter, is_begun, is_there = InstanceRewriter(project.policy), False, True
                continue
            if rewriter is None:
                continue  # left out
            try:
                chunks = rewriter.feed(event.data) if isinstance(event, PartData) else rewriter.close()
            except EngineError as error:
                if is_begun or not project.omits_errors or is_one:
                    raise
                _log.warning("an instance was left out: %s", error)
                rewriter = None
                continue
            if chunks and not is_begun:
                is_begun = True
                yield _Begin(rewriter.transfer_syntax_uid or "")
            for chunk in chunks:
                yield chunk
            if is_begun and isinstance(event, PartEnd):
                yield _End()
    if not is_there:
        raise UnknownResource("there is no such resource")


def _instance_syntax(stored: str, choices: Sequence[Choice]) -> str:
    """The transfer syntax in which an instance goes out; raises NotAcceptable where none is wanted and possible."""
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
    project: Project, original: Resource, base_url: str, writer: MultipartWriter | None = None
) -> AsyncGenerator[bytes, None]:
    """The metadata of the instances, as one JSON array; with a writer as parts, each the XML of an instance."""
    lead = b"["
    async with aclosing(_metadata(project, original, base_url)) as found:
        async for datasets in found:
            if writer:
                for dataset in datasets:
                    yield writer.head() + native_xml(dataset)
            elif datasets:
                yield lead + b",\n".join(map(encoded, datasets))
                lead = b",\n"
    if writer:
        yield writer.close()
    else:
        yield b"[]" if lead == b"[" else b"]"


async def _metadata(project: Project, original: Resource, base_url: str) -> AsyncGenerator[list[JSONDataSet], None]:
    rewriter = SeriesRewriter(project.metadata)
    async with aclosing(_originals(project, original)) as found:
        async for originals in found:
            yield await _rewritten(project, rewriter, originals, base_url)


def _originals(project: Project, original: Resource) -> AsyncGenerator[list[JSONDataSet], None]:
    limit = project.limits.header_bytes
    return data_sets(project.origin, original.study, original.series, original.instance, limit=limit)


async def _rewritten(
    project: Project, rewriter: SeriesRewriter, originals: list[JSONDataSet], base_url: str
) -> list[JSONDataSet]:
    written: list[JSONDataSet] = []
    for original in originals:
        outside = project.translation.outward(identity_of(original))
        instance_url = (
            f"{base_url}/studies/{outside.study_instance_uid}/series/{outside.series_instance_uid}"
            f"/instances/{outside.sop_instance_uid}"
        )
        try:
            dataset = rewriter.rewrite(original, bulk_data_uri=_bulk_data_below(instance_url))
        except EngineError as error:
            if not project.omits_errors:
                raise
            _log.warning("an instance's metadata was left out: %s", error)
            continue
        written.append(dataset)
    await project.translation.learn(originals)
    return written


def _bulk_data_below(instance_url: str) -> BulkDataURIs:
    """BulkDataURIs of our own, that name the element by its path."""
    return lambda path, _: f"{instance_url}/bulk/{path}"


async def bulkdata(project: Project, original: Resource) -> AsyncGenerator[Piece, None]:
    """The value of one element, if the policy lets that element out as it is.

    The origin server's own metadata says where the value is, and the policy, applied to that metadata, whether
    it may leave: Orthanc gives any element for the asking, names too (spec of its bulk data route).
    """
    assert original.bulk is not None
    uri = await _released_uri(project, original, original.bulk)
    events = project.origin.bulkdata(uri)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                checked_type(event)
            elif isinstance(event, PartData):
                yield event.data


async def _released_uri(project: Project, original: Resource, bulk: BulkPath) -> str:
    wanted, found = bulk.path(), ""

    def note(path: str, uri: str) -> str | None:
        nonlocal found
        if path == wanted:
            found = uri
        return None

    async with aclosing(_originals(project, original)) as originals:
        async for datasets in originals:
            for dataset in datasets:
                project.metadata.rewrite(dataset, bulk_data_uri=note)
    if not found:
        raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return found


async def rendered(
    project: Project, original: Resource, media_type: str, parameters: Mapping[str, str]
) -> tuple[str, bytes]:
    """A picture of an instance or frame; of a study or series, of its first instance. Media type and bytes."""
    require_pixels(project)
    series, instance = original.series, original.instance
    if series is None or instance is None:
        series, instance = await _first_instance(project, original)
    frame = original.frames[0] if original.frames else None
    kind, picture = await project.origin.rendered(
        original.study, series, instance, frame, media_type=media_type, params=parameters
    )
    if not kind.startswith("image/"):
        # The rendered form of an encapsulated document is the document.
        raise NotReleasable("only pictures of Pixel Data are released as rendered")
    return kind, picture


async def _first_instance(project: Project, original: Resource) -> tuple[str, str]:
    params = [("includefield", "SeriesInstanceUID"), ("includefield", "SOPInstanceUID")]
    page = await project.origin.search(Level.INSTANCES, original.study, original.series, params, limit=1, offset=0)
    identity = identity_of(page[0]) if page else None
    series = original.series or (identity.series_instance_uid if identity else "")
    if identity is None or not series or not identity.sop_instance_uid:
        raise UnknownResource("there is no such resource")
    return series, identity.sop_instance_uid
