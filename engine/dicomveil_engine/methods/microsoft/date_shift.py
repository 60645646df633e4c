"""dateShift as the Microsoft tool computes it: a linear hash of the scope's UID and the key, modulo the range.

Not safe by itself: zero is drawn as often as any other number of days, and at a range of 50 there are about ten
thousand keys in all. For new projects the method without compatibility is the better one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Scope, Values
from dicomveil_engine.methods.date_shift import BUILDER as PLAIN
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.microsoft.dates import (
    Day,
    is_over_highest_age,
    moved,
    read_da,
    read_dt,
    write_da,
    write_midnight,
)
from dicomveil_engine.methods.microsoft.reference import read_reference_date, reference_day
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import texts, utf8
from dicomveil_engine.pseudonyms.dates import DateShift, shift_da, shift_dt
from dicomveil_engine.pseudonyms.keys import Keys

LONGEST_RANGE = 8_196_000
"""Days; beyond it that tool's 32-bit arithmetic overflows, and its answer is no longer the formula's."""

_FACTOR = 131
_SCOPES = {
    "StudyInstance": Scope.STUDY,
    "SeriesInstance": Scope.SERIES,
    "SopInstance": Scope.INSTANCE,
    # .NET's numbers of the names are accepted too.
    "0": Scope.STUDY,
    "1": Scope.SERIES,
    "2": Scope.INSTANCE,
}


class LinearDateShift(DateShift):
    """Scope → days: over [-range, range], zero included."""

    def _days(self, scope_uid: str) -> int:
        modulus = 2 * self.range + 1
        value = 0
        for byte in utf8(scope_uid) + self._key:
            value = (value * _FACTOR + byte) % modulus
        return value - self.range


@dataclass(frozen=True)
class MicrosoftShiftDates(ShiftDates):
    """Move dates, lose times of day, and drop what is older than 89 years; dropped values leave no gap."""

    name: ClassVar[str] = "dateShift"

    reference: Day | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read dateShiftRange (50), dateShiftScope (SopInstance), dateShiftKey and referenceDate.

        Deviates where no key is given: that tool then hashes the UID alone, which anybody can repeat; here the
        project key gives one. An empty key is taken as it is.
        """
        read = MethodSettings(cls.name, settings)
        days_range = read.integer("dateShiftRange", default=50, minimum=0, maximum=LONGEST_RANGE)
        scope = read.choice("dateShiftScope", _SCOPES, default="SopInstance")
        key = utf8(read.text("dateShiftKey", default="")) if read.has("dateShiftKey") else keys.derive("dates")
        return cls(scope, LinearDateShift(key, days_range), read_reference_date(cls.name, read))

    def supports(self, vr: str) -> bool:
        """DA and DT."""
        return vr in {"DA", "DT"}

    def apply(self, element: Element, context: Context) -> Values | None:
        """The shifted values that remain; where the scope has no UID, the key alone says by how much."""
        if context.was_deidentified:
            return element.values
        days = self.shift.days(getattr(context, self.scope.value))
        reference = reference_day(self.reference, context)
        move = _shift_da if element.vr == "DA" else _shift_dt
        return [shifted for text in texts(element) if (shifted := move(text, days, reference))]


def _shift_da(text: str, days: int, reference: Day | None) -> str:
    day = read_da(text)
    if day is None:
        return shift_da(text, days)  # that tool stops here
    shifted = _shifted(day, days, reference)
    return write_da(shifted) if shifted else ""


def _shift_dt(text: str, days: int, reference: Day | None) -> str:
    moment = read_dt(text)
    if moment is None:
        return shift_dt(text, days)  # that tool stops here, also at a legal year or month
    shifted = _shifted(moment.date(), days, reference)
    return write_midnight(shifted, moment) if shifted else ""


def _shifted(day: Day, days: int, reference: Day | None) -> Day | None:
    is_over = reference is not None and is_over_highest_age(day, reference)
    return None if is_over else moved(day, days)


BUILDER = replace(PLAIN, build=MicrosoftShiftDates.from_settings)
