"""Looking at values that are kept, once for both encodings: what is illegal, or names somebody, is emptied.

    passes       from the value alone: it is legal, and everybody's  → it is kept, and nobody looks again
    needs_words  of any other one: it is legal, and may be somebody's → nothing can be said without the whole header
    checked      with the whole header known                         → the value, or what may stay of it

No value is taken for safe because its attribute is kept: a CS can hold a name, a DS an identifier, an OB a letter.
"""

from __future__ import annotations

import struct
from typing import cast

from dicomveil_engine.attributes import legality
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS, Legality, finding
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

FREE_TEXT_VRS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_FORMATS = {"AT": "HH", "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_LEAST = 10 ** (legality.IDENTIFYING_DIGITS - 1)
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""The head of an item in either byte order: a data set where there should be none."""


def passes(tag: int, vr: str, values: Values) -> bool:
    """Whether values can be kept whatever the data set says: they are legal, and everybody's."""
    if vr in TEXT_VRS:
        texts = cast("list[str]", values)
        return all(finding(_stripped(text), vr, tag) is Legality.EVERYBODY for text in texts)
    if vr in BYTES_VRS:
        return not _is_data_set(cast("bytes", values)) and not legality.is_text(cast("bytes", values))
    if vr in INTEGER_VRS | FLOAT_VRS:
        is_small = vr == "AT" or all(-_LEAST < float(number) < _LEAST for number in values)
        return is_small and not any(map(_is_suspect, _as_bytes(vr, values)))
    return True


def needs_words(tag: int, vr: str, values: Values) -> bool:
    """Whether only the words of the whole data set decide if values can be kept: legal ones that may be somebody's."""
    if vr in TEXT_VRS:
        return legality.may_identify(cast("list[str]", values), vr, tag)
    if vr in BYTES_VRS:
        return not _is_data_set(cast("bytes", values))
    return True


def checked(element: Element, context: Context) -> Values:
    """The values that may stay: legal ones that hold no word of the data set's own."""
    tag, vr, values = element.tag, element.vr, element.values
    if isinstance(values, bytes):
        if _is_data_set(values):
            return b""
        is_somebodys = legality.is_text(values) and context.own.are_in(values.decode("ascii"))
        return b"" if is_somebodys else values
    if vr in TEXT_VRS:
        return _checked_texts(tag, vr, cast("list[str]", values), context)
    written = _as_bytes(vr, values)
    if any(map(_is_data_set, written)) or any(
        legality.is_text(value) and context.own.are_in(value.decode("ascii")) for value in written
    ):
        return []
    return [] if vr != "AT" and any(context.own.is_number(repr(number)) for number in values) else values


def _checked_texts(tag: int, vr: str, texts: list[str], context: Context) -> list[str]:
    legal = legality.legal_values(texts, vr, tag)
    is_somebodys = [
        finding(_stripped(text), vr, tag) is Legality.WORDS and _names_somebody(tag, vr, text, context)
        for text in legal
    ]
    if not any(is_somebodys):
        return legal
    if vr in legality.LISTS or vr in SINGLE_TEXT_VRS:
        return []
    return positions_kept(["" if one else text for text, one in zip(legal, is_somebodys, strict=True)])


def _names_somebody(tag: int, vr: str, text: str, context: Context) -> bool:
    own = context.own
    if vr == "UI":
        if tag not in STRUCTURAL_UIDS:
            return False  # a UID that is kept as such says which instance this is
        uid = _stripped(text)
        identity = {context.study_instance_uid, context.series_instance_uid}
        return own.are_in_uid(uid) or any(one and (uid == one or uid.startswith(f"{one}.")) for one in identity)
    return own.are_in(text, places=vr not in FREE_TEXT_VRS and tag not in CODE_ATTRIBUTES)


def _stripped(text: str) -> str:
    return text.rstrip(" \0")


def _is_data_set(value: bytes) -> bool:
    return value[:4] in _ITEMS


def _is_suspect(value: bytes) -> bool:
    return _is_data_set(value) or legality.is_text(value)


def _as_bytes(vr: str, values: Values) -> list[bytes]:
    """Numbers in bytes, in either byte order: a sender may give a text or a data set this VR. Nothing of short ones."""
    layout = _FORMATS[vr]
    if len(values) * struct.calcsize(f"<{layout}") <= legality.SHORT_NUMBERS:
        return []
    numbers = [half for tag in values for half in divmod(int(tag), 1 << 16)] if vr == "AT" else values
    try:
        return [struct.pack(f"{order}{len(numbers)}{layout[0]}", *numbers) for order in "<>"]
    except (struct.error, OverflowError):
        return []
