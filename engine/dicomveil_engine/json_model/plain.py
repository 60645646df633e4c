"""Kept texts and numbers in DICOM JSON that are seen to be harmless without being decoded, as nearly all are.

`rewriting.checking` decides on all others.
"""

from __future__ import annotations

from dicomveil_engine.attributes.legality import IDENTIFYING_DIGITS, LISTS, Legality, legality_of
from dicomveil_engine.json_model.values import JSONElement
from dicomveil_engine.methods.base import TEXT_VRS

_MEMBERS = 2
_LEAST = 10 ** (IDENTIFYING_DIGITS - 1)


def is_plain(element: JSONElement, tag: int, vr: str) -> bool:
    """Whether an element has only legal, harmless values of its VR, so that it is kept; False proves nothing."""
    values = element.get("Value")
    if type(values) is not list or len(element) != _MEMBERS or "vr" not in element or vr not in TEXT_VRS:
        return False
    for value in values:
        kind = type(value)
        if kind is str:
            if not value or legality_of(value.rstrip(" \0"), vr, tag) is not Legality.HARMLESS:
                return False
        # The text of such a number is legal, and has fewer digits before the decimal point than an identifier.
        elif (not (kind is int and vr in LISTS) and not (kind is float and vr == "DS")) or not -_LEAST < value < _LEAST:
            return False
    return True
