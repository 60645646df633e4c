"""The origin servers: what the proxy asks of them, and its two kinds.

    web/                   a DICOMweb origin server
      origin                 asking it
      address, transport     its paths, queries and BulkDataURIs; the way there
      response, metadata     its errors, and the parts of its answers; metadata, data set by data set
      receipt                what is stored there, and its receipts
    folder/                a folder of instances
      origin                 asking it
      index, header_json     which instances it holds; their headers as DICOM JSON
      search, store          searching it, and storing into it
    selection/             a part of an origin server: the studies that a project's filter selects
      origin                 asking it
      verdicts, search       which studies these are; searches among them
    pages                  a search's results, all of them
    cursors                how far searches have got in them

Everything here is in original space and carries patients' data: nothing of it may reach a user agent except
through the policy. The proxy above translates and de-identifies; an origin does neither. Errors are those of
`dicomveil_proxy.errors`, without any value, UID or URL of the origin.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import Event

Match = dict[str, Any]
"""One result of a search: a DICOM JSON object (PS3.18 Annex F)."""


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What the origin says about one instance sent to it (PS3.18 Section 10.5.3)."""

    acknowledged: bool
    """The origin named the instance in ReferencedSOPSequence. Nothing else counts as stored."""
    failure_reason: int | None = None
    """(0008,1197) FailureReason, where it gave one."""
    warning_reason: int | None = None
    """(0008,1196) WarningReason, where it gave one."""


class Origin(Protocol):
    """An origin server in original space.

    The iterators raise before their first item when the origin refuses, so that the proxy can still answer
    with a status; they raise OriginMalformed when an answer is not whole, and release the origin when
    closed early. The headers of a PartStart are `content-type`, always, and `content-length`, where it is
    known: other part headers of an origin server hold its URLs and original UIDs, and are not passed on.
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
        """Search within a study or series, or everywhere. The answer may hold more than matches.

        `params` are matching keys and `includefield`s, named by keyword or tag, in original values. An origin
        that cannot apply a key leaves it out: matching is the caller's business. `limit` and `offset` count
        what the origin returns, in an order that stays; a page shorter than `limit` is the last.
        """
        ...

    def metadata(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The chunks of one JSON array of instances; its parser decides whether the document is whole."""
        ...

    def instances(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[Event, None]:
        """Part 10 instances as they are stored, streamed."""
        ...

    def frames(
        self, study: OriginalUID, series: OriginalUID, instance: OriginalUID, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """Frames, counted from 1, as they are stored; each part's content-type names its transfer syntax."""
        ...

    def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """The value behind a BulkDataURI of this origin's own metadata; UnknownResource for any other."""
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
        """One picture and its media type.

        `params` may hold `window`, `viewport` and `quality` (PS3.18 Section 8.3.5); others are refused, since
        `annotation` would draw the patient's name.
        """
        ...

    async def store(
        self, study: OriginalUID | None, sop_instance_uid: str, instance: BinaryIO, size: int
    ) -> StoreResult:
        """Store one Part 10 instance, read from the start of a file."""
        ...

    async def aclose(self) -> None:
        """Close connections, threads and the index."""
        ...
