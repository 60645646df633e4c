"""dateShift: dates are shifted by a keyed number of days, the same for a whole study, series, instance or patient.

Times of day (TM) do not change, so that intervals are preserved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from dicomveil_engine.attributes.legality import legal_values
from dicomveil_engine.methods.base import Context, DateMove, Element, Method, MethodBuilder, Scope, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.pseudonyms.dates import DateShift
from dicomveil_engine.pseudonyms.keys import Keys

LONGEST_RANGE = 3650
"""Days: ten years in either direction. More would only make dates implausible."""

_STUDY_DATE = 0x00080020
_STUDY_GROUPS = frozenset((0x0010, 0x0012, 0x0032, 0x0038))
"""Groups of the patient and study modules: patient, clinical trial, requested study, visit."""

SCOPES = {
    "StudyInstance": Scope.STUDY,
    "SeriesInstance": Scope.SERIES,
    "SOPInstance": Scope.INSTANCE,
    "Patient": Scope.PATIENT,
}


@dataclass(frozen=True)
class ShiftDates(Method):
    """Shift DA and DT values; a value that is not a legal date is emptied."""

    name: ClassVar[str] = "dateShift"
    action: ClassVar[str] = "C *shifted*"
    recognises_own_output: ClassVar[bool] = False

    scope: Scope
    shift: DateShift = field(repr=False)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read dateShiftRange (50), dateShiftScope (StudyInstance) and dateShiftKey, a further secret.

        Deviates from the Microsoft tool, whose default scope SOPInstance would give a study several StudyDates.
        """
        read = MethodSettings(cls.name, settings)
        days_range = read.integer("dateShiftRange", default=50, minimum=1, maximum=LONGEST_RANGE)
        scope = read.choice("dateShiftScope", SCOPES, default="StudyInstance")
        salt = read.text("dateShiftKey", default="")
        return cls(scope, DateShift(keys.derive("dates", salt), days_range))

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Intervals between dates are preserved."""
        return Effect.CHANGE

    @property
    def date_move(self) -> DateMove:
        """Itself: the scope and the days."""
        return self

    def supports(self, vr: str) -> bool:
        """DA and DT, and TM, which is not changed."""
        return vr in {"DA", "DT", "TM"}

    def apply(self, element: Element, context: Context) -> Values | None:
        """The shifted values; legal times unchanged; zero length if there is no UID from which to derive the days."""
        if element.vr == "TM":
            return legal_values(texts(element), "TM")
        if context.was_deidentified:
            return element.values
        scope = self._scope_of(element)
        scope_uid = getattr(context, scope.value)
        if not scope_uid and scope is Scope.PATIENT:
            # Without a PatientID, the dates of the study are still shifted together.
            scope_uid = context.study_instance_uid
        if not scope_uid:
            return []
        days = self.shift.days(scope_uid)
        move = self.shift.move_da if element.vr == "DA" else self.shift.move_dt
        return positions_kept([move(text, days) for text in texts(element)])

    def _scope_of(self, element: Element) -> Scope:
        """The scope, but the study for attributes that all series and instances of a study must have in common."""
        if self.scope in {Scope.SERIES, Scope.INSTANCE} and element.depth == 0:
            tag = element.tag
            if tag == _STUDY_DATE or tag >> 16 in _STUDY_GROUPS:
                return Scope.STUDY
        return self.scope


BUILDER = MethodBuilder(
    ShiftDates.name, ShiftDates.from_settings, ("dateShiftRange", "dateShiftKey", "dateShiftScope", "referenceDate")
)
