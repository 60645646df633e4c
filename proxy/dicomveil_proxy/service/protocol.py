"""HTTP/1.1 on one connection: uvicorn's protocol with limits on request heads, in bytes and in time.

Uvicorn has neither limit: a client that sends an endless head, or one byte of it every minute, holds a connection
and its memory for ever. Nothing here depends on the request's path.
"""

from __future__ import annotations

import re
from asyncio import Protocol, TimerHandle, Transport
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from dicomveil_proxy.trust.certificates import tls_extension

_MOST_FIELDS = 256
"""Header fields of a request; Apache's default is 100."""
_VERSIONS = frozenset(("1.0", "1.1"))
_HOST = re.compile(rb"[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]*")
"""Characters of a host and port (RFC 3986 Sections 3.2.2 and 3.2.3)."""
_MOST_WAITING = 100
"""Pipelined requests that may wait behind the one that is being answered."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of one connection."""

    head_bytes: int = 65_536
    """Request line and header fields together."""
    head_seconds: float = 10
    """From the first byte of a head, or the start of the connection, to the head's last byte."""


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request head is too long (RFC 6585 Section 5) or too slow (RFC 9110 Section 15.5.9).

    The requests before it on the same connection are answered first.
    """

    def __init__(self, limits: ConnectionLimits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = limits
        self._head_timer: TimerHandle | None = None
        self._head_bytes: int | None = None
        """Bytes received of the head that is being read; None while no head is being read."""
        self._is_message = False
        """Whether a request is being received: its head, and then its body."""
        self._refusal = 400
        """Status for the head that is being read, if the parser refuses it."""
        self._final_status: int | None = None
        """Set when a request was refused behind others: it is sent once those are answered."""
        self._unanswered: deque[RequestResponseCycle] = deque()
        """Accepted requests whose responses are not complete, in order."""
        self._extensions: dict[str, dict[str, Any]] | None = None
        """ASGI's TLS extension: the subject of the client certificate."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Expect a head. The TLS handshake is complete by now, and with it the client certificate."""
        super().connection_made(transport)
        if (connection := transport.get_extra_info("ssl_object")) is not None:
            self._extensions = {"tls": tls_extension(connection.getpeercert(binary_form=True))}
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer, and notify each request: uvicorn notifies only the newest, so that others would run on."""
        self._end_head()
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of heads, and with them empty lines between requests."""
        if self.transport.is_closing() or self._final_status is not None:
            return
        if self._head_bytes is None and not self._is_message:
            self._begin_head()
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > self._limits.head_bytes:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Begin a request; a pipelined one begins in the midst of the data."""
        self._is_message = True
        if self._head_bytes is None:
            self._begin_head()
        super().on_message_begin()
        if self._extensions is not None:
            cast("dict[str, Any]", self.scope)["extensions"] = self._extensions

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count header fields: each takes time in the event loop, and one read may hold tens of thousands."""
        if len(self.headers) >= _MOST_FIELDS:
            self._refusal = 431
            raise HttpParserError("there are too many header fields")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the complete head; the whole of it may have come in one large read."""
        self._end_head()
        # Each field is written with four more characters: ": " and CR LF.
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes:
            self._refusal = 431
            raise HttpParserError("the head is too long")
        self._check_host()
        if len(self.pipeline) >= _MOST_WAITING:
            raise HttpParserError("too many requests were sent without waiting for an answer")
        super().on_headers_complete()
        self._unanswered.append(self.cycle)

    def _check_host(self) -> None:
        """Require a supported version and one valid Host (RFC 9112 Sections 2.3 and 3.2).

        With two of them, a server in front of this one may go by the first and this one by the second.
        """
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            self._refusal = 505
            raise HttpParserError("the version of HTTP is not supported")
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version != "1.0") or not all(map(_HOST.fullmatch, hosts)):
            raise HttpParserError("there is not one Host")

    def on_message_complete(self) -> None:
        """End the request: what follows belongs to the next."""
        self._is_message = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next pipelined request, or send the refusal that waited for this response."""
        self._unanswered.popleft()
        super().on_response_complete()
        if self._final_status is not None and not self._unanswered:
            self._end(self._final_status)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Refuse the request: uvicorn calls this for every error of the parser."""
        self._refuse(self._refusal)

    def _begin_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_timeout)

    def _end_head(self) -> None:
        self._head_bytes = None
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_timeout(self) -> None:
        if self._unanswered:
            # Reading is paused while a pipelined request waits, so the next head cannot be complete.
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_timeout)
        elif self._head_bytes:
            self._refuse(408)
        else:
            # Browsers open connections in advance, and would take a 408 for the answer to their first request.
            self._end_head()
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Read no more, and end the connection with this status after the answers that are due."""
        self._end_head()
        if self.transport.is_closing() or self._final_status is not None:
            return
        if self._unanswered and self._unanswered[-1].more_body:
            # The fault is in this request's body, which cannot be read to its end.
            broken = self._unanswered.pop()
            if self.pipeline:
                self.pipeline.popleft()
            else:  # it is being answered: its application learns of it, and no status can be sent
                broken.disconnected = True
                broken.message_event.set()
                self.transport.close()
                return
        if self._unanswered:
            self._final_status = status
        else:
            self._end(status)

    def _end(self, status: int) -> None:
        if not self.transport.is_closing():
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


def protocol(limits: ConnectionLimits) -> type[Protocol]:
    """The protocol as `uvicorn.Config` takes it for `http`; it can be pickled for worker processes."""
    return cast("type[Protocol]", partial(BoundedProtocol, limits))
