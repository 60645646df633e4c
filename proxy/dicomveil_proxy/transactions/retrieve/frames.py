"""Retrieve frames (WADO-RS, PS3.18 Section 10.4.1.1.6): as stored, or transcoded where the client accepts no other.

Decoded frames have the photometric interpretation in the metadata, except that YBR_FULL_422 and the colour transforms
of JPEG 2000 become RGB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby

from dicomveil_engine.code_streams.frame import EncodedFrame, HeldFrame, NativeFrame
from dicomveil_proxy.errors import NotAcceptable, NotReleasable, OriginMalformed, UnknownResource
from dicomveil_proxy.origin.frame_parts import frame_parts, pixel_data_parts
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.pixels import PixelDescription, can_transcode
from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, HTJ2K, JPEG_2000, JPEG_LS, RLE
from dicomveil_proxy.pixels.frames import StoredInstance
from dicomveil_proxy.pixels.instance import description_of
from dicomveil_proxy.pixels.released import ReleasedFile, reading
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.accept import Choice
from dicomveil_proxy.request.resource import OriginalResource, Resource
from dicomveil_proxy.transactions.covering.metadata import passes, verdict_on
from dicomveil_proxy.transactions.covering.released import released_file
from dicomveil_proxy.transactions.pixel_values import frame_of, length_of
from dicomveil_proxy.wire.media_type import OCTET_STREAM
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart, content_type_of
from dicomveil_proxy.wire.pieces import Piece

_STANDARD_SYNTAXES = "1.2.840.10008.1.2"
_SYNTAXES = {
    OCTET_STREAM: EXPLICIT_LITTLE,
    "image/dicom-rle": RLE,
    "image/jls": JPEG_LS,
    "image/jp2": JPEG_2000,
    "image/jphc": HTJ2K,
}
"""Accepted media type → the transfer syntax that frames are transcoded to."""
_VALUE_TYPES = frozenset(
    (
        OCTET_STREAM,
        *(f"image/{kind}" for kind in ("jpeg", "jls", "jp2", "jpx", "jphc", "jxl", "dicom-rle")),
        *("video/mpeg", "video/mp4", "video/h265"),
    )
)
"""Media types of frames and other bulk data, PS3.18 Tables 8.7.3-2 and 8.7.3-5."""


@dataclass(frozen=True, slots=True)
class FrameStart:
    """The start of a frame."""

    content_type: str
    is_multipart: bool
    """Whether frames are sent as parts; the same for all frames of a response."""


async def frames(
    project: Project, original: OriginalResource, choices: Sequence[Choice]
) -> AsyncGenerator[FrameStart | Piece, None]:
    """Frames, as stored where one of the choices allows it, else transcoded.

    Raises NotAcceptable, NotReleasable, UnknownResource and OriginError.
    """
    require_pixels(project)
    assert original.series is not None
    assert original.instance is not None
    if len(original.frames) > 1:
        choices = [choice for choice in choices if choice.offer.is_multipart]
    selection: _Selection | None = None
    cleaned: EncodedFrame | NativeFrame | HeldFrame | None = None
    start: FrameStart | None = None
    described: PixelDescription | None = None
    begun, least = 0, len(set(original.frames))
    frame = bytearray()
    events = project.origin.frames(original.study, original.series, original.instance, original.frames)
    file: ReleasedFile | None = None
    if project.looking is not None and not passes(await verdict_on(project, project.looking, original)):
        await events.aclose()
        file = await released_file(project, project.looking, _instance_of(original))
        events = released_frames(file, original.frames)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                selection = _select(*_frame_type(event), choices)
                begun += 1
                if begun > len(original.frames):
                    raise OriginMalformed("the origin server sent more frames than were asked for")
                frame.clear()
                cleaned = await frame_of(project, original, selection.stored or EXPLICIT_LITTLE, length_of(event))
                # Held until the first piece: before it an error still becomes a status.
                start = FrameStart(selection.content_type, selection.is_multipart)
            elif selection is None or cleaned is None:
                raise OriginMalformed("frame data arrived before a frame header")
            elif not selection.transcoded_to:
                pieces = cleaned.feed(event.data) if isinstance(event, PartData) else cleaned.close()
                if start and (pieces or isinstance(event, PartEnd)):
                    yield start
                    start = None
                for piece in pieces:
                    yield piece
            elif isinstance(event, PartData):
                frame += b"".join(cleaned.feed(event.data))
                if len(frame) > project.limits.decoded_bytes:
                    raise NotAcceptable("a frame is over limits.decoded_bytes; accept transfer-syntax=* for it")
            else:
                frame += b"".join(cleaned.close())
                described = described or await (
                    _released_description(file) if file else _pixel_description(project, original)
                )
                transcoded = await project.transcoder.frame(
                    bytes(frame), selection.stored, selection.transcoded_to, described
                )
                yield FrameStart(selection.content_type, selection.is_multipart)
                yield transcoded
    if begun < least:
        raise OriginMalformed(f"the origin server sent {begun} frames of {least}")


@dataclass(frozen=True, slots=True)
class _Selection:
    """The representation in which frames are sent."""

    content_type: str
    is_multipart: bool
    stored: str
    """Transfer syntax at the origin server."""
    transcoded_to: str = ""
    """Transfer syntax after transcoding; empty for frames as stored."""


def _select(media_type: str, stored: str | None, choices: Sequence[Choice]) -> _Selection:
    """The choice of the highest quality; among equals, one that needs no transcoding. Raises NotAcceptable."""
    for _, group in groupby(choices, key=lambda choice: choice.quality):
        equals = list(group)
        for choice in equals:
            if _is_as_stored(choice, media_type, stored):
                content_type = f"{media_type};transfer-syntax={stored}" if stored else media_type
                return _Selection(content_type, choice.offer.is_multipart, stored or "")
        for choice in equals:
            wanted = _SYNTAXES.get(choice.offer.media_type)
            if stored and wanted and choice.takes(wanted) and can_transcode(stored, wanted):
                content_type = f"{choice.offer.media_type};transfer-syntax={wanted}"
                return _Selection(content_type, choice.offer.is_multipart, stored, wanted)
    raise NotAcceptable(
        f"these frames are stored as {media_type}, transfer syntax {stored}, and have no representation in the "
        "accepted media types"
    )


def _is_as_stored(choice: Choice, media_type: str, stored: str | None) -> bool:
    if not choice.takes(stored):
        return False
    if choice.offer.media_type == media_type:
        return True
    # application/octet-stream without a transfer-syntax means uncompressed frames; with one, or *, any encoding may
    # be sent as octets.
    return choice.offer.media_type == OCTET_STREAM and bool(choice.transfer_syntaxes)


async def _pixel_description(project: Project, original: OriginalResource) -> PixelDescription:
    """The encoding of an instance's frames, by the origin server's metadata."""
    found = data_sets(
        project.origin, original.study, original.series, original.instance, limit=project.limits.header_bytes
    )
    async with aclosing(found):
        async for batch in found:
            return PixelDescription.from_json(batch.datasets[0])
    raise UnknownResource("there is no such resource")


def _instance_of(original: OriginalResource) -> OriginalResource:
    return Resource(original.study, original.series, original.instance)


async def released_frames(file: ReleasedFile, frames: Sequence[int]) -> AsyncGenerator[Event, None]:
    """Frames of an instance whose pixels were covered."""
    with file as path, reading(path) as opened:
        async for event in frame_parts(opened, frames):
            yield event


async def released_parts(file: ReleasedFile, tag: int) -> AsyncGenerator[Event, None]:
    """Pixel Data of an instance whose pixels were covered; each encapsulated frame is a part."""
    with file as path, reading(path) as opened:
        async for event in pixel_data_parts(opened, tag):
            yield event


async def _released_description(file: ReleasedFile) -> PixelDescription:
    def read() -> PixelDescription:
        with file as path, reading(path) as opened:
            return description_of(StoredInstance(opened).read())

    return await asyncio.to_thread(read)


def _frame_type(part: PartStart) -> tuple[str, str | None]:
    """Media type and transfer syntax of a frame: all that is taken from the part's header fields."""
    media_type, syntax = checked_type(part)
    if syntax is not None and not (
        syntax.startswith(_STANDARD_SYNTAXES) and len(syntax) <= 32 and set(syntax) <= set("0123456789.")
    ):
        raise OriginMalformed("a frame's transfer syntax is not one of the standard's")
    return media_type, syntax


def checked_type(part: PartStart) -> tuple[str, str | None]:
    """Media type and transfer syntax of a value. Raises OriginMalformed for other types, such as a whole instance."""
    media_type, syntax = content_type_of(part.headers.get("content-type"))
    if media_type in _VALUE_TYPES:
        return media_type, syntax
    if media_type is None or not media_type.startswith(("image/", "video/")):
        raise OriginMalformed("the origin server answered in another media type than asked for")
    return OCTET_STREAM, syntax  # such as image/x-jls of earlier editions


def require_pixels(project: Project) -> None:
    """Raise NotReleasable under a policy that removes Pixel Data."""
    if not project.policy.releases_pixels:
        raise NotReleasable("the profile does not release (7FE0,0010) PixelData")
