"""Responses: streamed bodies, which are visibly incomplete after an error, JSON and XML."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dicomveil_engine import EngineError
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.turns import Turns
from dicomveil_proxy.wire.json_document import encoded
from dicomveil_proxy.wire.media_type import DICOM_JSON, DICOM_XML
from dicomveil_proxy.wire.multipart import MultipartWriter, random_boundary
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.pieces import Piece

_ENCODED_TOGETHER = 64
"""Search results that are encoded before other requests have their turn."""

_log = logging.getLogger(__name__)


class Stream(Response):
    """A response whose body is sent while it is made.

    After an error or the time limit the connection is closed without the end of the body, so that no user agent can
    mistake the part for the whole. When the user agent disconnects, the source is closed at once, even while the
    next piece is awaited.
    """

    def __init__(
        self, body: AsyncGenerator[Piece, None], media_type: str, *, seconds: float, done: Callable[[], None]
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body_iterator = body
        self._seconds = seconds
        self._done = done
        self.init_headers({"content-type": media_type})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, as an ASGI application."""
        gone = asyncio.ensure_future(_disconnected(receive))
        is_begun = False
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                gone.add_done_callback(lambda _: _end_now(deadline))
                # Does not wait: the body is primed. A generator must have started for aclose() to run its finally.
                piece = await anext(self.body_iterator, b"")
                is_begun = True
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] != "HEAD":
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    async for piece in self.body_iterator:
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (ProxyError, EngineError) as error:
            if not is_begun:
                raise
            _log.error("a response was broken off: %s", error)
        except TimeoutError:
            if not gone.done():
                _log.error("a response was broken off: it took longer than limits.request_seconds")
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
            await self.body_iterator.aclose()
            self._done()


def _end_now(deadline: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # the timeout has ended already
        deadline.reschedule(asyncio.get_running_loop().time())


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def json_response(
    content: object,
    *,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON document."""
    return Response(encoded(content), status, headers=dict(headers or {}), media_type=media_type)


async def json_list_response(datasets: Sequence[Mapping[str, Any]], headers: Mapping[str, str]) -> Response:
    """Data sets in the DICOM JSON Model, as one array (PS3.18 Annex F)."""
    turns = Turns()
    pieces: list[bytes] = []
    for begin in range(0, len(datasets), _ENCODED_TOGETHER):
        pieces.append(b",".join(map(encoded, datasets[begin : begin + _ENCODED_TOGETHER])))
        await turns.spend(len(pieces[-1]))
    return Response(b"[%b]" % b",".join(pieces), headers=dict(headers), media_type=DICOM_JSON)


async def xml_response(datasets: Iterable[Mapping[str, Any]], headers: Mapping[str, str]) -> Response:
    """Data sets in the Native DICOM Model, one in each part (PS3.19 Annex A)."""
    writer = MultipartWriter(random_boundary(), DICOM_XML)
    pieces: list[bytes] = []
    async for dataset in Turns().through(datasets):
        pieces += (writer.head(), native_xml(dataset))
    return Response(b"".join((*pieces, writer.close())), headers=dict(headers), media_type=writer.content_type)
