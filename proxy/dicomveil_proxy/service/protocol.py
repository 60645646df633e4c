"""HTTP/1.1 on one connection: uvicorn's protocol with a bound on request heads, in bytes and in time.

Uvicorn's own has neither: a client that sends a head without end, or a byte of it every minute, keeps a connection
and its memory for ever. Nothing here looks at what is asked.
"""

from __future__ import annotations

import re
from asyncio import Protocol, TimerHandle, Transport
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from dicomveil_proxy.trust.certificates import tls_extension

_MOST_FIELDS = 256
"""Header fields of a request; as many as most servers take at the most."""
_VERSIONS = frozenset(("1.0", "1.1"))
_HOST = re.compile(rb"[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]*")
"""What a host and a port may be written with (RFC 3986 Section 3.2.2)."""
_MOST_WAITING = 100
"""Requests on one connection behind the one that is being answered."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may take."""

    head_bytes: int = 65_536
    """A request line and its header fields together."""
    head_seconds: float = 10
    """From the first byte of a head, or the beginning of the connection, to the head's last byte."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is ended where a request head is too long or too slow (RFC 6585 Section 5, RFC 9110 15.5.9)."""

    def __init__(self, limits: ConnectionLimits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = limits
        self._head_timer: TimerHandle | None = None
        self._head_bytes: int | None = None
        """So many have come of the head that is being read; None while none is."""
        self._is_message = False
        """Whether a request has begun that has not ended: its head, and then its body."""
        self._refusal = 400
        self._extensions: dict[str, dict[str, Any]] | None = None
        """ASGI's of a TLS connection: the subject of its client certificate."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A head is awaited from now on. Of a TLS connection it is known by now whose it is."""
        super().connection_made(transport)
        if (connection := transport.get_extra_info("ssl_object")) is not None:
            self._extensions = {"tls": tls_extension(connection.getpeercert(binary_form=True))}
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head; what comes after a request and before the next does so, too."""
        if self.transport.is_closing():
            return
        if self._head_bytes is None and not self._is_message:
            self._begin_head()
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > self._limits.head_bytes:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Called also for a request that was sent without waiting for the answer to the one before it."""
        self._is_message = True
        if self._head_bytes is None:
            self._begin_head()
        super().on_message_begin()
        if self._extensions is not None:
            cast("dict[str, Any]", self.scope)["extensions"] = self._extensions

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more of them: each costs the event loop some time, and one read may hold tens of thousands."""
        if len(self.headers) >= _MOST_FIELDS:
            self._refusal = 431
            raise HttpParserError("there are too many header fields")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; the bytes that came with its end may have been many."""
        self._end_head()
        # Four characters around each field, and those of the request line.
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes:
            self._refusal = 431
            raise HttpParserError("the head is too long")
        self._check_host()
        if len(self.pipeline) >= _MOST_WAITING:
            raise HttpParserError("too many requests were sent without waiting for an answer")
        super().on_headers_complete()

    def _check_host(self) -> None:
        """One legal Host, and a version that it is defined for (RFC 9112 Sections 2.3 and 3.2).

        Of two of them, a server in front may take one and we the other.
        """
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            self._refusal = 505
            raise HttpParserError("the version of HTTP is not supported")
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version != "1.0") or not all(map(_HOST.fullmatch, hosts)):
            raise HttpParserError("there is not one Host")

    def on_message_complete(self) -> None:
        """Whatever comes next is of another request."""
        self._is_message = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it is uvicorn's
        """Uvicorn calls it for whatever is wrong with a head."""
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
        if self._is_answering:
            # Nothing is read meanwhile of a request that was sent too early, so it cannot be complete.
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_timeout)
        elif self._head_bytes:
            self._refuse(408)
        else:
            # A connection that nobody uses: browsers open some in advance, and take a 408 there for an answer.
            self._end_head()
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
        return cycle is not None and not cycle.response_complete

    def _refuse(self, status: int) -> None:
        """Answer without a body, unless an answer is under way, and close."""
        self._end_head()
        if self.transport.is_closing():
            return
        if not self._is_answering:
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        else:
            # It writes no more: the transport would raise.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def protocol(limits: ConnectionLimits) -> type[Protocol]:
    """What `uvicorn.Config` takes as `http`; it can be sent to another process."""
    return cast("type[Protocol]", partial(BoundedProtocol, limits))
