"""Recording: an audit event for each request, written before its response starts.

Around admission, so that refusals are recorded, too. The start of a response is held back until its first piece: a
response in one piece has one event with its size, a streamed one has an event before it and another at its end. A store
has an event before its body is read. If a required event cannot be written, the response is 503.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_engine.attributes.dictionary import keyword_of, tag_of
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust.audit import Action, Audit, AuditEvent
from dicomveil_proxy.trust.guarded_routes import RequiredAccess, is_open, is_refused, required_access_of
from dicomveil_proxy.trust.peers import Peers
from dicomveil_proxy.trust.subject import known_subject_of
from dicomveil_proxy.wire.problems import problem_response

_COUNT = "dicomveil.count"
_UIDS = re.compile("/(studies|series|instances)/([0-9.]{1,64})(?=/|$)")
_LEVELS = {"studies": "study", "series": "series", "instances": "instance"}
_WADO = {"studyUID": "study", "seriesUID": "series", "objectUID": "instance"}
_TAG = re.compile("[0-9A-Fa-f]{8}")
_OTHER_NAMES = frozenset(
    (
        *("accept", "annotation", "emptyvaluematching", "fuzzymatching", "iccprofile", "includefield", "limit"),
        *("multiplevaluematching", "offset", "quality", "viewport", "window"),
        *("anonymize", "charset", "columns", "contentType", "frameNumber", "imageQuality", "objectUID", "requestType"),
        *("rows", "seriesUID", "studyUID", "transferSyntax", "windowCenter", "windowWidth"),
    )
)
"""Query parameters of PS3.18, besides attributes."""
OTHER_KEYS = "other"
"""Recorded instead of an unknown key, which may be anything, even a patient's name."""
_MAXIMUM_NAMES = 64
_REFUSALS_PER_SECOND = 10
"""Refusals without valid credentials that are recorded individually; further ones are counted."""

IsPseudonym = Callable[[str], bool]


def note_count(scope: Scope, count: int) -> None:
    """Set the number of results or instances for the audit event of a request."""
    scope[_COUNT] = count


class Recording:
    """Records each request in the audit."""

    def __init__(
        self, application: ASGIApp, *, audit: Audit, pseudonyms: Mapping[str, IsPseudonym | None], peers: Peers
    ) -> None:
        """`pseudonyms`: project's label → test for its pseudonymous UIDs; None for one that keeps original UIDs."""
        self._peers = peers
        self._application = application
        self._audit = audit
        self._pseudonyms = pseudonyms
        self._refusals = _Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http" or is_open(scope) or not self._audit.is_kept:
            await self._application(scope, receive, send)
            return
        await _Answer(self, scope, receive, send).run(self._application)

    def record(self, event: AuditEvent) -> None:
        """Record an event. Raises AuditUnavailable."""
        self._audit.record(event)

    def refused(self, scope: Scope, status: int, size: int | None) -> None:
        """Record a request that was not admitted, or count it if there are very many."""
        subject = known_subject_of(scope)
        unrecorded = 0
        if subject is None:
            is_written, unrecorded = self._refusals.next()
            if not is_written:
                return
        self.record(
            AuditEvent(
                Action.REFUSAL,
                status,
                subject=subject.label if subject else None,
                address=self._peers.address(scope),
                request_id=scope.get("request_id"),
                bytes=size,
                details={"not_recorded": unrecorded} if unrecorded else {},
            )
        )

    def event(
        self, action: Action, scope: Scope, access: RequiredAccess, outcome: int | str, size: int | None
    ) -> AuditEvent:
        """The event of a request that was admitted, or refused within a project."""
        subject = known_subject_of(scope)
        project = access.project
        is_search = access.right is Right.SEARCH
        uids = _uids(scope, self._pseudonyms.get(project) if project else None)
        return AuditEvent(
            action,
            outcome,
            subject=subject.label if subject else None,
            address=self._peers.address(scope),
            project=project,
            transaction=access.right.value,
            request_id=scope.get("request_id"),
            study=uids.get("study"),
            series=uids.get("series"),
            instance=uids.get("instance"),
            count=scope.get(_COUNT),
            query=query_names(scope["query_string"]) if is_search else (),
            bytes=size,
        )


