"""Origin servers: the protocol `Origin`, and its implementations.

    web/                   a DICOMweb origin server
      origin                 its requests
      address, transport     URLs, queries and BulkDataURIs; the HTTP client
      response, metadata     errors and the parts of responses; metadata, data set by data set
      receipt                the body of a store request, and the response to it
    folder/                a folder of instances
      origin                 its requests
      index, header_json     the instances in the folder; their headers as DICOM JSON
      search, store          searches, and storing into it
    selection/             a part of an origin server: the studies that a project's filter selects
      origin                 its requests
      verdicts, search       which studies are selected; searches among them
    frame_parts            frames and pixel data of a stored instance, as multipart events
    pages                  all results of a search, page by page
    cursors                cached positions in the results of searches

Everything here is in original space and contains patients' data, which must not reach a user agent except through the
policy. An origin neither translates nor de-identifies. Errors are those of `dicomveil_proxy.errors`, without values,
UIDs and URLs of the origin server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, runtime_checkable

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import Event

Match = dict[str, Any]
"""One result of a search: a DICOM JSON object (PS3.18 Annex F)."""


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The origin server's response for one instance (PS3.18 Section 10.5.3)."""

    acknowledged: bool
    """Whether the instance is in the Referenced SOP Sequence; otherwise it does not count as stored."""
    failure_reason: int | None = None
    """(0008,1197) FailureReason, if present."""
    warning_reason: int | None = None
    """(0008,1196) WarningReason, if present."""


@runtime_checkable
class ObservedOrigin(Protocol):
    """An origin server that reports how long its responses took."""

    observe: Callable[[int | None, float], None]
    """Gets the status of each answer, None where none came, and the seconds until its head was there."""


class Origin(Protocol):
    """An origin server in original space.

    The generators raise before their first item if the origin server refuses, so that the proxy can still respond
    with a status. They raise OriginMalformed for an incomplete response, and close the connection when closed early.
    A PartStart has the header `content-type`, and `content-length` where it is known. Other part headers may contain
    URLs and original UIDs, and are dropped.
    """

    async def search(
        self,
        level: Level,
        study: OriginalUID | None,
        series: OriginalUID | None,
        params: Sequence[tuple[str, str]],
        *,
        limit: int,
        offset: int,
    ) -> list[Match]:
        """Search within a study or series, or everywhere. The results may include others than matches.

        `params` are matching keys and `includefield`s, by keyword or tag, with original values. An origin may ignore a
        key that it does not support: the caller matches the results. `limit` and `offset` count the origin's results,
        in a stable order; a page shorter than `limit` is the last.
        """
        ...

    def metadata(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The chunks of one JSON array of instances; whether it is complete is left to its parser."""
        ...

    def instances(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[Event, None]:
        """Part 10 instances as stored, streamed."""
        ...

    def frames(
        self, study: OriginalUID, series: OriginalUID, instance: OriginalUID, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """Frames, numbered from 1, as stored; the content-type of each part has its transfer syntax."""
        ...

    def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """The value of a BulkDataURI from this origin's own metadata. Raises UnknownResource for any other URI."""
        ...

    async def rendered(
        self,
        study: OriginalUID,
        series: OriginalUID,
        instance: OriginalUID,
        frame: int | None,
        *,
        media_type: str,
        params: Mapping[str, str],
    ) -> tuple[str, bytes]:
        """The media type and bytes of a picture.

        `params` may have `window`, `viewport` and `quality` (PS3.18 Section 8.3.5). Others are refused: `annotation`
        would draw the patient's name.
        """
        ...

    async def store(
        self, study: OriginalUID | None, sop_instance_uid: str, instance: BinaryIO, size: int
    ) -> StoreResult:
        """Store one Part 10 instance, which is read from the start of a file."""
        ...

    async def aclose(self) -> None:
        """Close connections, threads and the index."""
        ...
