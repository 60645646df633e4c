"""Elements that the engine adds, independent of the encoding that writes them."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.methods.base import Values


@dataclass(frozen=True)
class Field:
    """An element to be written, with either values (ASCII) or items."""

    tag: int
    vr: str
    values: Values
    items: tuple[Item, ...] = ()


Item = tuple[Field, ...]


def code_item(value: str, scheme: str, meaning: str) -> Item:
    """An item of a code sequence (PS3.3 Section 8)."""
    return (
        Field(0x00080100, "SH", [value]),
        Field(0x00080102, "SH", [scheme]),
        Field(0x00080104, "LO", [meaning]),
    )
