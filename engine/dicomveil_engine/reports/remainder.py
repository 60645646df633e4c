"""What is left in instances after de-identification: the unique values of each attribute, the most suspicious first.

People review these, as the curators of TCIA do: a few hundred values say more than a few thousand instances. It shows
values, which is its purpose.

A high score says "look here first", not "this is a leak"; a low one is not a promise. The points are a choice of ours,
in the order in which curators look: what is written like an identifier, then names, then numbers, then words that
no list knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Literal

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from dicomveil_engine.attributes.well_known import PIXEL_DATA
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import BYTES_VRS, FLOAT_VRS, INTEGER_VRS, Method
from dicomveil_engine.part10.elements import EncodedElement, read_elements
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.uids import REGISTERED_ROOT
from dicomveil_engine.reports.archive_words import ArchiveWord, archive_words
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Infotype
from dicomveil_engine.text.settings import TextSettings
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
    UID = "a UID that is not a pseudonym", 40
    """In UI, and neither registered nor the name of a class or coding scheme."""
    NAME = "written like a name", 30
    """`Doe^Jane`, `Doe, Jane`, `Dr. Doe`, `Jane Doe`."""
    DATE = "a date as it was", 30
    """In DA or DT that a rule or option keeps."""
    OFTEN_IN_NAMES = "a word in many names of the archive", 30
    """By the policy's vocabulary (`archive_words`), as the next two."""
    IN_NAMES = "a word in a name of the archive", 20
    RARE_IN_TEXTS = "a word in few patients' texts", 10
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
_NAMES = frozenset((Infotype.PERSON_NAME, Infotype.ORGANIZATION_NAME, Infotype.LOCATION))
"""Judged by `_NAME` and by the words that no list knows."""
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
        harmless = element.tag in STRUCTURAL_UIDS or text.startswith(REGISTERED_ROOT)
        return [] if harmless else [Reason.UID]
    if vr in {"DA", "DT"}:
        return [Reason.DATE] if method.effect(vr).keeps else []
    if element.tag in CODE_ATTRIBUTES and _CODE.fullmatch(text):
        return []  # long numbers are what codes are made of
    if vr in READABLE_BYTES_VRS:
        return [*_in_text(text, settings), Reason.BYTES]
    if vr in _FREE_TEXT_VRS:
        return [*_in_text(text, settings), *([Reason.WORDS] if _has_unknown_word(text) else []), Reason.FREE_TEXT]
    if vr in _OTHER_TEXT_VRS:
        return _in_text(text, settings)
    return [Reason.DIGITS] if vr == "IS" and _DIGITS.search(text) else []


def _in_text(text: str, settings: TextSettings) -> list[Reason]:
    reasons = []
    from dicomveil_engine.text.detectors import detect  # noqa: PLC0415 - many patterns; made with the first text

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
    """Words of keywords (PS3.6), concept names (PS3.16) and descriptions, in lower case; made when first asked for."""
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415 - it takes most of a second, and only reviews need it

    names = [*dictionary.keywords(), *(name for scheme in concepts.values() for name in scheme)]
    return DESCRIPTIVE_WORDS | {word.lower() for name in names for word in _PARTS_OF_KEYWORD.findall(name)}


LONGEST_TEXT = 200
"""Characters of a value that are recorded; all of it is judged, up to LONGEST_JUDGED."""
LONGEST_JUDGED = 16_384
UNIQUE_VALUES = 1_000
"""Recorded per attribute if nothing else is asked for."""
ATTRIBUTES = 20_000
"""Recorded at most: odd private blocks must not fill the memory."""
RARE_AMONG = 20
"""Instances that must have an attribute before a value that only one of them has is called rare."""

_NUMBER_VRS = FLOAT_VRS | INTEGER_VRS | {"DS", "IS"}
_PRINTABLE_RUN = re.compile(rb"[ -~]{6,}")


@dataclass(frozen=True)
class Attribute:
    """An attribute wherever it stands: the tags of the sequences around it, without item numbers, and its own."""

    tags: tuple[int, ...]
    vr: str
    creator: str | None

    def __str__(self) -> str:
        """Such as `(0008,1140)>(0008,1155)`; a private one with its creator, whichever its block."""
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
    """One value that came out, and what speaks against it."""

    attribute: Attribute
    text: str
    instances: int
    """In how many instances it stands."""
    suspicion: Suspicion


@dataclass
class _Values:
    """The unique values of one attribute."""

    instances: int = 0
    """In how many instances the attribute has a value."""
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
        """How many were added."""
        self.beyond_attributes = 0
        """Elements of attributes that were too many to be recorded."""

    def add(self, instance: bytes) -> None:
        """Add the values of an instance that the policy has de-identified. Raises InvalidDataSetError."""
        found: dict[Attribute, set[tuple[str, Suspicion]]] = {}
        for element in read_elements(instance):
            if not len(element.value) or element.tag == PIXEL_DATA:
                continue
            if self._policy.claims is not None and element.path[0] in DEIDENTIFICATION_TAGS:
                continue  # ours, and earlier ones have been cleaned
            attribute = _attribute_of(element)
            found.setdefault(attribute, set()).update(self._judged(element))
        self.instances += 1
        for attribute, values in found.items():
            self._count(attribute, values)

    def values(self) -> list[RemainingValue]:
        """All that is recorded, the most suspicious first; of equals, what fewer instances have."""
        listed = []
        for attribute, values in self._attributes.items():
            for text, (instances, suspicion) in values.by_text.items():
                judged = suspicion.also(Reason.RARE) if _is_rare(values, instances) else suspicion
                listed.append(RemainingValue(attribute, text, instances, judged))
        return sorted(listed, key=lambda each: (-each.suspicion.score, each.instances, each.attribute.tags, each.text))

    def beyond(self) -> dict[Attribute, int]:
        """For each attribute with more unique values than are recorded, how many occurrences were left out."""
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
"""What is harmless and different everywhere stands for all its like."""


def _attribute_of(element: EncodedElement) -> Attribute:
    tags = element.path[::2]
    own = element.tag & 0xFFFF00FF if element.creator is not None else element.tag
    return Attribute((*tags[:-1], own), element.vr, element.creator)


def _is_rare(values: _Values, instances: int) -> bool:
    return instances == 1 and values.instances >= RARE_AMONG and len(values.by_text) < values.instances / 2


def _texts(element: EncodedElement) -> list[str]:
    """The values as texts: of numbers all together, of bytes what can be read in them."""
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
