"""The compound action codes of PS3.15 Table E.1-1, whose meaning depends on the attribute's type in the instance's IOD.

X/Z/D, for example, is "X unless Z or D is required to maintain IOD conformance" (PS3.15 Table E.1-1a). Only the
profile uses this method; rules cannot name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from dicomveil_engine.attributes._standard.attribute_types import ATTRIBUTE_TYPES, AttributeType
from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.pseudonyms.keys import Keys

BY_TYPE = "*by type*"

CHOICES: dict[str, dict[AttributeType | None, str]] = {
    code: dict(zip([*AttributeType, None], choices, strict=True))
    for code, choices in {
        #      1    2    3    undefined, unknown
        "Z/D": "DZZZD",
        "X/Z": "DZXXZ",
        "X/D": "DDXXD",
        "X/Z/D": "DZXXD",
    }.items()
}
"""Compound code → type → simple code. Z may be a dummy value (PS3.15 Table E.1-1a), so that X/Z becomes D for Type 1.
An attribute that the IOD does not define is removed if the code has an X. In items of sequences, and for an unknown SOP
Class, the type is unknown; the choice is then conformant for every type."""


@dataclass(frozen=True)
class ByType(Method):
    """Remove, empty or replace the element, as its type allows."""

    name: ClassVar[str] = "byType"

    code: str
    """As the table writes it; a key of CHOICES."""
    remove: Remove
    zero: Redact
    dummy: Dummy

    @classmethod
    def of(cls, code: str, keys: Keys) -> Self:
        """The method of a compound code."""
        return cls(code, Remove(), Redact(), Dummy.of(keys))

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """One of three, once the type is known."""
        return Effect.BY_TYPE

    def action_on(self, vr: str) -> str:  # noqa: ARG002
        """The table's own code."""
        return f"{self.code} {BY_TYPE}"

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR; the rewriters implement the choices for SQ."""
        return True

    def chosen(self, tag: int, sop_class_uid: str, *, is_top: bool) -> Method:
        """The method for this attribute in an instance of this SOP Class."""
        attribute_type = ATTRIBUTE_TYPES.type_of(tag, sop_class_uid) if is_top else None
        choices: dict[str, Method] = {"X": self.remove, "Z": self.zero, "D": self.dummy}
        return choices[CHOICES[self.code][attribute_type]]

    def apply(self, element: Element, context: Context) -> Values | None:
        """The result of the chosen method."""
        return self.chosen(element.tag, context.sop_class_uid, is_top=not element.depth).apply(element, context)
