"""What a value that is kept must look like: by its VR (PS3.5 Section 6.2), and for a few attributes by PS3.3.

Pure functions of one value's text, or bytes. They are as strict as is safe and no stricter: what archives really hold
beyond the standard's letter passes where nothing but a number, a time or a term can be said by it. What names somebody
in a legal value only the data set itself decides: `Finding.WORDS` says where to look.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import DEFINED_TERM_WORDS, DESCRIPTIVE_WORDS
from dicomveil_engine.attributes._standard.registered_uids import ROOT, is_registered, may_be_registered_later
from dicomveil_engine.bounded_cache import cached

_VALUES_CACHED = 16_384
_UIDS_CACHED = 4_096


class Legality(Enum):
    """What can be said of a value by itself."""

    ILLEGAL = "illegal"
    """It must not come out."""
    EVERYBODY = "everybody's"
    """It is legal, and identifies no patient."""
    WORDS = "words"
    """It is legal, and may hold a word or a number of somebody's."""


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
"""Characters of a DS: modalities write more than the 16 of PS3.5, as programs print numbers of 64 bits."""
IDENTIFYING_DIGITS = 6
"""A number of fewer digits says too little of anybody: it is found in every data set."""
_LONG_NUMBER = re.compile(r"(?<![\d.])0*[1-9]\d{5}|[Ee]\+?\d", re.ASCII)
"""A number of six digits before its decimal point, or with a power of ten that may give it so many."""

_CLASS_COMPONENT = 7
"""Digits in a component of a class UID. Organizations' numbers have up to seven; a date has eight."""
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
"""With colons too: the form of ACR-NEMA 300, which PS3.5 asks readers to support."""
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

_TERM_WORDS = DEFINED_TERM_WORDS | {word.upper() for word in DESCRIPTIVE_WORDS}
"""Words of defined terms, and words that describe images: they say nothing of a patient with that name."""
_LONGEST_ANYBODYS_NUMBER = 2

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
"""UI attributes that name a class, a syntax or a coding scheme, never somebody's instance."""

CODE_ATTRIBUTES = frozenset(
    tag
    for keyword in ["CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"]
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""Text that a program reads (PS3.3 Section 8)."""
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
"""Timezone Offset From UTC: an SH with the form of an offset (PS3.3 Section C.12.1.1.8)."""

LISTS = frozenset(("DS", "IS"))
"""VRs whose values mean something together, as coordinates do: of a list with an illegal value nothing stays."""
CHECKED_TEXTS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
"""Text VRs with a form."""


@cached(_UIDS_CACHED)
def is_class_uid(uid: str) -> bool:
    """Whether a UID can be that of a class, a syntax or a scheme: registered, or an organization's well-formed one."""
    if _UI.fullmatch(uid) is None:
        return False
    if uid.startswith(f"{ROOT}.") or uid == ROOT:
        return is_registered(uid) or may_be_registered_later(uid)
    return len(uid) <= _LONGEST_CLASS and all(len(part) <= _CLASS_COMPONENT for part in uid.split("."))


@cached(_UIDS_CACHED)
def is_registered_uid(uid: str) -> bool:
    """Whether a UID is one of the standard's own, with nothing behind it."""
    return _UI.fullmatch(uid) is not None and is_registered(uid)


def is_date(text: str) -> bool:
    """Whether a text is a DA; also in the form YYYY.MM.DD."""
    match = _DA.fullmatch(text)
    return match is not None and _is_real_date(match[1], match[3], match[4])


def is_date_time(text: str) -> bool:
    """Whether a text is a DT, of any precision."""
    match = _DT.fullmatch(text)
    return match is not None and _is_real_date(match[1], match[2] or "1", match[3] or "1")


_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _is_real_date(year: str, month: str, day: str) -> bool:
    number, last = int(year), _DAYS[int(month) - 1] if 1 <= int(month) <= len(_DAYS) else 0
    is_leap = number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)
    return number > 0 and 1 <= int(day) <= last + (is_leap and int(month) == 2)


def is_decimal(text: str) -> bool:
    """Whether a text is a number as DS writes it, of any usual length."""
    return len(text) <= LONGEST_NUMBER and _DS.fullmatch(text) is not None


def is_integer(text: str) -> bool:
    """Whether a text is an IS; `4.0` is the whole number that it looks like."""
    return _IS.fullmatch(text) is not None and -(2**31) <= int(text.partition(".")[0]) < 2**31


@cached(_VALUES_CACHED)
def finding(text: str, vr: str, tag: int = 0) -> Legality:
    """What can be said of one value of a kept element, without padding at its end. An empty value is everybody's."""
    if not text:
        return Legality.EVERYBODY
    if tag == TIME_ZONE:
        return Legality.EVERYBODY if _ZONE.fullmatch(text) else Legality.ILLEGAL
    if vr == "UI":
        is_legal = is_class_uid(text) if tag in STRUCTURAL_UIDS else _UI.fullmatch(text) is not None
        is_everybodys = is_registered(text) or (tag in STRUCTURAL_UIDS and text.startswith(f"{ROOT}."))
        return _found(is_legal, has_words=not is_everybodys)
    check = _CHECKS.get(vr)
    if check is not None:
        return check(text)
    control = _CONTROL_OF_TEXTS if vr in {"LT", "ST", "UT"} else _CONTROL
    is_term = tag in CODE_ATTRIBUTES and (text in CODING_SCHEMES or _code_string(text) is Legality.EVERYBODY)
    return _found(control.search(text) is None, has_words=not is_term)


