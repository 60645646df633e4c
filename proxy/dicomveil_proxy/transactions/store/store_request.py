"""One store request: its parts become instances, each of which is sent to the origin server by itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from dicomveil_engine import EngineError, InstanceIdentity, InvalidDataSetError
from dicomveil_engine.json_model.object_text import ObjectText
from dicomveil_engine.json_model.stream import TextStream
from dicomveil_proxy.errors import (
    BadRequest,
    Conflict,
    OriginError,
    OriginTimeout,
    OriginUnavailable,
    PayloadTooLarge,
    StateUnavailable,
)
from dicomveil_proxy.origin.web.metadata import parsed
from dicomveil_proxy.project import Project
from dicomveil_proxy.reidentification.originals import Originals
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.transactions.store.intake import DeidentifiedInstance, Duplicates, Intake
from dicomveil_proxy.transactions.store.part10 import Bulk, BulkData, identity, part10
from dicomveil_proxy.transactions.store.reasons import (
    CANNOT_UNDERSTAND,
    NOT_DEIDENTIFIED,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    STUDY_MISMATCH,
    NotStored,
)
from dicomveil_proxy.transactions.store.reidentified_instance import ReidentifiedInstance
from dicomveil_proxy.transactions.store.response import InstanceOutcome, StoreResponse, store_response
from dicomveil_proxy.transactions.tally import Tally
from dicomveil_proxy.translation.identity import Identity, Kind
from dicomveil_proxy.turns import Turns, beside
from dicomveil_proxy.wire.media_type import DICOM, DICOM_JSON, DICOM_XML, OCTET_STREAM
from dicomveil_proxy.wire.multipart import Event, PartData, PartStart, content_type_of
from dicomveil_proxy.wire.native_xml_reader import NativeXMLReader
from dicomveil_proxy.wire.spool import Spool

_RECORDED_AT_A_TIME = 300
"""Identities, three for each instance: a transaction of the identity map takes as long for one as for many."""

_DOCUMENTS = (DICOM_JSON, DICOM_XML)
_XML_AT_A_TIME = 1 << 14
"""Bytes that are parsed before other requests have their turn."""
_BYTES_AS_COSTLY_AS_ONE = 8
"""Received bytes, mostly pixels that pass unchanged, that cost as much as one byte of a header."""

_log = logging.getLogger(__name__)


@dataclass
class StoreRequest:
    """One store request, which is fed the events of its multipart body."""

    project: Project
    base_url: str
    study: str | None = None
    """The study in the path, in pseudonymised space."""
    is_gone: Callable[[], Awaitable[bool]] | None = None
    """Whether the user agent has disconnected: then nothing more is stored."""
    _outcomes: list[InstanceOutcome] = field(default_factory=list)
    _unread: int = 0
    """Parts without readable UIDs: not instances, or damaged ones."""
    _stored: list[Identity] = field(default_factory=list)
    """Stored instances whose UIDs are yet to be recorded in the identity map."""
    _fault: OriginError | None = None
    """The origin server's latest error: the outcome of the request if nothing was stored."""

    def __post_init__(self) -> None:
        self._not_stored = Tally(_log, "an instance was not stored")
        self._duplicates = Duplicates(self.project)
        self._originals = Originals(self.project)

    async def run(self, events: AsyncIterator[Event]) -> StoreResponse:
        """Store all instances. Raises what reading the body raises; instances stored until then remain stored."""
        metadata: _Metadata | None = None
        part: _Part | None = None
        turns = Turns()
        try:
            async for event in events:
                if isinstance(event, PartStart):
                    media_type, syntax = content_type_of(event.headers.get("content-type"))
                    if media_type in _DOCUMENTS and (metadata is None or metadata.takes(media_type)):
                        part = metadata = metadata or _Metadata(self.project.limits, media_type)
                        metadata.begin_document()
                    elif media_type == DICOM or (media_type is None and metadata is None):
                        part = _Instance(self._intake())
                    elif metadata and (name := event.headers.get("content-location")):
                        metadata.begin(name.strip(), media_type or OCTET_STREAM, syntax)
                        part = metadata
                    else:
                        part = None
                elif isinstance(event, PartData):
                    if part:
                        await part.feed(event.data)
                    await turns.spend(len(event.data) // _BYTES_AS_COSTLY_AS_ONE)
                elif isinstance(part, _Instance):
                    await self._take(part)
                elif part:
                    await part.end()
                else:
                    self._unread += 1
                if not isinstance(event, PartData):
                    await turns.spend()
            if metadata:
                for dataset in metadata.datasets:
                    await self._take_metadata(dataset, metadata)
        finally:
            for open_part in (part, metadata):
                if open_part:
                    open_part.discard()
            self._not_stored.write()
            await self.project.translation.record(self._stored)
        if self._fault and all(outcome.failure is not None for outcome in self._outcomes):
            raise self._fault
        return store_response(self._outcomes, self._unread)

    async def _check_presence(self) -> None:
        if self.is_gone and await self.is_gone():
            raise BadRequest("the user agent closed the connection before all instances were stored")

    def _intake(self) -> Intake:
        if self.project.reidentifies:
            return ReidentifiedInstance(self.project, self._originals, self._duplicates)
        return DeidentifiedInstance(self.project, self._duplicates)

    async def _take_metadata(self, dataset: ObjectText, metadata: _Metadata) -> None:
        """Store an instance that was sent as metadata and bulk data."""
        await self._check_presence()
        part = _Instance(self._intake())
        chunks = part10(dataset, metadata.bulk_data)
        try:
            # In a thread, since a header may be long.
            while (chunk := await beside(next, chunks, None)) is not None:
                await part.feed(chunk)
        except InvalidDataSetError as error:
            part.discard()
            self._refuse_unread(await beside(identity, dataset), str(error))
            return
        await self._take(part)

    async def _take(self, part: _Instance) -> None:
        """Store an instance that has been received."""
        try:
            await self._check_presence()
            await part.close()
            await self._store(part.intake, part.error)
        finally:
            part.discard()

    async def _store(self, intake: Intake, error: EngineError | OSError | None) -> None:
        sent = intake.sent
        if isinstance(error, OSError) and sent is None:
            self._refuse_unread(sent, "the folder for temporary files cannot be written")
        elif sent is None or not sent.sop_instance_uid:
            self._refuse_unread(sent, str(error or "it has no SOP Instance UID"))
        elif isinstance(error, OSError):
            self._fail(sent, OUT_OF_RESOURCES, "the folder for temporary files cannot be written")
        elif error is not None:
            self.project.note_refusal("store", error)
            self._fail(sent, NOT_DEIDENTIFIED, str(error))
        elif not (sent.study_instance_uid and sent.series_instance_uid):
            self._fail(sent, CANNOT_UNDERSTAND, "it has no study or no series")
        elif self.study not in {None, self.project.translation.uid(sent.study_instance_uid), sent.study_instance_uid}:
            self._fail(sent, STUDY_MISMATCH, "its study is not that of the request")
        elif isinstance(self._fault, (OriginUnavailable, OriginTimeout)):
            self._fail(sent, PROCESSING_FAILURE, "the origin server failed before, and is not tried again")
        else:
            await self._send(sent, intake)

    async def _send(self, sent: InstanceIdentity, intake: Intake) -> None:
        try:
            prepared = await intake.prepare()
            result = await self.project.origin.store(None, prepared.held.sop_instance_uid, prepared.file, prepared.size)
        except NotStored as refusal:
            self._fail(sent, refusal.reason, str(refusal))
        except OSError:
            self._fail(sent, OUT_OF_RESOURCES, "the folder for temporary files cannot be written")
        except EngineError as error:
            self.project.note_refusal("store", error)
            is_unreadable = isinstance(error, InvalidDataSetError)
            self._fail(sent, CANNOT_UNDERSTAND if is_unreadable else NOT_DEIDENTIFIED, str(error))
        except OriginError as fault:
            self._fail(sent, PROCESSING_FAILURE, str(fault))
            self._fault = fault
        else:
            if not result.acknowledged:
                self._fail(sent, result.failure_reason or PROCESSING_FAILURE, "the origin server did not take it")
                return
            held, outside = prepared.held, prepared.outside
            self._outcomes.append(
                InstanceOutcome(
                    sent,
                    warning=result.warning_reason,
                    retrieve_url=f"{self.base_url}/studies/{outside.study_instance_uid}"
                    f"/series/{outside.series_instance_uid}/instances/{outside.sop_instance_uid}",
                )
            )
            await self._record(outside, held)

    async def _record(self, outside: InstanceIdentity, held: InstanceIdentity) -> None:
        """Record the UIDs of a stored instance in the identity map, many at a time."""
        if not self.project.policy.replaces_uids:
            return
        self._stored += [
            (Kind.STUDY, outside.study_instance_uid, held.study_instance_uid),
            (Kind.SERIES, outside.series_instance_uid, held.series_instance_uid),
            (Kind.INSTANCE, outside.sop_instance_uid, held.sop_instance_uid),
        ]
        if len(self._stored) >= _RECORDED_AT_A_TIME:
            stored, self._stored = self._stored, []
            await self.project.translation.record(stored)

    def _refuse_unread(self, sent: InstanceIdentity | None, message: str) -> None:
        """Report an instance that cannot be read: by its UID, or else as one more failure."""
        if sent is not None and sent.sop_instance_uid:
            self._fail(sent, CANNOT_UNDERSTAND, message)
            return
        self._not_stored.note(message)
        self._unread += 1

    def _fail(self, sent: InstanceIdentity, reason: int, message: str) -> None:
        self._not_stored.note(message, logging.ERROR if reason == OUT_OF_RESOURCES else logging.WARNING)
        self._outcomes.append(InstanceOutcome(sent, failure=reason))


class _Instance:
    """A part that is a Part 10 instance. An error is kept until the end of the part."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.error: EngineError | OSError | None = None

    async def feed(self, data: bytes | memoryview) -> None:
        if self.error is None:
            try:
                await self.intake.feed(data)
            except (EngineError, OSError) as fault:
                self.error = _without_frames(fault)

    async def close(self) -> None:
        if self.error is None:
            try:
                await self.intake.close()
            except (EngineError, OSError) as fault:
                self.error = _without_frames(fault)

    def discard(self) -> None:
        self.intake.discard()


def _without_frames(fault: EngineError | OSError) -> EngineError | OSError:
    """The error without traceback, which would keep the part in memory until the next garbage collection."""
    fault.__context__ = None
    return fault.with_traceback(None)


class _Metadata:
    """The parts with metadata, one document in JSON or one for each instance in XML, and the parts with bulk data."""

    def __init__(self, limits: Limits, media_type: str) -> None:
        self.datasets: list[ObjectText] = []
        self._limits = limits
        self._limit = limit = limits.header_bytes
        self._media_type = media_type
        self._stream: TextStream | NativeXMLReader | None = None
        self._turns = Turns()
        self._size = 0
        self._file = Spool()
        self.bulk_data = BulkData(cast(BinaryIO, self._file), limit)
        self._part: tuple[str, int, str, str | None] | None = None

    def takes(self, media_type: str) -> bool:
        """Whether another document may follow: in XML each instance has its own, before all bulk data."""
        return media_type == self._media_type == DICOM_XML and not self._file.size

    def begin_document(self) -> None:
        """Start a part with metadata."""
        limits = self._limits
        is_xml = self._media_type == DICOM_XML
        self._stream = NativeXMLReader(limits.nesting) if is_xml else TextStream(limits.header_bytes)

    def begin(self, name: str, media_type: str, transfer_syntax: str | None) -> None:
        """Start a part with bulk data."""
        self._part = (name, self._file.size, media_type, transfer_syntax)

    async def feed(self, data: bytes | memoryview) -> None:
        if self._stream is None:
            try:
                self._file.add((data,))
            except OSError:
                raise StateUnavailable("the folder for temporary files cannot be written") from None
            return
        self._size += len(data)
        if self._size > self._limit:
            raise PayloadTooLarge(f"the metadata is over {self._limit} bytes (limits.header_bytes)")
        try:
            if isinstance(self._stream, NativeXMLReader):
                for start in range(0, len(data), _XML_AT_A_TIME):
                    self._stream.feed(bytes(data[start : start + _XML_AT_A_TIME]))
                    await self._turns.spend(_XML_AT_A_TIME)
            else:
                self.datasets += await parsed(self._stream, bytes(data), self._turns)
        except InvalidDataSetError as error:
            raise BadRequest(str(error)) from None
        self._check_count()

    def _check_count(self) -> None:
        if len(self.datasets) > self._limits.objects:
            raise PayloadTooLarge(f"the metadata has over {self._limits.objects} data sets (limits.objects)")

    async def end(self) -> None:
        if self._part:
            name, start, media_type, transfer_syntax = self._part
            self.bulk_data.add(name, Bulk(start, self._file.size - start, media_type, transfer_syntax))
        elif self._stream:
            try:
                if isinstance(self._stream, NativeXMLReader):
                    self.datasets.append(await beside(ObjectText.of, self._stream.close()))
                else:
                    self.datasets += await beside(self._stream.close)
            except InvalidDataSetError as error:
                raise BadRequest(str(error)) from None
            self._check_count()
            self._stream = None

    def discard(self) -> None:
        self._file.close()


_Part = _Instance | _Metadata


def refuse() -> None:
    """Refuse a store request under `store = "refuse"`. Raises Conflict."""
    raise Conflict('instances are not accepted here: the setting store is "refuse"')
