"""redact as the Microsoft tool does it: years and ages up to 89 may be kept; removed values leave no empty one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.microsoft.ages import read_as, years
from dicomveil_engine.methods.microsoft.dates import (
    HIGHEST_AGE,
    Day,
    is_over_highest_age,
    read_da,
    read_dt,
    write_da,
    write_midnight,
)
from dicomveil_engine.methods.microsoft.reference import read_reference_date, reference_day
from dicomveil_engine.methods.redact import BUILDER as PLAIN
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import texts
from dicomveil_engine.pseudonyms.keys import Keys


@dataclass(frozen=True)
class MicrosoftRedact(Redact):
    """Empty the element, except for ages and years; illegal values, at which the tool stops, are removed."""

    name: ClassVar[str] = "redact"

    reference: Day | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Read what redact reads, and referenceDate."""
        plain = Redact.from_settings(settings, keys)
        reference = read_reference_date(cls.name, MethodSettings(cls.name, settings))
        return cls(plain.partial_ages, plain.partial_dates, reference)

    def apply(self, element: Element, context: Context) -> Values | None:
        """Zero length, or what may be kept; dates are removed if there is no reference day for the age."""
        if not self.keeps_part_of(element.vr):
            return []
        if element.vr == "AS":
            return [text for text in texts(element) if _is_allowed(text)]
        shorten = _year_of_da if element.vr == "DA" else _year_of_dt
        reference = reference_day(self.reference, context)
        remaining = []
        for text in texts(element):
            day, shortened = shorten(text)
            is_done = context.was_deidentified and text == shortened
            if is_done or (day and reference and not is_over_highest_age(day, reference)):
                remaining.append(shortened)
        return remaining


def _is_allowed(age: str) -> bool:
    read = read_as(age)
    return read is not None and years(*read) <= HIGHEST_AGE


def _year_of_da(text: str) -> tuple[Day | None, str]:
    day = read_da(text)
    return day, write_da(day.replace(month=1, day=1)) if day else ""


def _year_of_dt(text: str) -> tuple[Day | None, str]:
    moment = read_dt(text)
    if moment is None:
        return None, ""
    return moment.date(), write_midnight(moment.date().replace(month=1, day=1), moment)


BUILDER = replace(PLAIN, build=MicrosoftRedact.from_settings)
