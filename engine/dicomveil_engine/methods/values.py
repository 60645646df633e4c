"""Functions on an element's values that several methods share."""

from __future__ import annotations

import struct
from typing import cast

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.methods.base import Element


def texts(element: Element) -> list[str]:
    """The values of an element with a text VR."""
    return cast("list[str]", element.values)


def positions_kept(values: list[str]) -> list[str]:
    """Values in which "" stands for a removed one; zero length if all are empty."""
    return values if any(values) else []


def nearest_single(number: float) -> float:
    """The nearest 32-bit float. Raises OverflowError for a number beyond its range."""
    (nearest,) = struct.unpack("<f", struct.pack("<f", number))
    return cast("float", nearest)


def utf8(text: str) -> bytes:
    """The text's bytes for a digest or cipher; lone surrogates, which JSON allows, are accepted."""
    return text.encode("utf-8", "surrogatepass")


def inapplicable(method: str, element: Element, why: str) -> DeidentificationError:
    """The error of a method without a safe output; it names tag and VR, never the value."""
    return DeidentificationError(
        f"{method} cannot be applied to {dictionary.described(element.tag, element.vr)}: {why}"
    )
