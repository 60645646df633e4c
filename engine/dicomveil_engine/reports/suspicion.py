"""How suspicious a value is that came out of de-identification: points, each with its reason.

A high score says "look here first", not "this is a leak"; a low one is no promise. The points are a choice of ours,
in the order in which curators look: what is written like an identifier, then names, then numbers, then words that
no list knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Literal

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.methods.base import Method
from dicomveil_engine.part10.elements import EncodedElement
from dicomveil_engine.policy import Policy
from dicomveil_engine.profile import CODE_TEXT, STRUCTURAL_UIDS
from dicomveil_engine.pseudonyms.uids import REGISTERED_ROOT
from dicomveil_engine.rewriting.deidentification_attributes import METHOD_DESCRIPTION
from dicomveil_engine.text.detectors import detect
from dicomveil_engine.text.reading import Reading
from dicomveil_engine.text.spelling import fold
from dicomveil_engine.text.words import DUMMY_WORD

MOST = 100


class Reason(Enum):
    """What speaks against a value, and its points."""

    def __init__(self, text: str, points: int) -> None:
        self.text = text
        self.points = points

    IDENTIFIER = "written like a date, number, address or UID", 50
    """`text.detectors`, in text VRs and in bytes that can be read."""
    PERSON = "a person's name", 40
    """In PN, and not a pseudonym of the project."""
    UID = "a UID that is no pseudonym", 40
    """In UI, and neither registered nor the name of a class or coding scheme."""
    NAME = "written like a name", 30
    """`Doe^Jane`, `Doe, Jane`, `Dr. Doe`, `Jane Doe`."""
    DATE = "a date as it was", 30
    """In DA or DT that a rule or option keeps."""
    DIGITS = "five or more digits", 20
    BYTES = "text in binary data", 15
    WORDS = "words that no list knows", 15
    """In free text, of three or more letters: not in `vocabulary`."""
    FREE_TEXT = "free text", 10
    """VRs into which people type: LO LT SH ST UC UT."""
    PRIVATE = "a private or unknown attribute", 10
    RARE = "in one instance only", 10
    """Where many others have the attribute, and few different values."""


READABLE_BYTES_VRS = frozenset(("OB", "OW", "UN", "SQ"))
"""Bytes in which text can be (SQ has bytes where no items can be read); OD OF OL OV are numbers."""
_FREE_TEXT_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_OTHER_TEXT_VRS = frozenset(("AE", "CS", "UR"))
_DIGITS = re.compile(r"\d{5}")
_NAME = re.compile(
    r"[^\W\d_]{2,}\^[^\W\d_]+"  # Doe^Jane
    r"|\b[A-Z][a-z]+, ?[A-Z][a-z]+"  # Doe, Jane
    r"|\b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme|M)\b\.? ?[A-Z]"  # Dr. Doe
)
_TWO_WORDS = re.compile(r"[A-Z][a-z]+ [A-Z][a-z]+")
"""Jane Doe; but Chest Routine too, so that it counts only where a word is unknown."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_PARTS_OF_KEYWORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CODE = re.compile(r"[\w.\-]{1,16}")
_LENGTH = re.compile(r"\d+ bytes( that are no [A-Z]{2})?")

About = Literal["pseudonym", "replaced", ""]


@dataclass(frozen=True)
class Suspicion:
    """The reasons against a value."""

    reasons: tuple[Reason, ...] = ()
    about: About = ""
    """For what is harmless: why."""

    @property
    def score(self) -> int:
        """The points together, 100 at most."""
        return min(MOST, sum(reason.points for reason in self.reasons))

    def also(self, reason: Reason) -> Suspicion:
        """With one more reason; what is harmless stays so."""
        return self if self.about else Suspicion((*self.reasons, reason), self.about)

    def __str__(self) -> str:
        return ", ".join(reason.text for reason in self.reasons)


def judge(text: str, element: EncodedElement, method: Method, policy: Policy) -> Suspicion:
    """Judge one value of an element that came out by this method of the policy."""
    if policy.is_pseudonym_patient_id(text) or (element.vr == "UI" and policy.is_pseudonym_uid(text)):
        return Suspicion(about="pseudonym")
    if method.effect(element.vr).replaces or fold(text) == DUMMY_WORD or text == METHOD_DESCRIPTION:
        return Suspicion(about="replaced")
    if _LENGTH.fullmatch(text):
        return Suspicion()
    reasons = _by_vr(text, element, method)
    if element.tag >> 16 & 1 or not dictionary.keyword_of(element.tag):
        reasons.append(Reason.PRIVATE)
    return Suspicion(tuple(reasons))


def _by_vr(text: str, element: EncodedElement, method: Method) -> list[Reason]:
    vr = element.vr
    if vr == "PN":
        return [Reason.PERSON]
    if vr == "UI":
        harmless = element.tag in STRUCTURAL_UIDS or text.startswith(REGISTERED_ROOT)
        return [] if harmless else [Reason.UID]
    if vr in {"DA", "DT"}:
        return [Reason.DATE] if method.effect(vr).keeps else []
    if element.tag in CODE_TEXT and _CODE.fullmatch(text):
        return []  # long numbers are what codes are made of
    if vr in READABLE_BYTES_VRS:
        return [*_in_text(text), Reason.BYTES]
    if vr in _FREE_TEXT_VRS:
        return [*_in_text(text), *([Reason.WORDS] if _has_unknown_word(text) else []), Reason.FREE_TEXT]
    if vr in _OTHER_TEXT_VRS:
        return _in_text(text)
    return [Reason.DIGITS] if vr == "IS" and _DIGITS.search(text) else []


def _in_text(text: str) -> list[Reason]:
    reasons = []
    if detect(Reading(text)):
        reasons.append(Reason.IDENTIFIER)
    if _NAME.search(text) or (_TWO_WORDS.fullmatch(text) and _has_unknown_word(text)):
        reasons.append(Reason.NAME)
    if _DIGITS.search(text):
        reasons.append(Reason.DIGITS)
    return reasons


def _has_unknown_word(text: str) -> bool:
    return not vocabulary().issuperset(_WORD.findall(fold(text)))


@cache
def vocabulary() -> frozenset[str]:
    """Words of keywords (PS3.6), concept names (PS3.16) and descriptions, in lower case; made when first asked for."""
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415 - it takes most of a second, and only reviews need it

    names = [*dictionary.keywords(), *(name for scheme in concepts.values() for name in scheme)]
    return DESCRIPTIVE_WORDS | {word.lower() for name in names for word in _PARTS_OF_KEYWORD.findall(name)}
