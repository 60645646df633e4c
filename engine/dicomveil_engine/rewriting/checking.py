"""Checking the values of kept elements: illegal and identifying ones are emptied. Shared by both encodings.

    passes       from the value alone: it is legal and harmless          → kept without another check
    needs_words  otherwise: it is legal, but may identify                → compared once the whole header is known
    checked      with the whole header                                   → the value, or what may be kept of it

A value is not safe because its attribute is kept: a CS can hold a name, a DS an identifier, an OB a document.
"""

from __future__ import annotations

import struct
from typing import cast

from dicomveil_engine.attributes import legality
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS, Legality, legality_of
from dicomveil_engine.attributes.well_known import PIXEL_DATA
from dicomveil_engine.code_streams.native import FLOATING_BITS
from dicomveil_engine.code_streams.sniffing import carries_metadata
from dicomveil_engine.methods.base import (
    BYTES_VRS,
    FLOAT_VRS,
    INTEGER_VRS,
    SINGLE_TEXT_VRS,
    TEXT_VRS,
    Context,
    Element,
    Values,
)
from dicomveil_engine.methods.values import positions_kept
from dicomveil_engine.text.in_bytes import holds_own_words, may_hold_words

FREE_TEXT_VRS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_FORMATS = {"AT": "HH", "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_OFFSET_TABLES = frozenset((legality.OFFSETS, legality.OFFSET_LENGTHS))
PIXELS = frozenset((PIXEL_DATA, *FLOATING_BITS))
"""Kept elements that are cleaned of everything other than pixels."""
_LEAST = 10 ** (legality.IDENTIFYING_DIGITS - 1)
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""The tag of an item in either byte order: a value that begins with it may be a nested data set."""


def passes(tag: int, vr: str, values: Values) -> bool:
    """Whether values can be kept in any data set: all of them are legal and harmless."""
    if vr in TEXT_VRS:
        texts = cast("list[str]", values)
        return all(legality_of(_stripped(text), vr, tag) is Legality.HARMLESS for text in texts)
    if tag in _OFFSET_TABLES and vr in BYTES_VRS:
        return legality.is_offset_table(tag, cast("bytes", values))
    if tag in PIXELS and vr in BYTES_VRS and carries_metadata(cast("bytes", values)):
        return False
    if vr in BYTES_VRS:
        return not is_data_set(cast("bytes", values)) and not may_hold_words(cast("bytes", values))
    if vr in INTEGER_VRS:
        return not _large(vr, values) and not any(map(_is_suspect, _as_bytes(vr, values)))
    if vr in FLOAT_VRS:
        # Floating point numbers have letters by chance: only whole texts count.
        is_small = all(-_LEAST < float(number) < _LEAST for number in values)
        return is_small and not any(is_data_set(value) or legality.is_text(value) for value in _as_bytes(vr, values))
    return True


def needs_words(tag: int, vr: str, values: Values) -> bool:
    """Whether the values have to be compared with the identifying words of the whole data set."""
    if vr in TEXT_VRS:
        return legality.may_identify(cast("list[str]", values), vr, tag)
    if vr in BYTES_VRS:
        return not is_data_set(cast("bytes", values))
    return True


def checked(element: Element, context: Context) -> Values:
    """The values that may be kept: legal, and without identifying words of the data set."""
    tag, vr, values = element.tag, element.vr, element.values
    if isinstance(values, bytes):
        if tag in _OFFSET_TABLES:
            return values if legality.is_offset_table(tag, values) else b""
        if is_data_set(values) or (tag in PIXELS and carries_metadata(values)):
            return b""
        return b"" if holds_own_words(values, context.own) else values
    if vr in TEXT_VRS:
        return _checked_texts(tag, vr, cast("list[str]", values), context)
    written = _as_bytes(vr, values)
    if any(map(is_data_set, written)) or any(_names_in_numbers(vr, value, context) for value in written):
        return []
    return [] if any(context.own.is_number(repr(number)) for number in _large(vr, values)) else values


def _checked_texts(tag: int, vr: str, texts: list[str], context: Context) -> list[str]:
    legal = legality.legal_values(texts, vr, tag)
    identifies = [
        legality_of(_stripped(text), vr, tag) is Legality.MAY_IDENTIFY and _identifies(tag, vr, text, context)
        for text in legal
    ]
    if not any(identifies):
        return legal
    if vr in legality.LISTS or vr in SINGLE_TEXT_VRS:
        return []
    return positions_kept(["" if is_found else text for text, is_found in zip(legal, identifies, strict=True)])


def _identifies(tag: int, vr: str, text: str, context: Context) -> bool:
    own = context.own
    if vr == "UI":
        if tag not in STRUCTURAL_UIDS:
            return False  # the policy keeps UIDs of instances
        uid = _stripped(text)
        originals = {context.study_instance_uid, context.series_instance_uid} - {""}
        return own.are_in_uid(uid) or any(f"{uid}.".startswith(f"{original}.") for original in originals)
    return own.are_in(text, places=vr not in FREE_TEXT_VRS and tag not in CODE_ATTRIBUTES)


def _stripped(text: str) -> str:
    return text.rstrip(" \0")


def is_data_set(value: bytes) -> bool:
    """Whether a value begins as an item does, so that it may be a nested data set."""
    return value[:4] in _ITEMS


def _is_suspect(value: bytes) -> bool:
    return is_data_set(value) or may_hold_words(value)


def _large(vr: str, values: Values) -> list[float]:
    """The numbers of six and more digits, which may be identifiers."""
    numbers = cast("list[float]", values)
    if vr == "AT" or not numbers or (min(numbers) > -_LEAST and max(numbers) < _LEAST):
        return []
    return [number for number in numbers if not -_LEAST < number < _LEAST]


def _names_in_numbers(vr: str, value: bytes, context: Context) -> bool:
    if vr in INTEGER_VRS:
        return holds_own_words(value, context.own)
    return legality.is_text(value) and context.own.are_in(value.decode("ascii"))


def _as_bytes(vr: str, values: Values) -> list[bytes]:
    """Numbers as bytes in either byte order, since a text or data set may have been given this VR. Empty if short."""
    layout = _FORMATS[vr]
    if len(values) * struct.calcsize(f"<{layout}") <= legality.SHORT_NUMBERS:
        return []
    numbers = [half for tag in values for half in divmod(int(tag), 1 << 16)] if vr == "AT" else values
    try:
        return [struct.pack(f"{order}{len(numbers)}{layout[0]}", *numbers) for order in "<>"]
    except (struct.error, OverflowError):
        return []
