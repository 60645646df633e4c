"""Whether a value may be kept: legal for its VR (PS3.5 Section 6.2), and for a few attributes by PS3.3.

Pure functions of the text or the bytes of one value. Common deviations from the standard are legal where they can
express nothing but a number, a time or a term. Whether a legal value names the patient depends on the data set:
`Legality.MAY_IDENTIFY` says that it has to be compared.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from enum import Enum
from itertools import pairwise

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import DEFINED_TERM_WORDS, DESCRIPTIVE_WORDS
from dicomveil_engine.attributes._standard.registered_uids import ROOT, is_registered, may_be_registered_later
from dicomveil_engine.attributes.character_sets import corrected_term
from dicomveil_engine.bounded_cache import cached

_VALUES_CACHED = 16_384
_UIDS_CACHED = 4_096


class Legality(Enum):
    """What a value is by itself, without the data set that it is in."""

    ILLEGAL = "illegal"
    """It must not be kept."""
    HARMLESS = "harmless"
    """It is legal and cannot identify anybody."""
    MAY_IDENTIFY = "may identify"
    """It is legal, but may hold a person's name or an identifier."""


CHARACTER_SETS = frozenset(
    (
        "",
        *(f"ISO_IR {number}" for number in (13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 192, 203)),
        *(
            f"ISO 2022 IR {number}"
            for number in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144, 148, 149, 159, 166, 203)
        ),
        *("ISO_IR 6", "GB18030", "GBK"),
    )
)
"""PS3.3 Section C.12.1.1.2: the defined terms of (0008,0005)."""

LONGEST_NUMBER = 32
"""Characters of a DS: modalities exceed the 16 of PS3.5 when they print numbers of 64 bits."""
IDENTIFYING_DIGITS = 6
"""Shorter numbers are too common to identify anybody: every data set has some."""
_LONG_NUMBER = re.compile(r"(?<![\d.])0*[1-9]\d{5}|[Ee]\+?\d", re.ASCII)
"""A number with six digits before the decimal point, or with an exponent that may give it as many."""

_CLASS_COMPONENT = 7
"""Digits in a component of a class UID. Numbers of organizations have up to seven digits, dates eight."""
_LONGEST_CLASS = 52
_UI = re.compile(r"(?=.{1,64}$)(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*", re.ASCII)
_DS = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d{1,3})?", re.ASCII)
_IS = re.compile(r"[+-]?\d{1,11}(?:\.0*)?", re.ASCII)
_CS = re.compile(r"[A-Z0-9 _]{1,16}")
_CS_WORD = re.compile(r"[A-Z0-9]+")
_AE = re.compile(r"[ -\[\]-~]{1,16}")
_AS = re.compile(r"\d{3}[DWMY]", re.ASCII)
_TM = re.compile(
    r"(?:[01]\d|2[0-3])(?:(:?)[0-5]\d(?:\1(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?",
    re.ASCII,
)
"""With colons too: the form of ACR-NEMA 300, which PS3.5 recommends that readers support."""
_DA = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)", re.ASCII)
_OFFSET = r"(?:\+(?:0\d|1[0-3])[0-5]\d|\+1400|(?!-0000)-(?:0\d|1[01])[0-5]\d|-1200)"
_ZONE = re.compile(_OFFSET, re.ASCII)
_DT = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?)?)?" + f"{_OFFSET}?",
    re.ASCII,
)
_UR = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_CONTROL = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f]")
_CONTROL_OF_TEXTS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_LONGEST_CODE = {"SH": 16, "LO": 64}

TERM_WORDS = DEFINED_TERM_WORDS | {word.upper() for word in DESCRIPTIVE_WORDS}
"""Words of defined terms, and words that describe images: even if a patient has such a name, they do not identify."""
_LONGEST_HARMLESS_NUMBER = 2

