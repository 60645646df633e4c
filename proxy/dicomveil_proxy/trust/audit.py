"""The audit: one event for each access, refusal and change, written before its answer begins.

An event holds who, when, in which project, which transaction, on which pseudonyms, and with which outcome. It never
holds an original, a value of a query, or a credential: the fields of `AuditEvent` are all there is, and `recording.py`
and other callers put only words of ours, pseudonyms and numbers into them.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust.audit_file import AuditFile, make_key

if TYPE_CHECKING:
    from dicomveil_proxy.settings.access import AuditSettings

_HEAD_SECONDS = 3600
_COMPLAINT_SECONDS = 60

_log = logging.getLogger(__name__)


class Action(StrEnum):
    """What happened."""

    ACCESS = "access"
    """A request is about to be answered; of a store, about to be taken."""
    ENDED = "ended"
    """An answer that was sent as it was made, or a store, has ended."""
    REFUSAL = "refusal"
    """A request was not admitted."""
    START = "start"
    STOP = "stop"
    CONFIGURATION = "configuration"
    """The rules of a project at the start, by a digest."""
    KEYS = "keys"
    """The keys of a project at the start, by their versions or a digest."""
    EXPORT = "export"
    ORIGINAL_SHOWN = "original-shown"
    GUARD = "guard"
    """The leak guard found an original in what was about to leave."""
    ADMIN = "admin"


@dataclass(frozen=True)
class AuditEvent:
    """One line. What is None or empty is left out."""

    action: Action
    outcome: int | str | None = None
    """The status of an answer, or a word."""
    subject: str | None = None
    """As `Subject.label` has it."""
    address: str | None = None
    """From where the request came: an IP address."""
    project: str | None = None
    """The project's label."""
    transaction: str | None = None
    request_id: str | None = None
    """As in the answer's X-Request-Id."""
    study: str | None = None
    """The pseudonymous StudyInstanceUID."""
    series: str | None = None
    instance: str | None = None
    count: int | None = None
    """How many results, or instances."""
    query: tuple[str, ...] = ()
    """Names of the keys of a search, never values."""
    bytes: int | None = None
    """Size of the answer's body."""
    reason: str | None = None
    """One of our own words, such as the code of a problem."""
    details: Mapping[str, str | int] = field(default_factory=dict)
    """Further words of ours, numbers and digests."""

    def fields(self, now: float) -> dict[str, object]:
        """As they stand in a line."""
        named: dict[str, object] = {
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "event": self.action.value,
        }
        for name in _FIELDS:
            value = getattr(self, name)
            if value is not None and value != ():
                named[name] = value
        if self.details:
            named["details"] = dict(self.details)
        return named


_FIELDS = (
    "outcome",
    "subject",
    "address",
    "project",
    "transaction",
    "request_id",
    "study",
    "series",
    "instance",
    "count",
    "query",
    "bytes",
    "reason",
)


class Messages(Protocol):
    """Where events are sent besides the file: see `syslog.py`."""

    def send(self, event: AuditEvent, now: float) -> None:
        """Send one, later. Raises OSError where it cannot be kept until then."""

    def close(self) -> None:
        """Send what waits, within a few seconds."""


class Audit:
    """Writes events down. Of one process; not for several threads at a time."""

    def __init__(self, file: AuditFile | None, messages: Messages | None = None, *, required: bool = True) -> None:
        self._file = file
        self._messages = messages
        self._required = required
        self._complained = float("-inf")
        self._published = time.monotonic()
        self._is_failing = False

    def is_writable(self) -> bool:
        """Whether the next event can be written, as far as that can be seen; True where it need not be."""
        if not self._required or self._file is None:
            return not (self._required and self._is_failing)
        folder = self._file.path.parent
        try:
            return os.access(folder, os.W_OK) and os.statvfs(folder).f_bavail > 0
        except OSError:
            return False

    @property
    def is_kept(self) -> bool:
        """Whether events are written anywhere."""
        return self._file is not None or self._messages is not None

    def record(self, event: AuditEvent) -> None:
        """Write an event down. When this returns, the line is in the file (not necessarily on the disk yet).

        Raises AuditUnavailable where it cannot be, and `audit.required` says that it must. Some 20 µs.
        """
        now = time.time()
        try:
            if self._file is not None:
                self._file.append(lambda: event.fields(now))
            if self._messages is not None:
                self._messages.send(event, now)
            self._is_failing = False
        except OSError as error:
            self._is_failing = True
            self._complain(error)
            if self._required:
                raise AuditUnavailable("the audit cannot be written") from None
        self._publish()

    def close(self) -> None:
        """Close the file and the connection."""
        if self._file is not None:
            _log.info("audit: the head of %s is %s", self._file.path.name, self._file.head)
            self._file.close()
        if self._messages is not None:
            self._messages.close()

    def _complain(self, error: OSError) -> None:
        now = time.monotonic()
        if now - self._complained >= _COMPLAINT_SECONDS:
            self._complained = now
            _log.critical("the audit cannot be written (%s)", error.strerror or type(error).__name__)

    def _publish(self) -> None:
        """Put the chain's head into the log, each hour: with it, lines that are cut off at the end are noticed."""
        now = time.monotonic()
        if self._file is not None and now - self._published >= _HEAD_SECONDS:
            self._published = now
            _log.info("audit: the head of %s is %s", self._file.path.name, self._file.head)


def open_audit(settings: AuditSettings, messages: Messages | None = None) -> Audit:
    """The audit that the settings describe. Raises ConfigurationError."""
    file = None
    if settings.file is not None:
        key = audit_key(settings.file, settings.key_file, makes=True)
        file = AuditFile(settings.file, key, rotate_bytes=settings.rotate_bytes)
    return Audit(file, messages, required=settings.required)


def audit_key(file: Path, key_file: Path | None, *, makes: bool = False) -> bytes:
    """The key of a chain: that of the settings, or the one beside the file. Raises ConfigurationError."""
    if key_file is None:
        key_file = default_key_file(file)
        if makes and not key_file.exists():
            try:
                make_key(key_file)
            except OSError as error:
                raise ConfigurationError(f"audit.file: its key cannot be written ({error.strerror})") from None
    try:
        return read_key(key_file)
    except ConfigurationError as error:
        raise ConfigurationError(f"audit.{error}") from None


def default_key_file(file: Path) -> Path:
    """Where the key of a chain is, if nothing else is said: beside the first worker's file."""
    return file.with_name(f"{file.name}.key")
