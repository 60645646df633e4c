"""pseudonym: PatientID and PatientName become one keyed pseudonym, the same in all instances of the patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.values import texts
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.patients import PatientPseudonyms

_PATIENT_NAME = 0x00100010
_VRS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
"""The text VRs in which sixteen letters and digits are legal."""


def patient_pseudonyms(keys: Keys) -> PatientPseudonyms:
    """The PatientPseudonyms that all rules of a project share, with its cache."""
    return keys.shared(PatientPseudonyms)


@dataclass(frozen=True)
class Pseudonym(Method):
    """Replace each value by its pseudonym, and PatientName by that of PatientID."""

    name: ClassVar[str] = "pseudonym"
    action: ClassVar[str] = "D *pseudonym*"

    pseudonyms: PatientPseudonyms = field(repr=False)

    @classmethod
    def of(cls, keys: Keys) -> Self:
        """The method with a project's keys."""
        return cls(patient_pseudonyms(keys))

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Replaced by pseudonyms."""
        return Effect.PATIENT_PSEUDONYM

    def supports(self, vr: str) -> bool:
        """Texts; a pseudonym is not a date, number or UID."""
        return vr in _VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The pseudonyms, value by value; PatientName in an item is emptied, since it may be another patient's."""
        if element.tag == _PATIENT_NAME:
            return self._name(texts(element), context) if element.depth == 0 else []
        return [self._of(value, context) for value in texts(element)]

    def _of(self, value: str, context: Context) -> str:
        pseudonyms = self.pseudonyms
        return pseudonyms.pseudonym(value) if context.was_deidentified else pseudonyms.of_original(value)

    def _name(self, values: list[str], context: Context) -> list[str]:
        """The pseudonym of the PatientID, or of the name if there is no PatientID."""
        name = "\\".join(values)
        if self.pseudonyms.is_pseudonym(name) and (context.was_deidentified or not self.pseudonyms.is_subject(name)):
            return values
        pseudonym = self._of(context.patient_id, context) or self._of(name, context)
        return [pseudonym] if pseudonym else []


BUILDER = MethodBuilder(Pseudonym.name, lambda _settings, keys: Pseudonym.of(keys))