STRUCTURAL_UIDS = frozenset(
    tag
    for keyword in [
        "SOPClassUID",
        "RelatedGeneralSOPClassUID",
        "OriginalSpecializedSOPClassUID",
        "ReferencedSOPClassUID",
        "ReferencedRelatedGeneralSOPClassUIDInFile",
        "ReferencedSOPClassUIDInFile",
        "SOPClassesInStudy",
        "SOPClassesSupported",
        "AvailableTransferSyntaxUID",
        "EncryptedContentTransferSyntaxUID",
        "TransferSyntaxUID",
        "CodingSchemeUID",
        "ContextUID",
        "MappingResourceUID",
        "ContextGroupExtensionCreatorUID",
        "MACCalculationTransferSyntaxUID",
        "ReferencedTransferSyntaxUIDInFile",
        "MediaStorageSOPClassUID",
        "CreatorVersionUID",
        "PrivateInformationCreatorUID",
        "ImplementationClassUID",
        "RequestedSOPClassUID",
        "AffectedSOPClassUID",
    ]
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""UI attributes that name a class, transfer syntax, coding scheme or implementation, never an instance."""

CODE_ATTRIBUTES = frozenset(
    tag
    for keyword in ["CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"]
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""Codes (PS3.3 Section 8). SNOMED CT codes look like identifiers and must be kept. Codes that do identify, as those of
persons and institutions do, are in sequences that Table E.1-1 lists as a whole."""
CODING_SCHEMES = frozenset(
    (
        *(
            "DCM",
            "SRT",
            "SCT",
            "SNM3",
            "UCUM",
            "LN",
            "RADLEX",
            "MDC",
            "NCIt",
            "FMA",
            "UMLS",
            "I9C",
            "I9",
            "I10",
            "I10P",
        ),
        *("ICDO3", "ACR", "BARI", "CD8", "NEU", "ITIS_TSN", "NDC", "RO", "RXNORM", "PUBCHEM_CID", "MAYOASRG", "IBSI"),
        *("C4", "C5", "CPT4", "ISO3166_1", "ISO639_1", "ISO639_2", "RFC3066", "RFC5646", "HL7", "IEC61217", "MSH"),
        *("DCMUID", "DC", "GEIIS", "HPC", "NICIP", "NYUMCCG", "POS", "UNS", "USPS", "X12DE522", "ZFIN", "MGI", "MA"),
    )
)
"""PS3.16 Table 8-1: designators of coding schemes."""

TIME_ZONE = 0x00080201
"""Timezone Offset From UTC: an SH in the form `&ZZXX` (PS3.3 Section C.12.1.1.8)."""

LISTS = frozenset(("DS", "IS"))
"""VRs whose values belong together, such as coordinates: one illegal value empties the whole list."""
CHECKED_TEXTS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
"""Text VRs with a prescribed format."""


@cached(_UIDS_CACHED)
def is_class_uid(uid: str) -> bool:
    """Whether a UID may name a class, transfer syntax or coding scheme: registered, or well-formed and short enough."""
    if _UI.fullmatch(uid) is None:
        return False
    if uid.startswith(f"{ROOT}.") or uid == ROOT:
        return is_registered(uid) or may_be_registered_later(uid)
    return len(uid) <= _LONGEST_CLASS and all(len(part) <= _CLASS_COMPONENT for part in uid.split("."))


@cached(_UIDS_CACHED)
def is_registered_uid(uid: str) -> bool:
    """Whether a UID is exactly one that the standard registers."""
    return _UI.fullmatch(uid) is not None and is_registered(uid)


def is_date(text: str) -> bool:
    """Whether a text is a legal DA, or a date in the old form YYYY.MM.DD."""
    match = _DA.fullmatch(text)
    return match is not None and _is_real_date(match[1], match[3], match[4])


def is_date_time(text: str) -> bool:
    """Whether a text is a legal DT, of any precision."""
    match = _DT.fullmatch(text)
    return match is not None and _is_real_date(match[1], match[2] or "1", match[3] or "1")


_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _is_real_date(year: str, month: str, day: str) -> bool:
    number, last = int(year), _DAYS[int(month) - 1] if 1 <= int(month) <= len(_DAYS) else 0
    is_leap = number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)
    return number > 0 and 1 <= int(day) <= last + (is_leap and int(month) == 2)


def is_decimal(text: str) -> bool:
    """Whether a text is a DS; up to LONGEST_NUMBER characters are accepted."""
    return len(text) <= LONGEST_NUMBER and _DS.fullmatch(text) is not None


def is_integer(text: str) -> bool:
    """Whether a text is an IS; whole numbers such as `4.0` are accepted."""
    return _IS.fullmatch(text) is not None and -(2**31) <= int(text.partition(".")[0]) < 2**31


@cached(_VALUES_CACHED)
def legality_of(text: str, vr: str, tag: int = 0) -> Legality:
    """The legality of one value of a kept element, given without trailing padding."""
    if not text:
        return Legality.HARMLESS
    if tag == TIME_ZONE:
        return _legality(_ZONE.fullmatch(text), may_identify=False)
    if vr == "UI":
        is_legal = is_class_uid(text) if tag in STRUCTURAL_UIDS else _UI.fullmatch(text) is not None
        is_harmless = is_registered(text) or (tag in STRUCTURAL_UIDS and text.startswith(f"{ROOT}."))
        return _legality(is_legal, may_identify=not is_harmless)
    check = _CHECKS.get(vr)
    if check is not None:
        return check(text)
    control = _CONTROL_OF_TEXTS if vr in {"LT", "ST", "UT"} else _CONTROL
    is_term = tag in CODE_ATTRIBUTES and (text in CODING_SCHEMES or _code_string(text) is Legality.HARMLESS)
    return _legality(control.search(text) is None, may_identify=not is_term)


def _legality(is_legal: object, *, may_identify: bool) -> Legality:
    if not is_legal:
        return Legality.ILLEGAL
    return Legality.MAY_IDENTIFY if may_identify else Legality.HARMLESS