def _found(is_legal: object, *, has_words: bool) -> Legality:
    if not is_legal:
        return Legality.ILLEGAL
    return Legality.WORDS if has_words else Legality.EVERYBODY


def _number(is_legal: Callable[[str], bool]) -> Callable[[str], Legality]:
    def check(text: str) -> Legality:
        return _found(is_legal(text.strip(" ")), has_words=_LONG_NUMBER.search(text) is not None)

    return check


def _code_string(text: str) -> Legality:
    if _CS.fullmatch(text) is None:
        return Legality.ILLEGAL
    words = _CS_WORD.findall(text)
    is_everybodys = all(
        word in _TERM_WORDS or (word.isdecimal() and len(word) <= _LONGEST_ANYBODYS_NUMBER) or len(word) == 1
        for word in words
    )
    return Legality.EVERYBODY if is_everybodys else Legality.WORDS


def _title(text: str) -> Legality:
    return _found(_AE.fullmatch(text) and text.strip(" "), has_words=True)


_CHECKS: dict[str, Callable[[str], Legality]] = {
    "AE": _title,
    "AS": lambda text: _found(_AS.fullmatch(text), has_words=False),
    "CS": _code_string,
    "DA": lambda text: _found(is_date(text), has_words=False),
    "DS": _number(is_decimal),
    "DT": lambda text: _found(is_date_time(text), has_words=False),
    "IS": _number(is_integer),
    "TM": lambda text: _found(_TM.fullmatch(text), has_words=False),
    "UR": lambda text: _found(_UR.fullmatch(text), has_words=True),
}


_PLAIN_TIME = rb"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?)?)?"
SHORT_NUMBERS = 4
"""Bytes of numbers that can be no name."""
_PLAIN = {
    "DS": re.compile(rb"-?\d{1,5}+(?:\.\d{0,20}+)?+(?:\\-?\d{1,5}+(?:\.\d{0,20}+)?+)*+ ?"),
    "IS": re.compile(rb"-?\d{1,5}+(?:\\-?\d{1,5}+)*+ ?"),
    "TM": re.compile(_PLAIN_TIME + rb" ?"),
    **dict.fromkeys(("AT", "SS", "US"), re.compile(b".{0,%d}" % SHORT_NUMBERS, re.DOTALL)),
}
"""How nearly all values look: numbers of up to five digits before the point, and times."""


def plain(vr: str) -> Callable[[bytes], object] | None:
    """Recognises bytes, without decoding them, as legal and no one's own; contours are long lists."""
    pattern = _PLAIN.get(vr)
    return None if pattern is None else pattern.fullmatch


def legal_values(values: list[str], vr: str, tag: int = 0) -> list[str]:
    """The values without the illegal ones, in their places; nothing if none is left. The list itself if all stay."""
    illegal = [finding(text.rstrip(" \0"), vr, tag) is Legality.ILLEGAL for text in values]
    if not any(illegal):
        return values
    if vr in LISTS:
        return []
    left = ["" if is_illegal else text for text, is_illegal in zip(values, illegal, strict=True)]
    return left if any(left) else []


def may_identify(values: list[str], vr: str, tag: int = 0) -> bool:
    """Whether one of the values may hold a word or a number of somebody's."""
    return any(finding(text.rstrip(" \0"), vr, tag) is Legality.WORDS for text in values)


def legal_character_sets(terms: list[str]) -> list[str]:
    """The terms of (0008,0005) that are defined, misspelled ones as they should be; nothing if none is left.

    An undefined term beside others leaves its place empty only if it is the first; elsewhere it is dropped.
    """
    named = [_term(term.strip(" \0")) for term in terms]
    kept = [term for place, term in enumerate(named) if term or not place]
    return kept if any(kept) else []


_SINGLE = re.compile(r"ISO[ _-]IR[ _-]?(\d+)", re.ASCII)
_EXTENSION = re.compile(r"ISO[ _-]2022[ _-]IR[ _-]?(\d+)", re.ASCII)


def _term(term: str) -> str:
    if term in CHARACTER_SETS:
        return term
    if match := _SINGLE.fullmatch(term):
        term = f"ISO_IR {int(match[1])}"
    elif match := _EXTENSION.fullmatch(term):
        term = f"ISO 2022 IR {int(match[1])}"
    elif term.upper() in {"UTF-8", "UTF8"}:
        term = "ISO_IR 192"
    return term if term in CHARACTER_SETS else ""


def is_text(value: bytes) -> bool:
    """Whether bytes that should be binary are a text: printable ASCII, but for padding at the end."""
    stripped = value.rstrip(b" \0")
    return len(stripped) > 1 and stripped.isascii() and _NOT_PRINTABLE.search(stripped) is None


_NOT_PRINTABLE = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
