"""Store (STOW-RS, PS3.18 Section 10.5): identified instances come in, de-identified ones are stored.

Each instance is de-identified on its way into a spool and sent on alone, so that one that fails does not harm
the others, and nothing is reported stored that the origin server did not name in its own answer. The spool
holds de-identified bytes only.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from dicomveil_engine import EngineError, InstanceIdentity, InstanceRewriter, JSONDataSet
from dicomveil_proxy.errors import (
    Conflict,
    OriginError,
    OriginTimeout,
    OriginUnavailable,
    PayloadTooLarge,
    UnknownResource,
)
from dicomveil_proxy.identity import Identity, Kind
from dicomveil_proxy.media_type import DICOM
from dicomveil_proxy.multipart import Event, PartData, PartEnd, PartStart, content_type_of
from dicomveil_proxy.project import Project
from dicomveil_proxy.query import Level
from dicomveil_proxy.translation import text_of

# (0008,1197) FailureReason, PS3.18 Table I.2-2 and PS3.4 Table B.2-1.
PROCESSING_FAILURE = 0x0110
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
STUDY_MISMATCH = 0x0110
NOT_DEIDENTIFIED = 0xC409
"""Coerced to a private code of the C000 range: the policy has no safe output."""
TWIN = 0xC410
"""Of the same range: the origin server holds the original of what would be stored de-identified."""

_SPOOL_IN_MEMORY = 1 << 20
_CHUNK = 1 << 18

_log = logging.getLogger(__name__)


@dataclass
class _Outcome:
    """What became of one instance, in the sender's terms."""

    sent: InstanceIdentity
    failure: int | None = None
    warning: int | None = None
    retrieve_url: str = ""


@dataclass
class StoreResponse:
    """The answer to a store request (PS3.18 Section 10.5.3)."""

    status: int
    dataset: JSONDataSet


