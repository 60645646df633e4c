"""Streaming reader and writer for multipart/related (RFC 2046 Section 5.1, RFC 2387, PS3.18 Section 8.7.1).

Bytes in, events out; no I/O. Part data is returned as slices of the input. A body without its closing boundary is an
error: Orthanc ends a failed series with status 200, so that nothing else shows that the response is incomplete.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from dicomveil_proxy.errors import OriginMalformed, ProxyError
from dicomveil_proxy.wire.media_type import MULTIPART_RELATED, parse_media_type

# RFC 2046 allows 70 of these characters, the last one not a space. Orthanc sends 73, and most readers accept more.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,199}[0-9A-Za-z'()+_,./:=?-]")
_LENGTH = re.compile(r"[0-9]{1,15}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_BLANK_LINE = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class PartStart:
    """The start of a part."""

    headers: dict[str, str]
    """Names in lower case; values of a repeated name are joined with commas."""


@dataclass(frozen=True, slots=True)
class PartData:
    """A chunk of the part's content."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The end of a part."""


Event = PartStart | PartData | PartEnd


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """Limits on what is read."""

    header_bytes: int = 16_384
    """All headers of one part together; HTTP servers have similar limits."""
    headers: int = 64
    """Per part; DICOMweb uses four."""
    parts: int = 100_000
    """Per body; the largest series have some 10,000 instances."""
    empty_parts: int = 1_000
    """Per body: parts without content, such as a bulk data value of length zero."""


class _State(Enum):
    PREAMBLE = auto()
    HEAD = auto()
    """After a delimiter: the end of its line and the headers up to the blank line, or the closing dashes."""
    COUNTED = auto()
    """In a part with Content-Length."""
    DELIMITER = auto()
    """After a part with Content-Length."""
    SEARCHED = auto()
    """In a part without Content-Length, which ends at the next delimiter."""
    EPILOGUE = auto()


class MultipartReader:
    """Feed it the body in chunks of any size, then close it.

    `fault` is the exception that it raises: OriginMalformed for an origin server's response, BadRequest for a
    request. It cannot be used after an error.
    """

    def __init__(
        self,
        boundary: bytes,
        limits: MultipartLimits = MultipartLimits(),
        fault: type[ProxyError] = OriginMalformed,
    ) -> None:
        _checked_boundary(boundary.decode("latin-1"), fault)
        self._delimiter = b"\r\n--" + boundary
        self._limits = limits
        self._fault = fault
        self._state = _State.PREAMBLE
        self._head = bytearray()
        self._remaining = 0
        self._parts = 0
        self._empty_parts = 0
        self._is_empty = True
        """Whether the part has had no content so far."""
        # The start of a delimiter at the end of the last chunk. A delimiter begins with a line break. At the start of
        # the body it may be missing, and an empty part has only the one before its content: both count as held.
        self._held = b"\r\n"
        self._unsent = 2
        """Number of held bytes that precede the part, and are not its data."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events of a chunk. Raises the fault."""
        return list(self.read(chunk))

    def read(self, chunk: bytes) -> Iterator[Event]:
        """The events of a chunk, one by one, since it may contain thousands of parts; must be exhausted."""
        events: list[Event] = []
        position = 0
        while position < len(chunk):
            match self._state:
                case _State.COUNTED:
                    position = self._count(chunk, position, events)
                case _State.DELIMITER:
                    position = self._expect_delimiter(chunk, position, events)
                case _State.HEAD:
                    position = self._read_head(chunk, position, events)
                case _State.EPILOGUE:
                    break
                case _:
                    position = self._search(chunk, position, events)
            yield from events
            events.clear()

    def close(self) -> None:
        """Raise the fault unless the closing boundary was seen."""
        if self._state is not _State.EPILOGUE:
            raise self._fault("the multipart body ends without its closing boundary")

    def _count(self, chunk: bytes, position: int, events: list[Event]) -> int:
        end = min(len(chunk), position + self._remaining)
        self._is_empty &= end == position
        _append(events, chunk, position, end)
        self._remaining -= end - position
        if not self._remaining:
            self._state, self._held = _State.DELIMITER, b""
        return end

    def _expect_delimiter(self, chunk: bytes, position: int, events: list[Event]) -> int:
        wanted = self._delimiter[len(self._held) :]
        found = chunk[position : position + len(wanted)]
        if not wanted.startswith(found):
            raise self._fault("a part is not as long as its Content-Length says")
        self._held += found
        if len(found) == len(wanted):
            self._end_part(events)
        return position + len(found)

    def _search(self, chunk: bytes, position: int, events: list[Event]) -> int:
        """Emit data up to the next delimiter; hold back bytes at the end that may be the start of one."""
        delimiter = self._delimiter
        if self._held:
            # A boundary contains no CR, so that no delimiter can start within the held bytes.
            wanted = delimiter[len(self._held) :]
            found = chunk[position : position + len(wanted)]
            if wanted.startswith(found):
                self._held += found
                if len(found) == len(wanted):
                    self._end_part(events)
                return position + len(found)
            self._emit(self._held, self._unsent, len(self._held), events)
            self._held, self._unsent = b"", 0
        end = chunk.find(delimiter, position)
        if end >= 0:
            self._emit(chunk, position, end, events)
            self._end_part(events)
            return end + len(delimiter)
        end = chunk.rfind(b"\r", max(position, len(chunk) - len(delimiter) + 1))
        if end < 0 or not delimiter.startswith(chunk[end:]):
            end = len(chunk)
        self._emit(chunk, position, end, events)
        self._held = chunk[end:]
        return len(chunk)

    def _emit(self, chunk: bytes, start: int, end: int, events: list[Event]) -> None:
        if self._state is _State.SEARCHED:
            self._is_empty &= end == start
            _append(events, chunk, start, end)

    def _end_part(self, events: list[Event]) -> None:
        if self._state is not _State.PREAMBLE:
            self._empty_parts += self._is_empty
            if self._empty_parts > self._limits.empty_parts:
                raise self._fault(f"over {self._limits.empty_parts} parts of the multipart body are empty")
            events.append(PartEnd())
        self._state, self._held = _State.HEAD, b""
        self._head.clear()

    def _read_head(self, chunk: bytes, position: int, events: list[Event]) -> int:
        head = self._head
        before = len(head)
        head += chunk[position : position + self._limits.header_bytes + len(_BLANK_LINE)]
        if head.startswith(b"--"):
            self._state = _State.EPILOGUE
            return len(chunk)
        end = head.find(_BLANK_LINE, max(0, before - len(_BLANK_LINE) + 1))
        if (len(head) if end < 0 else end) > self._limits.header_bytes:
            raise self._fault(f"the headers of a part are over {self._limits.header_bytes} bytes")
        if end < 0:
            return position + len(head) - before
        headers = self._parse_headers(head[:end].decode("latin-1"))
        self._begin_part(headers)
        events.append(PartStart(headers))
        if self._state is _State.COUNTED and not self._remaining:
            self._state = _State.DELIMITER
        return position + end + len(_BLANK_LINE) - before

    def _begin_part(self, headers: dict[str, str]) -> None:
        self._parts += 1
        self._is_empty = True
        if self._parts > self._limits.parts:
            raise self._fault(f"the multipart body has over {self._limits.parts} parts")
        length = headers.get("content-length")
        if length is None:
            self._state, self._held, self._unsent = _State.SEARCHED, b"\r\n", 2
        elif _LENGTH.fullmatch(length):
            self._state, self._remaining = _State.COUNTED, int(length)
        else:
            raise self._fault("the Content-Length of a part is not a number")

    def _parse_headers(self, text: str) -> dict[str, str]:
        """Parse the lines between a delimiter and the blank line; the first is the rest of the delimiter's line."""
        rest, *lines = text.split("\r\n")
        if rest.strip(" \t"):
            raise self._fault("a boundary of the multipart body is followed by other characters")
        if len(lines) > self._limits.headers:
            raise self._fault(f"a part has over {self._limits.headers} headers")
        headers: dict[str, str] = {}
        name = ""
        for line in lines:
            if name and line.startswith((" ", "\t")):  # a folded line, RFC 5322 Section 2.2.3
                headers[name] += f" {line.strip()}"
                continue
            name, colon, value = line.partition(":")
            name = name.lower()
            if not colon or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise self._fault("a header of a part cannot be read")
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
        return headers