class _Answer:
    """One request and its response."""

    def __init__(self, recording: Recording, scope: Scope, receive: Receive, send: Send) -> None:
        self._recording = recording
        self._scope = scope
        self._receive = receive
        self._send = send
        self._start: Message | None = None
        """The start of the response, held back until the first piece of its body."""
        self._status = 0
        self._size = 0
        self._is_begun = False
        """Whether the response has started."""
        self._ends_later = False
        self._is_whole = False
        self._failure: AuditUnavailable | None = None

    async def run(self, application: ASGIApp) -> None:
        """Run the application, and record its response. Raises what the application raises."""
        try:
            await application(self._scope, self._before, self._sent)
        except Exception:
            if self._failure is None:
                self._failed()
                raise
        finally:
            if self._ends_later:
                self._ended()
        if self._failure is not None and not self._is_begun:
            await problem_response(self._failure, self._scope.get("request_id", ""))(
                self._scope, self._receive, self._send
            )

    def _failed(self) -> None:
        """Record status 500 for an exception, to which an outer middleware responds. Raises AuditUnavailable."""
        access = required_access_of(self._scope)
        self._status = 500
        if access is not None and not self._is_begun and not self._ends_later:
            self._recording.record(self._recording.event(Action.ACCESS, self._scope, access, self._status, None))

    async def _before(self) -> Message:
        """Receive a piece of the request's body; a store is recorded before its first piece."""
        access = required_access_of(self._scope)
        if access is not None and access.right is Right.STORE and not self._ends_later:
            self._record(self._recording.event(Action.ACCESS, self._scope, access, "begun", None))
            self._ends_later = True
        return await self._receive()

    async def _sent(self, message: Message) -> None:
        if self._failure is not None:
            raise self._failure
        if message["type"] == "http.response.start":
            self._start, self._status = message, message["status"]
            return
        more = message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._start is not None:
            if not self._ends_later:
                self._begun(more)
            start, self._start, self._is_begun = self._start, None, True
            await self._send(start)
        await self._send(message)
        self._is_whole = not more

    def _begun(self, more: bool) -> None:
        access = required_access_of(self._scope)
        size = None if more else self._size
        if access is None:
            self._record_refusal(size)
            return
        action = Action.REFUSAL if is_refused(self._scope) else Action.ACCESS
        self._record(self._recording.event(action, self._scope, access, self._status, size))
        self._ends_later = more

    def _record_refusal(self, size: int | None) -> None:
        try:
            self._recording.refused(self._scope, self._status, size)
        except AuditUnavailable as error:
            self._failure = error
            raise

    def _record(self, event: AuditEvent) -> None:
        try:
            self._recording.record(event)
        except AuditUnavailable as error:
            self._failure = error
            raise

    def _ended(self) -> None:
        access = required_access_of(self._scope)
        assert access is not None
        outcome: int | str = self._status if self._is_whole else "broken off"
        # The response has been sent, and its start is recorded. The failure is logged by the audit.
        with suppress(AuditUnavailable):
            self._recording.record(self._recording.event(Action.ENDED, self._scope, access, outcome, self._size))


class _Refusals:
    """Limits the recorded refusals without credentials, which anybody can cause, and which must not fill the disk."""

    def __init__(self) -> None:
        self._second = 0
        self._written = 0
        self._unwritten = 0

    def next(self) -> tuple[bool, int]:
        """Whether to record the next one, and the number not recorded since the last one that was."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= _REFUSALS_PER_SECOND:
            self._unwritten += 1
            return False, 0
        self._written += 1
        unwritten, self._unwritten = self._unwritten, 0
        return True, unwritten


def query_names(query_string: bytes) -> tuple[str, ...]:
    """The names of a query's keys; those that are not the standard's become `other`."""
    if not query_string:
        return ()
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=512)
    except ValueError:
        return (OTHER_KEYS,)
    names = dict.fromkeys(name if _is_standard(name) else OTHER_KEYS for name, _ in pairs[:_MAXIMUM_NAMES])
    return tuple(names)


def _is_standard(name: str) -> bool:
    if name in _OTHER_NAMES:
        return True
    steps = name.split(".")
    return len(steps) <= 8 and all(_is_attribute(step) for step in steps)


def _is_attribute(step: str) -> bool:
    if _TAG.fullmatch(step):
        return bool(keyword_of(int(step, 16)))
    return tag_of(step) is not None


def _uids(scope: Scope, is_pseudonym: IsPseudonym | None) -> dict[str, str]:
    """The pseudonymous UIDs in a request. Any other UID may be an original, and is not recorded."""
    if is_pseudonym is None:
        return {}
    path: str = scope["path"]
    named = {_LEVELS[level]: uid for level, uid in _UIDS.findall(path)}
    if path.endswith("/wado") and len(scope["query_string"]) < 4096:
        pairs = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        named = {_WADO[name]: uid for name, uid in pairs.items() if name in _WADO}
    return {level: uid for level, uid in named.items() if len(uid) <= 64 and is_pseudonym(uid)}
