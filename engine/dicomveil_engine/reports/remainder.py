"""The remaining values of de-identified instances: the unique values of each attribute, the most suspicious first.

People review them, as the curators of TCIA do: a few hundred values are more informative than thousands of instances.

A high score means "look here first", not "this is a leak"; a low score is no guarantee. The points are our choice and
follow the order in which curators look: what looks like an identifier, then names, numbers, and unknown words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Literal

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS, is_class_uid, is_registered_uid
from dicomveil_engine.attributes.well_known import PIXEL_DATA
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import BYTES_VRS, FLOAT_VRS, INTEGER_VRS, Method
from dicomveil_engine.part10.elements import EncodedElement, read_elements
from dicomveil_engine.policy import Policy
from dicomveil_engine.reports.archive_words import ArchiveWord, archive_words
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Infotype
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.spelling import fold
from dicomveil_engine.text.words import DUMMY_WORD

MOST = 100


class Reason(Enum):
    """Why a value is suspicious, and how many points that gives."""

    def __init__(self, text: str, points: int) -> None:
        self.text = text
        self.points = points

    IDENTIFIER = "written like a date, number, address or UID", 50
    """`text.detectors`, in text VRs and in bytes that can be read."""
    PERSON = "a person's name", 40
    """In PN, and not a pseudonym of the project."""
    UID = "a UID that is not a pseudonym", 40
    """In UI, and neither registered nor the name of a class or coding scheme."""
    NAME = "written like a name", 30
    """`Doe^Jane`, `Doe, Jane`, `Dr. Doe`, `Jane Doe`."""
    DATE = "a date as it was", 30
    """In DA or DT, if a rule or option keeps it."""
    OFTEN_IN_NAMES = "a word in many names of the archive", 30
    """By the policy's vocabulary (`archive_words`), like the next two."""
    IN_NAMES = "a word in a name of the archive", 20
    RARE_IN_TEXTS = "a word in few patients' texts", 10
    DIGITS = "five or more digits", 20
    BYTES = "text in binary data", 15
    WORDS = "words that are in no list", 15
    """In free text, of three or more letters: not in `vocabulary`."""
    FREE_TEXT = "free text", 10
    """In LO, LT, SH, ST, UC and UT, into which people type."""
    PRIVATE = "a private or unknown attribute", 10
    RARE = "in one instance only", 10
    """If many instances have the attribute, with few different values."""


