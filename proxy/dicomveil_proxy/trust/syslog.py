"""Sends audit messages to a syslog server: RFC 5424 over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426).

A thread sends them, so that no request waits for the server. While it cannot be reached, messages are queued. When the
queue is full, `send` fails, which is fatal for a request if `audit.required` is set. UDP may lose messages silently.
"""

from __future__ import annotations

import logging
import os
import queue
import select
import socket
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from errno import EMSGSIZE, ENOBUFS
from threading import Event, Thread

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.trust.audit import AuditEvent
from dicomveil_proxy.trust.audit_message import audit_message, outcome_of

WAITING_MESSAGES = 10_000
_FACILITY = 10
"""Security and authorization."""
_SEVERITIES = {"0": 5, "4": 4, "8": 3}
"""Notice, warning, error, by the outcome."""
_MESSAGE_ID = "DICOM+RFC3881"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TIMEOUT_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 30.0
_CLOSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Syslog:
    """The connection to one syslog server."""

    def __init__(self, transport: str, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        """`context` is given for TLS."""
        self._transport = transport
        self._address = (host, port)
        self._context = context
        self._here = socket.gethostname()
        self._queue: queue.Queue[bytes] = queue.Queue(WAITING_MESSAGES)
        self._ending = Event()
        self._connection: socket.socket | None = None
        self._thread: Thread | None = None

    def send(self, event: AuditEvent, now: float) -> None:
        """Queue a message. Raises OSError if the queue is full."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="syslog", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(self.line(event, now))
        except queue.Full:
            raise OSError(ENOBUFS, "too many messages wait for the syslog server") from None

    def line(self, event: AuditEvent, now: float) -> bytes:
        """The message in the format of RFC 5424 Section 6."""
        priority = 8 * _FACILITY + _SEVERITIES[outcome_of(event)]
        when = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        head = f"<{priority}>1 {when} {self._here} dicomveil {os.getpid()} {_MESSAGE_ID} - "
        return head.encode("ascii", "replace") + _BYTE_ORDER_MARK + audit_message(event, now, self._here)

    def close(self) -> None:
        """Send queued messages, within a few seconds."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)
        if not self._queue.empty():
            _log.error("audit.syslog: %d messages were not sent", self._queue.qsize())

    def _run(self) -> None:
        pause = 1.0
        while not (self._ending.is_set() and self._queue.empty()):
            try:
                message = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            while True:
                try:
                    self._deliver(message)
                    pause = 1.0
                    break
                except OSError as error:
                    self._disconnect()
                    if error.errno == EMSGSIZE:
                        # Of UDP; it would never be sent, nor any that follows.
                        _log.error("audit.syslog: a message was not sent, since it is longer than a datagram")
                        break
                    _log.error(
                        "audit.syslog: the server cannot be reached (%s)", error.strerror or type(error).__name__
                    )
                    if self._ending.wait(pause):
                        _log.error("audit.syslog: a message was not sent")
                        return
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._disconnect()

    def _deliver(self, message: bytes) -> None:
        """Send a message. Raises OSError."""
        if self._transport == "udp":
            family = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family[0], socket.SOCK_DGRAM) as datagram:
                datagram.sendto(message, family[4])
            return
        connection = self._connected()
        connection.sendall(b"%d %b" % (len(message), message))

    def _connected(self) -> socket.socket:
        """The connection; a new one if the server has closed it. Servers send nothing: readable means closed."""
        if self._connection is not None and select.select([self._connection], [], [], 0)[0]:
            self._disconnect()
        if self._connection is None:
            connection = socket.create_connection(self._address, _TIMEOUT_SECONDS)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_hostname=self._address[0])
            self._connection = connection
            _read_tickets(connection)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None


def _read_tickets(connection: socket.socket) -> None:
    """Read the session tickets that TLS 1.3 sends after the handshake, or they would be taken for EOF."""
    if not isinstance(connection, ssl.SSLSocket):
        return
    connection.settimeout(0.0)
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        with suppress(ssl.SSLWantReadError):
            connection.recv(1)
        select.select([connection], [], [], 0.05)
    connection.settimeout(_TIMEOUT_SECONDS)


def syslog_of(settings: AuditSettings) -> Syslog | None:
    """The syslog server of the settings, if any. Raises ConfigurationError."""
    address = settings.syslog_address
    if address is None:
        return None
    transport, host, port = address
    try:
        context = ssl.create_default_context(cafile=settings.syslog_ca) if transport == "tls" else None
    except OSError as error:
        raise ConfigurationError(f"audit.syslog_ca: it cannot be used ({error.strerror or 'not PEM'})") from None
    return Syslog(transport, host, port, context)
