"""The problems of one element: VR, length, characters, format and multiplicity (PS3.5 Section 6.2, PS3.6).

Each kind of problem has a fixed phrase, which reveals nothing of the value. Trailing blanks and NULs are padding and
are ignored.
"""

from __future__ import annotations

import re

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import BYTES_VRS, SINGLE_TEXT_VRS, TEXT_VRS
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.part10.elements import EncodedElement
from dicomveil_engine.part10.encoding import CHARACTER_SET_VRS, WORD_BYTES

LONGEST = {"AE": 16, "CS": 16, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "SH": 16, "ST": 1024, "UI": 64}
"""Characters of one value (PS3.5 Table 6.2-1)."""

_FORMATS = {
    "AE": "has characters that AE does not allow, or is blank",
    "AS": "is not an age, three digits and D, W, M or Y",
    "CS": "has characters that CS does not allow: it has capitals, digits, blanks and underscores",
    "DA": "is not a date YYYYMMDD",
    "DS": "is not a decimal number",
    "DT": "is not a date and time YYYYMMDDHHMMSS.FFFFFF&ZZXX",
    "IS": "is not a whole number of 32 bits",
    "PN": "is not a person name, at most 3 groups of 64 characters and 5 components, without control characters",
    "TM": "is not a time HHMMSS.FFFFFF",
    "UI": "is not a UID",
    "UR": "is not a URI",
}
_CONTROL_CHARACTERS = "has control characters"
_VM = re.compile(r"(\d+)(?:-(?:(\d+)|(\d*)n))?", re.ASCII)


def problems_of(element: EncodedElement) -> list[str]:
    """The problems of an element as phrases; empty if it conforms to PS3.5 and PS3.6."""
    vr = element.vr
    if vr not in dictionary.VRS:
        return ["has a VR that PS3.5 does not know"]
    found = [_wrong_vr(element.tag, vr)]
    if vr == "SQ":
        return [what for what in found if what]
    if vr in BYTES_VRS:
        found.append(_wrong_length(len(element.value), WORD_BYTES.get(vr, 2)))
        return [what for what in found if what]
    found.append(_wrong_length(len(element.value), 2))
    try:
        values = element.values()
    except InvalidDataSetError:
        return [*(what for what in found if what), "has a length that does not fit its VR"]
    found.append(_wrong_multiplicity(element.tag, vr, len(values)))
    if vr in TEXT_VRS:
        if vr in CHARACTER_SET_VRS and not characters.can_decode(bytes(element.value), element.codecs):
            found.append("has characters that the Specific Character Set does not have")
        found += sorted({_wrong_text(vr, str(value)) for value in values})
    return [what for what in found if what]


def _wrong_vr(tag: int, vr: str) -> str:
    expected = () if tag >> 16 & 1 else dictionary.vrs_of(tag)
    if vr == "UN" or not expected or vr in expected:
        return ""  # UN may stand for any VR (PS3.5 Section 6.2.2)
    return f"has a VR that its attribute does not have: {' or '.join(expected)}"


def _wrong_length(length: int, unit: int) -> str:
    if length % 2:
        return "has an odd length"  # PS3.5 Section 7.1.1: "an even number of bytes"
    return "has a length that does not fit its VR" if length % unit else ""


def _wrong_multiplicity(tag: int, vr: str, count: int) -> str:
    """An empty element has no value, whatever the multiplicity (PS3.5 Section 7.4.3)."""
    written = None if tag >> 16 & 1 else dictionary.vm_of(tag)
    if not count or vr in SINGLE_TEXT_VRS or written is None or is_multiplicity(count, written):
        return ""
    return f"has a number of values that its attribute does not allow: {written}"


def is_multiplicity(count: int, written: str) -> bool:
    """Whether a VM of PS3.6, such as `1`, `1-3`, `1-n` or `2-2n`, allows this number of values."""
    match = _VM.fullmatch(written)
    if match is None:
        return True
    least, most, factor = int(match[1]), match[2], match[3]
    if most is not None:
        return least <= count <= int(most)
    if factor is not None:
        return count >= least and count % int(factor or 1) == 0
    return count == least


def _wrong_text(vr: str, text: str) -> str:
    if not text or is_legal(vr, text):
        return ""
    longest = LONGEST.get(vr)
    if longest is not None and len(text) > longest:
        return f"is longer than {longest} characters"
    return _FORMATS.get(vr, _CONTROL_CHARACTERS)