@dataclass
class Storing:
    """One store request on its way: fed the events of its multipart body."""

    project: Project
    base_url: str
    study: str | None = None
    """The study in the path, in pseudonymised space."""
    _outcomes: list[_Outcome] = field(default_factory=list)
    _unread: int = 0
    """Parts that are no instance, or cannot be read, and so have no UIDs to be named by."""
    _originals_present: dict[str, bool] = field(default_factory=dict)
    _fault: OriginError | None = None
    """The first of the origin server's own; what the request ends with where it took nothing."""

    async def run(self, events: AsyncIterator[Event]) -> StoreResponse:
        """Store all parts. Raises what reading the body raises; what was stored until then stays stored."""
        rewriter: InstanceRewriter | None = None
        error: EngineError | OSError | None = None
        spool: IO[bytes] | None = None
        size = 0
        try:
            async for event in events:
                if isinstance(event, PartStart):
                    media_type, _ = content_type_of(event.headers.get("content-type"))
                    rewriter = InstanceRewriter(self.project.policy) if media_type in {DICOM, None} else None
                    error, size = None, 0
                    _discard(spool)
                    spool = tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY)  # noqa: SIM115 (closed below)
                    continue
                if rewriter is None:
                    self._unread += isinstance(event, PartEnd)
                    continue
                assert spool is not None
                if error is None:
                    try:
                        chunks = rewriter.feed(event.data) if isinstance(event, PartData) else rewriter.close()
                        size += sum(map(len, chunks))
                        spool.writelines(chunks)
                        if isinstance(event, PartEnd):
                            spool.seek(0)  # writes what it still holds
                    except (EngineError, OSError) as fault:
                        error = fault
                if isinstance(event, PartEnd):
                    await self._store(rewriter, spool, size, error)
                    rewriter = None
        finally:
            _discard(spool)
        return self._response()

    async def _store(
        self, rewriter: InstanceRewriter, spool: IO[bytes], size: int, error: EngineError | OSError | None
    ) -> None:
        sent, outside = rewriter.original, rewriter.deidentified
        if sent is None or outside is None or not sent.sop_instance_uid:
            _log.warning("an instance was not stored: %s", error or "it has no SOP Instance UID")
            self._unread += 1
            return
        outcome = _Outcome(sent)
        self._outcomes.append(outcome)
        if isinstance(error, OSError):
            _log.error("an instance was not stored: the folder for temporary files cannot be written")
            outcome.failure = OUT_OF_RESOURCES
        elif error is not None:
            _log.warning("an instance was not stored: %s", error)
            outcome.failure = NOT_DEIDENTIFIED
        elif not (sent.study_instance_uid and sent.series_instance_uid):
            outcome.failure = CANNOT_UNDERSTAND
        elif self.study is not None and self.study not in {outside.study_instance_uid, sent.study_instance_uid}:
            outcome.failure = STUDY_MISMATCH
        elif isinstance(self._fault, (OriginUnavailable, OriginTimeout)):
            outcome.failure = PROCESSING_FAILURE  # as those before it: the origin server is not asked again
        else:
            try:
                await self._send(outcome, outside, spool, size)
            except OriginError as fault:
                _log.warning("an instance was not stored: %s", fault)
                outcome.failure = PROCESSING_FAILURE
                self._fault = fault

    async def _send(self, outcome: _Outcome, outside: InstanceIdentity, spool: IO[bytes], size: int) -> None:
        if await self._has_original(outcome.sent):
            outcome.failure = TWIN
            return
        result = await self.project.origin.store(None, outside.sop_instance_uid, spool, size)  # type: ignore[arg-type]
        if not result.acknowledged:
            outcome.failure = result.failure_reason or PROCESSING_FAILURE
            return
        outcome.warning = result.warning_reason
        outcome.retrieve_url = (
            f"{self.base_url}/studies/{outside.study_instance_uid}/series/{outside.series_instance_uid}"
            f"/instances/{outside.sop_instance_uid}"
        )
        await self._remember(outside)

    async def _has_original(self, sent: InstanceIdentity) -> bool:
        """Whether the origin server holds the study under its original UID: a copy beside it would be its twin.

        What comes de-identified already is looked up by its pseudonym: if that stands for an original there,
        the study is at home under its own UID.
        """
        project, study = self.project, sent.study_instance_uid
        if not project.policy.replaces_uids or not study:
            return False
        known = self._originals_present.get(study)
        if known is None:
            original: str | None = study
            if project.policy.is_pseudonym_uid(study):
                original = await project.translation.study_held_as(study)
            known = False
            if original and not project.policy.is_pseudonym_uid(original):
                with suppress(UnknownResource):  # it is no legal UID
                    found = await project.origin.search(
                        Level.STUDIES, None, None, [("StudyInstanceUID", original)], limit=1, offset=0
                    )
                    known = any(text_of(match, "0020000D") == original for match in found)
            self._originals_present[study] = known
        return known

    async def _remember(self, outside: InstanceIdentity) -> None:
        """The origin server holds these under their pseudonyms."""
        if not self.project.policy.replaces_uids:
            return
        held: list[Identity] = [
            (Kind.STUDY, outside.study_instance_uid, outside.study_instance_uid),
            (Kind.SERIES, outside.series_instance_uid, outside.series_instance_uid),
            (Kind.INSTANCE, outside.sop_instance_uid, outside.sop_instance_uid),
        ]
        await self.project.translation.remember([identity for identity in held if identity[1]])

    def _response(self) -> StoreResponse:
        stored = [outcome for outcome in self._outcomes if outcome.failure is None]
        failed = [outcome for outcome in self._outcomes if outcome.failure is not None]
        if self._fault and not stored:
            raise self._fault
        dataset: JSONDataSet = {}
        studies = {outcome.retrieve_url.partition("/series/")[0] for outcome in stored}
        if len(studies) == 1:
            dataset["00081190"] = {"vr": "UR", "Value": [*studies]}
        if failed:
            dataset["00081198"] = {"vr": "SQ", "Value": [_failed_item(outcome) for outcome in failed]}
        if stored:
            dataset["00081199"] = {"vr": "SQ", "Value": [_stored_item(outcome) for outcome in stored]}
        if self._unread:
            # (0008,119A) Other Failures Sequence: what has no UIDs to be named by.
            other = {"00081197": {"vr": "US", "Value": [CANNOT_UNDERSTAND]}}
            dataset["0008119A"] = {"vr": "SQ", "Value": [other] * self._unread}
        if not stored and not failed and not self._unread:
            return StoreResponse(204, dataset)
        if not failed and not self._unread:
            return StoreResponse(200, dataset)
        if not stored and any(outcome.failure == OUT_OF_RESOURCES for outcome in failed):
            return StoreResponse(503, dataset)
        return StoreResponse(202 if stored else 409, dataset)


def _discard(spool: IO[bytes] | None) -> None:
    with suppress(OSError):  # a full disk fails once more
        if spool:
            spool.close()


def _reference(outcome: _Outcome) -> JSONDataSet:
    return {
        "00081150": {"vr": "UI", "Value": [outcome.sent.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [outcome.sent.sop_instance_uid]},
    }


def _stored_item(outcome: _Outcome) -> JSONDataSet:
    item = _reference(outcome)
    item["00081190"] = {"vr": "UR", "Value": [outcome.retrieve_url]}
    if outcome.warning is not None:
        item["00081196"] = {"vr": "US", "Value": [outcome.warning]}
    return item


def _failed_item(outcome: _Outcome) -> JSONDataSet:
    item = _reference(outcome)
    item["00081197"] = {"vr": "US", "Value": [outcome.failure]}
    return item


def bounded(limit: int, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body, until it is longer than the limit: then PayloadTooLarge."""

    async def counted() -> AsyncIterator[bytes]:
        total = 0
        async for chunk in body:
            total += len(chunk)
            if total > limit:
                raise PayloadTooLarge(f"the request's body is over {limit} bytes (limits.request_bytes)")
            yield chunk

    return counted()


def refuse() -> None:
    """What a project that takes no instances answers."""
    raise Conflict('instances are not taken here: the setting store is "refuse"')
