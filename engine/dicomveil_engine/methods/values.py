"""What several methods ask of an element's values."""

from __future__ import annotations

from typing import cast

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.methods.base import Element


def texts(element: Element) -> list[str]:
    """The values of an element with a text VR."""
    return cast("list[str]", element.values)


def positions_kept(values: list[str]) -> list[str]:
    """The values with dropped ones as empty strings in their place; zero length if nothing is left."""
    return values if any(values) else []


def utf8(text: str) -> bytes:
    """The text's bytes for a digest or a cipher; takes the lone surrogates that JSON allows, too."""
    return text.encode("utf-8", "surrogatepass")


def inapplicable(method: str, element: Element, why: str) -> DeidentificationError:
    """The error of a method that has no safe output; names tag and VR, never the value."""
    return DeidentificationError(
        f"{method} cannot be applied to {dictionary.described(element.tag, element.vr)}: {why}"
    )
