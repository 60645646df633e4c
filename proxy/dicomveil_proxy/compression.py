"""Compressed answers, for who accepts them (RFC 9110 Section 12.5.3).

Only documents are: the metadata of a series says nearly the same of each instance, and becomes a fiftieth. Pixels
are left as they are, which every browser asks to have compressed, and which cost a server most of its speed then.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_proxy.media_type import DICOM_JSON, DICOM_XML, JSON, MULTIPART_RELATED, parse_media_type

if TYPE_CHECKING:
    import zlib
else:
    try:
        zlib = import_module("isal.isal_zlib")  # the same, several times as fast
    except ModuleNotFoundError:
        import zlib

MINIMUM_BYTES = 1_024
"""What is shorter gains nothing."""
_LEVEL = 1
_GZIP = 31
"""The window's logarithm, and that RFC 1952's format is meant."""
_DOCUMENTS = (DICOM_JSON, JSON)


class Compression:
    """Lets documents leave as gzip where the user agent accepts that."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        accepted = accepts_gzip(Headers(scope=scope).getlist("accept-encoding"))
        answer = _Answer(send, is_accepted=accepted, is_head=scope["method"] == "HEAD")
        await self._application(scope, receive, answer.send)


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, *, is_accepted: bool, is_head: bool) -> None:
        self._send = send
        self._is_accepted = is_accepted
        self._is_head = is_head
        self._start: Message | None = None
        """Of a document that is compressed: held back until it is known how long it becomes."""
        self._compressor: zlib._Compress | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if _is_document(headers.get("content-type", "")):
                headers.add_vary_header("Accept-Encoding")
                is_long = int(headers.get("content-length", MINIMUM_BYTES)) >= MINIMUM_BYTES
                if self._is_accepted and self._is_head and "content-length" not in headers:
                    _describe(headers, None)  # there is no body to be seen
                elif self._is_accepted and is_long:
                    self._start = message
                    return
        elif self._start is not None:
            start, self._start = self._start, None
            self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
            message = self._compressed(message)
            _describe(MutableHeaders(scope=start), None if message["more_body"] else len(message["body"]))
            await self._send(start)
        elif self._compressor is not None:
            message = self._compressed(message)
            if message["more_body"] and not message["body"]:
                return
        await self._send(message)

    def _compressed(self, message: Message) -> Message:
        assert self._compressor is not None
        body = self._compressor.compress(message["body"])
        more = message.get("more_body", False)
        return {**message, "body": body if more else body + self._compressor.flush(), "more_body": more}


def _describe(headers: MutableHeaders, length: int | None) -> None:
    headers["content-encoding"] = "gzip"
    if length is None:
        del headers["content-length"]
    else:
        headers["content-length"] = str(length)
    if "etag" in headers:
        # The same answer, but not the same bytes: a weak tag says so (RFC 9110 Section 8.8.3).
        headers["etag"] = f"W/{headers['etag'].removeprefix('W/')}"


def _is_document(content_type: str) -> bool:
    media_type = parse_media_type(content_type)
    if media_type is None:
        return False
    return media_type.name in _DOCUMENTS or (media_type.name == MULTIPART_RELATED and media_type.part_type == DICOM_XML)


def accepts_gzip(headers: list[str]) -> bool:
    """Whether Accept-Encoding headers take gzip; `*` stands for what is not named."""
    named: dict[str, bool] = {}
    for each in ",".join(headers).lower().split(","):
        coding, _, weight = each.partition(";")
        named[coding.strip()] = weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return named.get("gzip", named.get("x-gzip", named.get("*", False)))
