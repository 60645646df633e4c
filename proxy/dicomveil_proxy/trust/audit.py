"""The audit trail: one event for each access, refusal and change, written before the response starts.

An event has subject, time, project, transaction, pseudonyms and outcome. It has no original, value of a query, or
credential: callers put only fixed words, pseudonyms and numbers into the fields of `AuditEvent`.
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
    """The kind of an event."""

    ACCESS = "access"
    """A response is about to start, or a store request about to be read."""
    ENDED = "ended"
    """A streamed response, or a store request, has ended."""
    REFUSAL = "refusal"
    """A request was not admitted."""
    START = "start"
    STOP = "stop"
    CONFIGURATION = "configuration"
    """A project's rules at the start of the server, as a digest."""
    KEYS = "keys"
    """A project's keys at the start of the server, as fingerprints."""
    EXPORT = "export"
    ORIGINAL_SHOWN = "original-shown"
    GUARD = "guard"
    """The leak guard found an original in the output."""
    ADMIN = "admin"


@dataclass(frozen=True)
class AuditEvent:
    """One line of the audit trail. Fields that are None or empty are omitted."""

    action: Action
    outcome: int | str | None = None
    """The status of a response, or a word."""
    subject: str | None = None
    """The subject's label (`Subject.label`)."""
    address: str | None = None
    """The client's IP address."""
    project: str | None = None
    """The project's label."""
    transaction: str | None = None
    request_id: str | None = None
    """The response's X-Request-Id."""
    study: str | None = None
    """The pseudonymous StudyInstanceUID."""
    series: str | None = None
    instance: str | None = None
    count: int | None = None
    """Number of results or instances."""
    query: tuple[str, ...] = ()
    """Names of a search's keys, never values."""
    bytes: int | None = None
    """Size of the response's body."""
    reason: str | None = None
    """A fixed word, such as the code of a problem."""
    details: Mapping[str, str | int] = field(default_factory=dict)
    """Further fixed words, numbers and digests."""

    def fields(self, now: float) -> dict[str, object]:
        """The fields of the line."""
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
    """A destination of events besides the file: see `syslog.py`."""

    def send(self, event: AuditEvent, now: float) -> None:
        """Queue an event. Raises OSError if the queue is full."""

    def close(self) -> None:
        """Send queued events, within a few seconds."""


class Audit:
    """The audit trail of one process; not thread-safe."""

    def __init__(self, file: AuditFile | None, messages: Messages | None = None, *, required: bool = True) -> None:
        self._file = file
        self._messages = messages
        self._required = required
        self._complained = float("-inf")
        self._published = time.monotonic()
        self._is_failing = False

    def is_writable(self) -> bool:
        """Whether the next event can probably be written; True if it need not be."""
        if not self._required or self._file is None:
            return not (self._required and self._is_failing)
        folder = self._file.path.parent
        try:
            return os.access(folder, os.W_OK) and os.statvfs(folder).f_bavail > 0
        except OSError:
            return False

    @property
    def is_kept(self) -> bool:
        """Whether there is a file or another destination."""
        return self._file is not None or self._messages is not None

    def record(self, event: AuditEvent) -> None:
        """Write an event. Afterwards the line is in the file, though not necessarily synced to disk.

        Raises AuditUnavailable if that fails and `audit.required` is set. Takes some 20 µs.
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
        """Log the head of the chain every hour: it shows whether lines were later removed from the end."""
        now = time.monotonic()
        if self._file is not None and now - self._published >= _HEAD_SECONDS:
            self._published = now
            _log.info("audit: the head of %s is %s", self._file.path.name, self._file.head)


def open_audit(settings: AuditSettings, messages: Messages | None = None) -> Audit:
    """The audit trail of the settings. Raises ConfigurationError."""
    file = None
    if settings.file is not None:
        key = audit_key(settings.file, settings.key_file, makes=True)
        file = AuditFile(settings.file, key, rotate_bytes=settings.rotate_bytes)
    return Audit(file, messages, required=settings.required)


def audit_key(file: Path, key_file: Path | None, *, makes: bool = False) -> bytes:
    """The key of a chain: from the settings, or from beside the file. Raises ConfigurationError."""
    if key_file is None:
        key_file = default_key_file(file)
        if makes and not key_file.exists():
            try:
                make_key(key_file)
            except OSError as error:
                raise ConfigurationError(
                    f"audit.file: its key cannot be written ({error.strerror}); make the folder "
                    "of audit.file, or set audit.key_file"
                ) from None
    try:
        return read_key(key_file)
    except ConfigurationError as error:
        raise ConfigurationError(f"audit.{error}") from None


def default_key_file(file: Path) -> Path:
    """The default path of a chain's key: beside the first worker's file."""
    return file.with_name(f"{file.name}.key")
