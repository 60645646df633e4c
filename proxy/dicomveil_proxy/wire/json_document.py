"""Reading and writing JSON with orjson, or with the standard library where orjson refuses."""

from __future__ import annotations

import json
from typing import Any

import orjson


def decoded(document: bytes | bytearray) -> Any:
    """The content of a document. Raises ValueError for invalid JSON, and RecursionError."""
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return json.loads(document)


def encoded(content: object) -> bytes:
    r"""The document in UTF-8, without white space.

    A lone surrogate, which JSON allows as an escape but UTF-8 does not (RFC 8259 Section 8.2), is written as \uXXXX.
    NaN and infinities become null, since JSON has no numbers for them (Section 6).
    """
    try:
        return orjson.dumps(content)
    except TypeError:
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace")
