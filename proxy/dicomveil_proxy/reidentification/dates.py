"""Dates are moved back: by as many days as the policy moved the dates of their study, the other way.

Nothing here knows where a date stands in a data set, but for its attribute.
"""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine import Policy
from dicomveil_engine.methods.base import Scope
from dicomveil_engine.pseudonyms.dates import shift_da, shift_dt


@dataclass(frozen=True)
class DatesBack:
    """The way back for one study's dates."""

    policy: Policy
    study_instance_uid: str
    """The original's."""
    patient_id: str
    """The original's; empty where the study has none."""

    def move(self, tag: int, vr: str, text: str) -> str:
        """The original of one DA or DT value; the value itself where the policy does not move it.

        Empty where there is none: of what is not a date, of a year alone, or at the ends of the calendar. A value that
        stayed, or that does not come out as it was sent, would show by how many days dates move.
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
