"""JSON documents, from bytes and to bytes: by orjson, and by Python itself where orjson refuses."""

from __future__ import annotations

import json
from typing import Any

import orjson


def decoded(document: bytes | bytearray) -> Any:
    """What the document says. Raises ValueError for what is none, and RecursionError."""
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return json.loads(document)


def encoded(content: object) -> bytes:
    """The document in UTF-8, without blanks.

    Half a surrogate pair, which JSON's own notation allows and UTF-8 does not (RFC 8259 Section 8.2), leaves in
    that notation, as it came. What is not a number becomes null: JSON has nothing for it (Section 6).
    """
    try:
        return orjson.dumps(content)
    except TypeError:
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace")
