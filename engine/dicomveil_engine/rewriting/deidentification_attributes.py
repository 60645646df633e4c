"""What a de-identified instance says of its own de-identification (PS3.15 E.1.1).

Nothing here depends on the original values, but for the texts of earlier de-identifications, which stay.
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
"""In (0012,0064): codes that are there already are not repeated."""
DEIDENTIFICATION_TAGS = frozenset((DEIDENTIFIED, METHOD_TEXT, METHOD_CODES, DATES_MODIFIED))

METHOD_DESCRIPTION = "dicomveil: PS3.15 Basic Profile"
"""(0012,0063) De-identification Method; the options stand beside it as codes."""
VOCABULARY_TEXT = "dicomveil: text vocabulary "
"""Before the digest of a vocabulary."""


@dataclass(frozen=True)
class AddMethodText(Method):
    """How (0012,0063) changes where it exists: earlier texts stay, cleaned, and ours is added once."""

    name: ClassVar[str] = "mark"
    clean: Clean = field(default_factory=Clean)
    own: tuple[str, ...] = (METHOD_DESCRIPTION,)
    """What this policy adds."""

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Earlier texts remain."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """The attribute's own VR."""
        return vr == "LO"

    def apply(self, element: Element, context: Context) -> Values | None:
        """The earlier texts and ours."""
        given = [text for text in map(str, element.values) if text not in self.own]
        cleaned = self.clean.apply(replace(element, values=given), context) if given else []
        texts = [text for text in map(str, cleaned or []) if text]
        return [*texts, *self.own]


def method_texts(vocabulary: str) -> tuple[str, ...]:
    """The values of (0012,0063): ours, and the digest of the vocabulary by which texts were cleaned, where one was."""
    return (METHOD_DESCRIPTION, f"{VOCABULARY_TEXT}{vocabulary}") if vocabulary else (METHOD_DESCRIPTION,)


def dates_modified(method: Method) -> str:
    """(0028,0303) from what happens to the StudyDate: rules count, not only the profile's options."""
    effect = method.effect("DA")
    if effect.keeps:
        return "UNMODIFIED"
    return "MODIFIED" if effect is Effect.CHANGE else "REMOVED"


@dataclass(frozen=True)
class DeidentificationAttributes:
    """What the instance says of its own de-identification, PS3.15 E.1.1 items 3 and 4."""

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
        """The VR of a mark."""
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
