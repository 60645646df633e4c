"""Retrieve (WADO-RS, PS3.18 Section 10.4): instances, metadata, frames, bulk data and pictures, de-identified.

Every function is a generator of the answer's pieces that asks nothing of the origin server before its first
piece is wanted, and raises before it where there is no answer. An error after that ends the answer without its
end, which a user agent cannot take for a whole.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from dicomveil_engine import BulkDataURIs, EngineError, InstanceRewriter, JSONDataSet, ObjectStream
from dicomveil_proxy.errors import NotAcceptable, NotReleasable, OriginMalformed, UnknownResource
from dicomveil_proxy.json_document import encoded
from dicomveil_proxy.media_type import DICOM, OCTET_STREAM
from dicomveil_proxy.multipart import MultipartWriter, PartData, PartStart, content_type_of
from dicomveil_proxy.project import Project
from dicomveil_proxy.query import Level
from dicomveil_proxy.resource import BulkPath, Resource
from dicomveil_proxy.translation import identity_of

Piece = bytes | bytearray | memoryview

_ANY_SYNTAX = "*"
_STANDARD_SYNTAXES = "1.2.840.10008.1.2"
_VALUE_TYPES = frozenset(
    (
        OCTET_STREAM,
        *(f"image/{kind}" for kind in ("jpeg", "jls", "jp2", "jpx", "jphc", "jxl", "dicom-rle")),
        *("video/mpeg", "video/mp4", "video/h265"),
    )
)
"""Of frames and other bulk data, PS3.18 Tables 8.7.3-2 and 8.7.3-5."""

_log = logging.getLogger(__name__)


async def instances(
    project: Project, original: Resource, writer: MultipartWriter | None, syntaxes: Sequence[str]
) -> AsyncGenerator[Piece, None]:
    """The instances of a study or series, or one, as parts or, without a writer, as it is."""
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
                if chunks and not is_begun:
                    _check_syntax(rewriter.transfer_syntax_uid, syntaxes)
            except EngineError as error:
                if is_begun or not project.omits_errors or writer is None:
                    raise
                _log.warning("an instance was left out: %s", error)
                rewriter = None
                continue
            if chunks and not is_begun:
                is_begun = True
                if writer:
                    yield writer.head({"Content-Type": f"{DICOM};transfer-syntax={rewriter.transfer_syntax_uid}"})
            for chunk in chunks:
                yield chunk
    if not is_there:
        raise UnknownResource("there is no such resource")
    if writer:
        yield writer.close()


def _check_syntax(stored: str | None, wanted: Sequence[str]) -> None:
    if wanted and _ANY_SYNTAX not in wanted and stored not in wanted:
        raise NotAcceptable(
            f"an instance is stored in transfer syntax {stored}; accept it, or transfer-syntax=* for any"
        )


async def metadata(project: Project, original: Resource, base_url: str) -> AsyncGenerator[bytes, None]:
    """The metadata of the instances, as one JSON array."""
    stream = ObjectStream(project.limits.header_bytes)
    lead = b"["
    chunks = project.origin.metadata(original.study, original.series, original.instance)
    async with aclosing(chunks):
        async for chunk in chunks:
            if objects := stream.feed(chunk):
                written = await _rewritten(project, objects, base_url)
                if written:
                    yield lead + b",\n".join(written)
                    lead = b",\n"
    if written := await _rewritten(project, stream.close(), base_url):
        yield lead + b",\n".join(written)
        lead = b",\n"
    yield b"[]" if lead == b"[" else b"]"


async def _rewritten(project: Project, originals: list[JSONDataSet], base_url: str) -> list[bytes]:
    written: list[bytes] = []
    for original in originals:
        outside = project.translation.outward(identity_of(original))
        instance_url = (
            f"{base_url}/studies/{outside.study_instance_uid}/series/{outside.series_instance_uid}"
            f"/instances/{outside.sop_instance_uid}"
        )
        try:
            dataset = project.metadata.rewrite(original, bulk_data_uri=_bulk_data_below(instance_url))
        except EngineError as error:
            if not project.omits_errors:
                raise
            _log.warning("an instance's metadata was left out: %s", error)
            continue
        written.append(encoded(dataset))
    await project.translation.learn(originals)
    return written


def _bulk_data_below(instance_url: str) -> BulkDataURIs:
    """BulkDataURIs of our own, that name the element by its path."""
    return lambda path, _: f"{instance_url}/bulk/{path}"


async def frames(
    project: Project, original: Resource, syntaxes: Sequence[str]
) -> AsyncGenerator[tuple[str, Piece | None], None]:
    """Frames as they are stored: (content type of the frame, bytes), and (…, None) where one begins."""
    _require_pixels(project)
    assert original.series is not None
    assert original.instance is not None
    content_type, begun = OCTET_STREAM, 0
    events = project.origin.frames(original.study, original.series, original.instance, original.frames)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                content_type = _frame_type(event, syntaxes)
                begun += 1
                yield content_type, None
            elif isinstance(event, PartData):
                yield content_type, event.data
    if begun < len(set(original.frames)):
        raise OriginMalformed(f"the origin server sent {begun} frames of {len(set(original.frames))}")


def _frame_type(part: PartStart, wanted: Sequence[str]) -> str:
    """Content-Type of a frame, of our own making: of the origin server's headers nothing else passes."""
    media_type, syntax = _checked_type(part)
    if syntax is None:
        return media_type
    if not (syntax.startswith(_STANDARD_SYNTAXES) and len(syntax) <= 32 and set(syntax) <= set("0123456789.")):
        raise OriginMalformed("a frame's transfer syntax is none of PS3.5")
    _check_syntax(syntax, wanted)
    return f"{media_type};transfer-syntax={syntax}"


def _checked_type(part: PartStart) -> tuple[str, str | None]:
    """Media type and transfer syntax of a value that nothing but its type tells from a whole instance."""
    media_type, syntax = content_type_of(part.headers.get("content-type"))
    if media_type in _VALUE_TYPES:
        return media_type, syntax
    if media_type is None or not media_type.startswith(("image/", "video/")):
        raise OriginMalformed("the origin server answered in another media type than asked for")
    return OCTET_STREAM, syntax  # such as the image/x-jls of earlier editions


def _require_pixels(project: Project) -> None:
    if not project.policy.releases_pixels:
        raise NotReleasable("the profile does not release (7FE0,0010) PixelData")


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
                _checked_type(event)
            elif isinstance(event, PartData):
                yield event.data


async def _released_uri(project: Project, original: Resource, bulk: BulkPath) -> str:
    wanted, found = bulk.path(), ""

    def note(path: str, uri: str) -> str | None:
        nonlocal found
        if path == wanted:
            found = uri
        return None

    stream = ObjectStream(project.limits.header_bytes)
    chunks = project.origin.metadata(original.study, original.series, original.instance)
    async with aclosing(chunks):
        async for chunk in chunks:
            for dataset in stream.feed(chunk):
                project.metadata.rewrite(dataset, bulk_data_uri=note)
    for dataset in stream.close():
        project.metadata.rewrite(dataset, bulk_data_uri=note)
    if not found:
        raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return found


async def rendered(
    project: Project, original: Resource, media_type: str, parameters: Mapping[str, str]
) -> tuple[str, bytes]:
    """A picture of an instance or frame; of a study or series, of its first instance. Media type and bytes."""
    _require_pixels(project)
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
