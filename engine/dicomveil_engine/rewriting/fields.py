"""Elements of our own making, in no encoding yet: Part 10 and JSON write them alike."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.methods.base import Values


@dataclass(frozen=True)
class Field:
    """One element to be written: either values, in ASCII, or items."""

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
