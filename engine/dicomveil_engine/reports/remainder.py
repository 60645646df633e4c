"""What is left in instances after de-identification: the unique values of each attribute, the most suspicious first.

People review these, as the curators of TCIA do: a few hundred values say more than a few thousand instances. It shows
values, which is its purpose. How a value is judged is in `suspicion`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.well_known import PIXEL_DATA
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import BYTES_VRS, FLOAT_VRS, INTEGER_VRS
from dicomveil_engine.part10.elements import EncodedElement, read_elements
from dicomveil_engine.policy import Policy
from dicomveil_engine.reports.suspicion import READABLE_BYTES_VRS, Reason, Suspicion, judge

LONGEST_TEXT = 200
"""Characters of a value that are remembered; all of it is judged, up to LONGEST_JUDGED."""
LONGEST_JUDGED = 16_384
UNIQUE_VALUES = 1_000
"""Remembered per attribute if nothing else is asked for."""
ATTRIBUTES = 20_000
"""Remembered: odd private blocks must not fill the memory."""
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
    """Occurrences of values that were not remembered."""


class Remainder:
    """Collects the values of de-identified instances, in bounded memory."""

    def __init__(self, policy: Policy, *, unique_values: int = UNIQUE_VALUES) -> None:
        self._policy = policy
        self._unique_values = unique_values
        self._attributes: dict[Attribute, _Values] = {}
        self.instances = 0
        """How many were added."""
        self.beyond_attributes = 0
        """Elements of attributes that were too many to be remembered."""

    def add(self, instance: bytes) -> None:
        """Add the values of an instance that the policy has de-identified. Raises InvalidDataSetError."""
        found: dict[Attribute, set[tuple[str, Suspicion]]] = {}
        for element in read_elements(instance):
            if not len(element.value) or element.tag == PIXEL_DATA:
                continue
            attribute = _attribute_of(element)
            found.setdefault(attribute, set()).update(self._judged(element))
        self.instances += 1
        for attribute, values in found.items():
            self._count(attribute, values)

    def values(self) -> list[RemainingValue]:
        """All that is remembered, the most suspicious first; of equals, what fewer instances have."""
        listed = []
        for attribute, values in self._attributes.items():
            for text, (instances, suspicion) in values.by_text.items():
                judged = suspicion.also(Reason.RARE) if _is_rare(values, instances) else suspicion
                listed.append(RemainingValue(attribute, text, instances, judged))
        return sorted(listed, key=lambda each: (-each.suspicion.score, each.instances, each.attribute.tags, each.text))

    def beyond(self) -> dict[Attribute, int]:
        """For each attribute with more unique values than are remembered, how many occurrences were left out."""
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
        return [f"{len(element.value)} bytes that are no {element.vr}"]
    if element.vr in _NUMBER_VRS:
        return ["\\".join(map(str, values))]
    return [text for text in map(str, values) if text]
