"""The attributes that describe how an instance was de-identified (PS3.15 Section E.1.1).

They do not depend on original values, except that texts of earlier de-identifications are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from dicomveil_engine.attributes._standard import BASIC_PROFILE, CODING_SCHEME, Code, Option
from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.rewriting.fields import Field, Item, code_item

DEIDENTIFIED = 0x00120062
METHOD_TEXT = 0x00120063
METHOD_CODES = 0x00120064
DATES_MODIFIED = 0x00280303
CODE_VALUE = 0x00080100
"""Code Value in the items of (0012,0064), where codes that are already there are not repeated."""
DEIDENTIFICATION_TAGS = frozenset((DEIDENTIFIED, METHOD_TEXT, METHOD_CODES, DATES_MODIFIED))

METHOD_DESCRIPTION = "dicomveil: PS3.15 Basic Profile"
"""The value of (0012,0063) De-identification Method; (0012,0064) holds the codes of the options."""
VOCABULARY_TEXT = "dicomveil: text vocabulary "
"""Followed by the digest of the vocabulary."""


@dataclass(frozen=True)
class AddMethodText(Method):
    """Cleans the texts of an existing (0012,0063), and adds the policy's own once."""

    name: ClassVar[str] = "addMethodText"
    clean: Clean = field(default_factory=Clean)
    own: tuple[str, ...] = (METHOD_DESCRIPTION,)
    """The texts that this policy adds."""

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Earlier texts are kept, cleaned."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """LO only, the VR of the attribute."""
        return vr == "LO"

    def apply(self, element: Element, context: Context) -> Values | None:
        """The earlier texts, cleaned, then the policy's own."""
        given = [text for text in map(str, element.values) if text not in self.own]
        cleaned = self.clean.apply(replace(element, values=given), context) if given else []
        texts = [text for text in map(str, cleaned or []) if text]
        return [*texts, *self.own]


def method_texts(vocabulary: str) -> tuple[str, ...]:
    """The values of (0012,0063): dicomveil's, and the digest of the vocabulary used in cleaning, if any."""
    return (METHOD_DESCRIPTION, f"{VOCABULARY_TEXT}{vocabulary}") if vocabulary else (METHOD_DESCRIPTION,)


def dates_modified(method: Method) -> str:
    """The value of (0028,0303), from the method for StudyDate, which a rule may have chosen."""
    effect = method.effect("DA")
    if effect.keeps:
        return "UNMODIFIED"
    return "MODIFIED" if effect is Effect.CHANGE else "REMOVED"


@dataclass(frozen=True)
class DeidentificationAttributes:
    """The attributes of PS3.15 Section E.1.1, items 3 and 4."""

    terms: tuple[Code, ...]
    """CID 7050: the profile, then its options."""
    dates: str
    """(0028,0303): REMOVED, MODIFIED or UNMODIFIED."""
    texts: tuple[str, ...] = (METHOD_DESCRIPTION,)
    """(0012,0063)."""

    @classmethod
    def of(
        cls, options: frozenset[Option], dates: str, texts: tuple[str, ...] = (METHOD_DESCRIPTION,)
    ) -> DeidentificationAttributes:
        """The de-identification attributes of the Basic Profile with these options."""
        chosen = sorted(option.code for option in options)
        return cls((BASIC_PROFILE, *chosen), dates, texts)

    @staticmethod
    def vr_of(tag: int) -> str:
        """The VR of a de-identification attribute."""
        return {METHOD_TEXT: "LO", METHOD_CODES: "SQ"}.get(tag, "CS")

    def code_items(self) -> tuple[Item, ...]:
        """The items of (0012,0064), one per term."""
        return tuple(code_item(term.value, CODING_SCHEME, term.meaning) for term in self.terms)

    def fields(self) -> tuple[Field, ...]:
        """All four de-identification attributes, in tag order."""
        return (
            Field(DEIDENTIFIED, "CS", ["YES"]),
            Field(METHOD_TEXT, "LO", list(self.texts)),
            Field(METHOD_CODES, "SQ", [], self.code_items()),
            Field(DATES_MODIFIED, "CS", [self.dates]),
        )
