"""Transliterate names from Cyrillic and Greek script to Latin script, as in passports.

Cyrillic follows ICAO Doc 9303-3 Section 6, Greek follows ISO 843 type 2; there are other systems.
Chinese, Japanese and Korean names need readings that do not follow from their characters; PN may have them in its
component groups.
"""

from __future__ import annotations

import unicodedata

_CYRILLIC = dict(
    zip(
        "абвгґдеєёжзиіїйклмнопрстуфхцчшщъыьэюя",
        "a b v g g d e ie e zh z i i i i k l m n o p r s t u f kh ts ch sh shch ie y - e iu ia".split(),  # noqa: SIM905 - a table to be read by eye
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split(),  # noqa: SIM905 - a table to be read by eye
        strict=True,
    )
)
_GREEK_PAIRS = (("ου", "ou"), ("μπ", "b"), ("γγ", "ng"), ("αυ", "av"), ("ευ", "ev"))


def in_latin(folded: str) -> str:
    """A folded name in Latin letters; empty where it is of another script, or of Latin script."""
    if folded.isascii():
        return ""
    if all(character in _CYRILLIC for character in folded):
        return "".join(map(_CYRILLIC.__getitem__, folded)).replace("-", "")
    greek = "".join(one for one in unicodedata.normalize("NFD", folded) if not unicodedata.combining(one))
    for pair, latin in _GREEK_PAIRS:
        greek = greek.replace(pair, latin)
    if greek.isascii() or not all(one.isascii() or one in _GREEK for one in greek):
        return ""
    return "".join(_GREEK.get(one, one) for one in greek)
