"""Moving dates back: the inverse of the policy's shift for their study."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine import Policy
from dicomveil_engine.methods.base import Scope
from dicomveil_engine.pseudonyms.dates import shift_da, shift_dt


@dataclass(frozen=True)
class DatesBack:
    """The inverse shift of one study's dates."""

    policy: Policy
    study_instance_uid: str
    """The original UID."""
    patient_id: str
    """The original ID; empty if the study has none."""

    def move(self, tag: int, vr: str, text: str) -> str:
        """The original of one DA or DT value; the value itself if the policy does not shift it.

        Empty if there is no original: for an invalid date, a year alone, or a date at the ends of the calendar. An
        unshifted date, or one that the shift would not turn into the same value again, would reveal the shift.
        """
        days = self._days(tag, vr)
        if not days:
            return text
        shift = shift_da if vr == "DA" else shift_dt
        value = text.strip(" \0")
        original = shift(value, -days)
        return original if shift(original, days) == value else ""

    def _days(self, tag: int, vr: str) -> int:
        move = self.policy.decide(tag, vr).method.date_move
        if move is None:
            return 0
        is_patients = move.scope is Scope.PATIENT and self.patient_id
        return move.shift.days(self.patient_id if is_patients else self.study_instance_uid)