def _number(is_legal: Callable[[str], bool]) -> Callable[[str], Legality]:
    def check(text: str) -> Legality:
        return _legality(is_legal(text.strip(" ")), may_identify=_LONG_NUMBER.search(text) is not None)

    return check


def _code_string(text: str) -> Legality:
    if _CS.fullmatch(text) is None:
        return Legality.ILLEGAL
    words = _CS_WORD.findall(text)
    is_harmless = all(
        word in TERM_WORDS or (word.isdecimal() and len(word) <= _LONGEST_HARMLESS_NUMBER) or len(word) == 1
        for word in words
    )
    return Legality.HARMLESS if is_harmless else Legality.MAY_IDENTIFY


def _title(text: str) -> Legality:
    return _legality(_AE.fullmatch(text) and text.strip(" "), may_identify=True)


_CHECKS: dict[str, Callable[[str], Legality]] = {
    "AE": _title,
    "AS": lambda text: _legality(_AS.fullmatch(text), may_identify=False),
    "CS": _code_string,
    "DA": lambda text: _legality(is_date(text), may_identify=False),
    "DS": _number(is_decimal),
    "DT": lambda text: _legality(is_date_time(text), may_identify=False),
    "IS": _number(is_integer),
    "TM": lambda text: _legality(_TM.fullmatch(text), may_identify=False),
    "UR": lambda text: _legality(_UR.fullmatch(text), may_identify=True),
}


_PLAIN_TIME = rb"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?)?)?"
SHORT_NUMBERS = 4
"""Bytes of binary numbers that are too few to hold a name."""
_PLAIN = {
    "DS": re.compile(rb"-?\d{1,5}+(?:\.\d{0,20}+)?+(?:\\-?\d{1,5}+(?:\.\d{0,20}+)?+)*+ ?"),
    "IS": re.compile(rb"-?\d{1,5}+(?:\\-?\d{1,5}+)*+ ?"),
    "TM": re.compile(_PLAIN_TIME + rb" ?"),
    **dict.fromkeys(("AT", "SS", "US"), re.compile(b".{0,%d}" % SHORT_NUMBERS, re.DOTALL)),
}
"""Patterns of nearly all values: numbers of up to five digits before the decimal point, and times."""


def plain(vr: str) -> Callable[..., object] | None:
    """A match function for harmless values of a VR, or None. Decoding is too slow for the long lists of contours.

    It takes the value, or bytes that hold it, its beginning and its end: no pattern looks outside of them.
    """
    pattern = _PLAIN.get(vr)
    return None if pattern is None else pattern.fullmatch


def legal_values(values: list[str], vr: str, tag: int = 0) -> list[str]:
    """The values with the illegal ones emptied, or no values if none is left. The same list if all are legal."""
    illegal = [legality_of(text.rstrip(" \0"), vr, tag) is Legality.ILLEGAL for text in values]
    if not any(illegal):
        return values
    if vr in LISTS:
        return []
    left = ["" if is_illegal else text for text, is_illegal in zip(values, illegal, strict=True)]
    return left if any(left) else []


def may_identify(values: list[str], vr: str, tag: int = 0) -> bool:
    """Whether one of the values may hold a person's name or an identifier."""
    return any(legality_of(text.rstrip(" \0"), vr, tag) is Legality.MAY_IDENTIFY for text in values)


def legal_character_sets(terms: list[str]) -> list[str]:
    """The defined terms of (0008,0005), with misspellings corrected; empty if none is left.

    An undefined term is dropped; the first one is emptied instead, since the first value may be empty.
    """
    corrected = [corrected_term(term.strip(" \0")) for term in terms]
    legal = [term if term in CHARACTER_SETS else "" for term in corrected]
    kept = [term for place, term in enumerate(legal) if term or not place]
    return kept if any(kept) else []


OFFSETS, OFFSET_LENGTHS = 0x7FE00001, 0x7FE00002
"""Extended Offset Table and Extended Offset Table Lengths (PS3.3 Section C.7.6.3.1.8)."""
_LONGEST_PIXEL_DATA = 1 << 48
"""Bytes; greater offsets and lengths could spell anything."""


def is_offset_table(tag: int, value: bytes) -> bool:
    """Whether the bytes of OFFSETS or OFFSET_LENGTHS are offsets that begin at 0 and rise, or lengths."""
    if len(value) % 8:
        return False
    numbers = struct.unpack(f"<{len(value) // 8}Q", value)
    if tag == OFFSET_LENGTHS:
        return max(numbers, default=0) < _LONGEST_PIXEL_DATA
    rises = all(before < after for before, after in pairwise(numbers))
    return not numbers or (rises and not numbers[0] and numbers[-1] < _LONGEST_PIXEL_DATA)


def is_text(value: bytes) -> bool:
    """Whether bytes that should be binary are text: printable ASCII, except for trailing padding."""
    stripped = value.rstrip(b" \0")
    return len(stripped) > 1 and stripped.isascii() and _NOT_PRINTABLE.search(stripped) is None


_NOT_PRINTABLE = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