READABLE_BYTES_VRS = frozenset(("OB", "OW", "UN", "SQ"))
"""Binary VRs that may hold text (SQ has bytes if its items cannot be read); OD, OF, OL and OV are numbers."""
_FREE_TEXT_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_OTHER_TEXT_VRS = frozenset(("AE", "CS", "UR"))
_DIGITS = re.compile(r"\d{5}")
_NAME = re.compile(
    r"[^\W\d_]{2,}\^[^\W\d_]+"  # Doe^Jane
    r"|\b[A-Z][a-z]+, ?[A-Z][a-z]+"  # Doe, Jane
    r"|\b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme|M)\b\.? ?[A-Z]"  # Dr. Doe
)
_TWO_WORDS = re.compile(r"[A-Z][a-z]+ [A-Z][a-z]+")
"""Jane Doe, but also Chest Routine, so that it counts only if a word is unknown."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_PARTS_OF_KEYWORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CODE = re.compile(r"[\w.\-]{1,16}")
_NAMES = frozenset((Infotype.PERSON_NAME, Infotype.ORGANIZATION_NAME, Infotype.LOCATION))
"""Infotypes that are judged by `_NAME` and by unknown words instead."""
_LENGTH = re.compile(r"\d+ bytes( that are not [A-Z]{2})?")

_BY_ARCHIVE = {
    ArchiveWord.OFTEN_A_NAME: Reason.OFTEN_IN_NAMES,
    ArchiveWord.A_NAME: Reason.IN_NAMES,
    ArchiveWord.RARE: Reason.RARE_IN_TEXTS,
}
About = Literal["pseudonym", "replaced", ""]


@dataclass(frozen=True)
class Suspicion:
    """The reasons against a value."""

    reasons: tuple[Reason, ...] = ()
    about: About = ""
    """Why the value is harmless; empty if it is not known to be."""

    @property
    def score(self) -> int:
        """The sum of the points, at most 100."""
        return min(MOST, sum(reason.points for reason in self.reasons))

    def also(self, reason: Reason) -> Suspicion:
        """The suspicion with one more reason; a harmless value remains harmless."""
        return self if self.about else Suspicion((*self.reasons, reason), self.about)

    def __str__(self) -> str:
        return ", ".join(reason.text for reason in self.reasons)


def judge(text: str, element: EncodedElement, method: Method, policy: Policy) -> Suspicion:
    """Judge one value of an element in the output, for which the policy has this method."""
    if policy.is_pseudonym_patient_id(text) or (element.vr == "UI" and policy.is_pseudonym_uid(text)):
        return Suspicion(about="pseudonym")
    if method.effect(element.vr).replaces or fold(text) == DUMMY_WORD:
        return Suspicion(about="replaced")
    if _LENGTH.fullmatch(text):
        return Suspicion()
    reasons = _by_vr(text, element, method, policy.cleaning)
    if element.tag >> 16 & 1 or not dictionary.keyword_of(element.tag):
        reasons.append(Reason.PRIVATE)
    return Suspicion(tuple(reasons))


def _by_vr(text: str, element: EncodedElement, method: Method, settings: TextSettings) -> list[Reason]:
    vr = element.vr
    if vr == "PN":
        return [Reason.PERSON]
    if vr == "UI":
        is_class = element.tag in STRUCTURAL_UIDS and is_class_uid(text)
        return [] if is_class or is_registered_uid(text) else [Reason.UID]
    if vr in {"DA", "DT"}:
        return [Reason.DATE] if method.effect(vr).keeps else []
    if element.tag in CODE_ATTRIBUTES and _CODE.fullmatch(text):
        return []  # codes may be long numbers
    if vr in READABLE_BYTES_VRS:
        return [*_in_text(text, settings), Reason.BYTES]
    if vr in _FREE_TEXT_VRS:
        return [*_in_text(text, settings), *([Reason.WORDS] if _has_unknown_word(text) else []), Reason.FREE_TEXT]
    if vr in _OTHER_TEXT_VRS:
        return _in_text(text, settings)
    return [Reason.DIGITS] if vr == "IS" and _DIGITS.search(text) else []


def _in_text(text: str, settings: TextSettings) -> list[Reason]:
    reasons = []
    from dicomveil_engine.text.detectors import detect  # noqa: PLC0415 - it compiles many patterns

    analysed = AnalysedText(text, settings)
    found = detect(analysed)
    if any(finding.infotype not in _NAMES for finding in found):
        reasons.append(Reason.IDENTIFIER)
    if (
        any(finding.infotype == Infotype.PERSON_NAME for finding in found)
        or _NAME.search(text)
        or (_TWO_WORDS.fullmatch(text) and _has_unknown_word(text))
    ):
        reasons.append(Reason.NAME)
    if _DIGITS.search(text):
        reasons.append(Reason.DIGITS)
    word = archive_words(analysed)
    return reasons if word is None else [*reasons, _BY_ARCHIVE[word]]


def _has_unknown_word(text: str) -> bool:
    return not vocabulary().issuperset(_WORD.findall(fold(text)))


@cache
def vocabulary() -> frozenset[str]:
    """Words of keywords (PS3.6), concept names (PS3.16) and descriptions, in lower case; made when first needed."""
    import pydicom  # noqa: F401, PLC0415 - before a module of it, as in `characters`
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415 - it takes nearly a second, and only reviews need it

    names = [*dictionary.keywords(), *(name for scheme in concepts.values() for name in scheme)]
    return DESCRIPTIVE_WORDS | {word.lower() for name in names for word in _PARTS_OF_KEYWORD.findall(name)}


LONGEST_TEXT = 200
"""Characters of a value that are recorded; more are judged, up to LONGEST_JUDGED."""
LONGEST_JUDGED = 16_384
UNIQUE_VALUES = 1_000
"""Values recorded per attribute by default."""
ATTRIBUTES = 20_000
"""Attributes recorded at most, since private blocks may have any number."""
RARE_AMONG = 20
"""Instances with an attribute from which a value in only one of them is rare."""

_NUMBER_VRS = FLOAT_VRS | INTEGER_VRS | {"DS", "IS"}
_PRINTABLE_RUN = re.compile(rb"[ -~]{6,}")


@dataclass(frozen=True)
class Attribute:
    """An attribute by its path without item numbers: the tags of the enclosing sequences, and its own."""

    tags: tuple[int, ...]
    vr: str
    creator: str | None

    def __str__(self) -> str:
        """Such as `(0008,1140)>(0008,1155)`; for a private one with its creator instead of its block."""
        *around, own = self.tags
        text = "".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})>" for tag in around)
        if self.creator is None:
            return f"{text}({own >> 16:04X},{own & 0xFFFF:04X})"
        return f"{text}({own >> 16:04X},xx{own & 0xFF:02X}:{self.creator})"

    @property
    def keyword(self) -> str:
        """By PS3.6; empty for private and unknown attributes."""
        return dictionary.keyword_of(self.tags[-1])


@dataclass(frozen=True)
class RemainingValue:
    """A value in the output, and how suspicious it is."""

    attribute: Attribute
    text: str
    instances: int
    """The number of instances with it."""
    suspicion: Suspicion


@dataclass
class _Values:
    """The unique values of one attribute."""

    instances: int = 0
    """The number of instances in which the attribute has a value."""
    by_text: dict[str, tuple[int, Suspicion]] = field(default_factory=dict)
    beyond: int = 0
    """Occurrences of values that were not recorded."""


class Remainder:
    """Collects the values of de-identified instances, in bounded memory."""

    def __init__(self, policy: Policy, *, unique_values: int = UNIQUE_VALUES) -> None:
        self._policy = policy
        self._unique_values = unique_values
        self._attributes: dict[Attribute, _Values] = {}
        self.instances = 0
        """The number of instances added."""
        self.beyond_attributes = 0
        """Occurrences of attributes that were not recorded, since there were too many."""

    def add(self, instance: bytes) -> None:
        """Add the values of an instance that the policy has de-identified. Raises InvalidDataSetError."""
        found: dict[Attribute, set[tuple[str, Suspicion]]] = {}
        for element in read_elements(instance):
            if not len(element.value) or element.tag == PIXEL_DATA:
                continue
            if self._policy.claims is not None and element.path[0] in DEIDENTIFICATION_TAGS:
                continue  # written by the policy; earlier values were cleaned
            attribute = _attribute_of(element)
            found.setdefault(attribute, set()).update(self._judged(element))
        self.instances += 1
        for attribute, values in found.items():
            self._count(attribute, values)

    def values(self) -> list[RemainingValue]:
        """The recorded values, the most suspicious first, then those in fewer instances."""
        listed = []
        for attribute, values in self._attributes.items():
            for text, (instances, suspicion) in values.by_text.items():
                judged = suspicion.also(Reason.RARE) if _is_rare(values, instances) else suspicion
                listed.append(RemainingValue(attribute, text, instances, judged))
        return sorted(listed, key=lambda one: (-one.suspicion.score, one.instances, one.attribute.tags, one.text))

    def beyond(self) -> dict[Attribute, int]:
        """Attribute with too many unique values → occurrences of values that were not recorded."""
        return {attribute: values.beyond for attribute, values in self._attributes.items() if values.beyond}

    def _judged(self, element: EncodedElement) -> set[tuple[str, Suspicion]]:
        method = self._policy.decide(element.tag, element.vr, element.creator).method
        judged = set()
        for text in _texts(element):
            suspicion = judge(text[:LONGEST_JUDGED], element, method, self._policy)
            judged.add((_ABOUT[suspicion.about] if suspicion.about else text, suspicion))
        return judged

    def _count(self, attribute: Attribute, found: set[tuple[str, Suspicion]]) -> None:
        values = self._attributes.get(attribute)
        if values is None:
            if len(self._attributes) >= ATTRIBUTES:
                self.beyond_attributes += 1
                return
            values = self._attributes[attribute] = _Values()
        values.instances += 1
        for text, suspicion in found:
            shown = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
            instances, worst = values.by_text.get(shown, (0, suspicion))
            if not instances and len(values.by_text) >= self._unique_values:
                values.beyond += 1
            else:
                values.by_text[shown] = (instances + 1, max(worst, suspicion, key=lambda each: each.score))


_ABOUT: dict[str, str] = {
    "pseudonym": "(pseudonyms of this project)",
    "replaced": "(values that the profile's rules have made)",
}
"""The text under which all harmless values of a kind are recorded."""


def _attribute_of(element: EncodedElement) -> Attribute:
    tags = element.path[::2]
    own = element.tag & 0xFFFF00FF if element.creator is not None else element.tag
    return Attribute((*tags[:-1], own), element.vr, element.creator)


def _is_rare(values: _Values, instances: int) -> bool:
    return instances == 1 and values.instances >= RARE_AMONG and len(values.by_text) < values.instances / 2


def _texts(element: EncodedElement) -> list[str]:
    """The values as texts: numbers joined, and the readable parts of bytes."""
    if element.vr in BYTES_VRS or element.vr == "SQ":
        readable = element.value[: 4 * LONGEST_JUDGED] if element.vr in READABLE_BYTES_VRS else b""
        runs = _PRINTABLE_RUN.findall(readable)
        text = " ".join(run.decode("ascii").strip() for run in runs)
        return [text] if text else [f"{len(element.value)} bytes"]
    try:
        values = element.values()
    except InvalidDataSetError:
        return [f"{len(element.value)} bytes that are not {element.vr}"]
    if element.vr in _NUMBER_VRS:
        return ["\\".join(map(str, values))]
    return [text for text in map(str, values) if text]
