"""A media type with its parameters, as in Accept and Content-Type (RFC 9110 Section 8.3, PS3.18 Section 8.7.3).

As lenient as implementations require: a value with a slash may be unquoted, and parameters may be inside the quotes
of `type`. Nothing here chooses between media types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
JSON = "application/json"
OCTET_STREAM = "application/octet-stream"
MULTIPART_RELATED = "multipart/related"
ZIP = "application/zip"

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # noqa: S105 - a token of RFC 9110, not a secret
_NAME = re.compile(f"({_TOKEN}+)/({_TOKEN}*)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type, or a range of them such as `image/*`."""

    name: str
    """In lower case, without parameters."""
    parameters: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Names in lower case, values unquoted."""

    @property
    def part_type(self) -> str | None:
        """The media type of the parts, from the `type` parameter of a multipart type; None without one."""
        inner = self._inner()
        return inner.name if inner else None

    @property
    def transfer_syntax(self) -> str | None:
        """The `transfer-syntax` parameter: a UID, or `*`. Orthanc writes it inside the quotes of `type`."""
        value = self.parameters.get("transfer-syntax")
        if not value and (inner := self._inner()):
            value = inner.parameters.get("transfer-syntax")
        return value or None

    def _inner(self) -> MediaType | None:
        return parse_media_type(self.parameters.get("type", ""))


@lru_cache(maxsize=256)
def parse_media_type(text: str) -> MediaType | None:
    """Read a media type; None if it is not valid. Of a repeated parameter the first counts.

    Cached, since most messages have the same few.
    """
    name, *rest = split_unquoted(text, ";")
    match = _NAME.fullmatch(name.strip())
    if not match:
        return None
    parameters: dict[str, str] = {}
    for parameter in rest:
        key, equals, value = parameter.partition("=")
        if equals:
            parameters.setdefault(key.strip().lower(), _unquote(value.strip()))
    # dicomweb-client accepts `image/` from its user for `image/*`, and sends it so.
    full = f"{match[1]}/{match[2] or '*'}".lower()
    return MediaType(full, MappingProxyType(parameters))


def split_unquoted(text: str, separator: str) -> list[str]:
    """Split a header value at each separator outside quotes; quotes that do not end reach to the end of the text."""
    if '"' not in text:
        return text.split(separator)
    pieces: list[str] = []
    start = 0
    for found in _separators(separator).finditer(text):
        if found[0] == separator:
            pieces.append(text[start : found.start()])
            start = found.end()
    return [*pieces, text[start:]]


@lru_cache(maxsize=8)
def _separators(separator: str) -> re.Pattern[str]:
    """Finds separators, and quoted strings as a whole, so that separators in them are passed over."""
    return re.compile(rf'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|{re.escape(separator)}', re.DOTALL)


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value