class MultipartWriter:
    """Writes the delimiters and headers of a multipart/related body."""

    def __init__(self, boundary: bytes, media_type: str) -> None:
        _checked_boundary(boundary.decode("latin-1"), ValueError)
        self._boundary = boundary
        self._media_type = media_type
        self._has_parts = False

    @property
    def content_type(self) -> str:
        """The value of the body's Content-Type header."""
        boundary = self._boundary.decode()
        if not _HEADER_NAME.fullmatch(boundary):  # a token of RFC 9110 needs no quotes
            boundary = f'"{boundary}"'
        return f'{MULTIPART_RELATED}; type="{self._media_type}"; boundary={boundary}'

    def head(self, headers: Mapping[str, str] | None = None) -> bytes:
        """Delimiter and headers of the next part; Content-Type is the common one unless `headers` has one."""
        lines = {"Content-Type": self._media_type, **(headers or {})}
        for name, value in lines.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"the header {name!r} of a part has characters that a header cannot have")
        break_before, self._has_parts = self._break(), True
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return b"%s--%s\r\n%s\r\n" % (break_before, self._boundary, text.encode("latin-1"))

    def close(self) -> bytes:
        """The closing delimiter. Must not be sent after an error: its absence shows that the body is incomplete."""
        return b"%s--%s--\r\n" % (self._break(), self._boundary)

    def _break(self) -> bytes:
        return b"\r\n" if self._has_parts else b""


def random_boundary() -> bytes:
    """A boundary that occurs in no part: 128 random bits."""
    return secrets.token_hex(16).encode()


def boundary_of(content_type: str | None, fault: type[ProxyError] = OriginMalformed) -> bytes:
    """The boundary from a Content-Type header. Raises the fault if there is none."""
    media_type = parse_media_type(content_type or "")
    if media_type is None or not media_type.name.startswith("multipart/"):
        raise fault("the body is not multipart")
    return _checked_boundary(media_type.parameters.get("boundary", ""), fault)


def content_type_of(content_type: str | None) -> tuple[str | None, str | None]:
    """Media type and transfer syntax from the Content-Type header of a part, or of a multipart body for its parts."""
    media_type = parse_media_type(content_type or "")
    if media_type is None:
        return None, None
    if media_type.name.startswith("multipart/"):
        return media_type.part_type, media_type.transfer_syntax
    return media_type.name, media_type.transfer_syntax


def _checked_boundary(text: str, fault: type[Exception]) -> bytes:
    if not _BOUNDARY.fullmatch(text):
        raise fault("the boundary of the multipart body is missing or not legal")
    return text.encode()


def _append(events: list[Event], chunk: bytes, start: int, end: int) -> None:
    if end - start == len(chunk):
        events.append(PartData(chunk))
    elif end > start:
        events.append(PartData(memoryview(chunk)[start:end]))
