"""dateShift as the Microsoft tool computes it: a linear hash of the scope's UID and the key, modulo the range.

It is weak: zero days is as likely as any other shift, and with a range of 50 there are only about ten thousand
different keys. New projects should use the method without compatibility.
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
"""Days; above it the tool's 32-bit arithmetic overflows, and its results differ from the formula."""

_FACTOR = 131
_SCOPES = {
    "StudyInstance": Scope.STUDY,
    "SeriesInstance": Scope.SERIES,
    "SopInstance": Scope.INSTANCE,
    # The tool also accepts the numbers that .NET has for the names.
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
    """Shift dates, drop times of day, and drop values older than 89 years without leaving an empty one."""

    name: ClassVar[str] = "dateShift"

    reference: Day | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read dateShiftRange (50), dateShiftScope (SopInstance), dateShiftKey and referenceDate.

        Deviates if no key is given: the tool then hashes the UID alone, which anybody can repeat; here a key is derived
        from the project key. An empty key is used as it is.
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
        """The shifted values that are left; if the scope has no UID, the shift follows from the key alone."""
        if context.was_deidentified:
            return element.values
        days = self.shift.days(getattr(context, self.scope.value))
        reference = reference_day(self.reference, context)
        move = _shift_da if element.vr == "DA" else _shift_dt
        return [shifted for text in texts(element) if (shifted := move(text, days, reference))]


def _shift_da(text: str, days: int, reference: Day | None) -> str:
    day = read_da(text)
    if day is None:
        return shift_da(text, days)  # the tool stops here
    shifted = _shifted(day, days, reference)
    return write_da(shifted) if shifted else ""


def _shift_dt(text: str, days: int, reference: Day | None) -> str:
    moment = read_dt(text)
    if moment is None:
        return shift_dt(text, days)  # the tool stops here, even at a legal year or month
    shifted = _shifted(moment.date(), days, reference)
    return write_midnight(shifted, moment) if shifted else ""


def _shifted(day: Day, days: int, reference: Day | None) -> Day | None:
    is_over = reference is not None and is_over_highest_age(day, reference)
    return None if is_over else moved(day, days)


BUILDER = replace(PLAIN, build=MicrosoftShiftDates.from_settings)
