"""redact: the value is emptied (PS3.15 action code Z), or cut down to what the partial settings allow.

Partial ages and dates follow the HIPAA safe harbor: years are kept, everything above 89 years is removed. The
engine reads no clock, so an age is computed at the StudyDate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.pseudonyms.dates import read_da, read_dt
from dicomveil_engine.pseudonyms.keys import Keys

PARTLY_EMPTIED = "Z *in part*"

HIGHEST_AGE = 89
"""Years; 45 CFR 164.514(b)(2)(i)(C): "all ages over 89" are identifiers."""

_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_PER_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365}


@dataclass(frozen=True)
class Redact(Method):
    """Empty the element, except for ages (AS) and years (DA, DT) where the settings let them pass."""

    name: ClassVar[str] = "redact"
    action: ClassVar[str] = "Z"

    partial_ages: bool = False
    partial_dates: bool = False

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """Read the two partial settings; those for zip codes are checked, and mean nothing in DICOM."""
        read = MethodSettings(cls.name, settings)
        read.boolean("enablePartialZipCodesForRedact", default=False)
        return cls(
            partial_ages=read.boolean("enablePartialAgesForRedact", default=False),
            partial_dates=read.boolean("enablePartialDatesForRedact", default=False),
        )

    def effect(self, vr: str) -> Effect:
        """Emptied, but where a part may stay."""
        return Effect.CHANGE if self.keeps_part_of(vr) else Effect.EMPTY

    def action_on(self, vr: str) -> str:
        """Z, or in part."""
        return PARTLY_EMPTIED if self.keeps_part_of(vr) else self.action

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR, SQ too: a sequence without items."""
        return True

    def keeps_part_of(self, vr: str) -> bool:
        """Whether values of this VR may leave something behind."""
        return (vr == "AS" and self.partial_ages) or (vr in {"DA", "DT"} and self.partial_dates)

    def apply(self, element: Element, context: Context) -> Values | None:
        """Zero length, or what may stay of each value."""
        if element.vr == "AS" and self.partial_ages:
            return positions_kept([_age_that_may_stay(text) for text in texts(element)])
        if element.vr == "DA" and self.partial_dates:
            return positions_kept([_year_of_da(text, context) for text in texts(element)])
        if element.vr == "DT" and self.partial_dates:
            return positions_kept([_year_of_dt(text, context) for text in texts(element)])
        return []


def _age_that_may_stay(text: str) -> str:
    match = _AGE.fullmatch(text)
    return text if match and int(match[1]) // _PER_YEAR[match[2]] <= HIGHEST_AGE else ""


def _year_of_da(text: str, context: Context) -> str:
    day = read_da(text)
    redacted = f"{day.year:04}0101" if day else ""
    return redacted if day and _year_may_stay(day.year, context, done=text == redacted) else ""


def _year_of_dt(text: str, context: Context) -> str:
    value = read_dt(text)
    redacted = f"{value.day.year:04}0101000000.000000{value.offset}" if value else ""
    return redacted if value and _year_may_stay(value.day.year, context, done=text == redacted) else ""


def _year_may_stay(year: int, context: Context, *, done: bool) -> bool:
    """Whether 1 January of the year is at most 89 years before the study.

    Computed from what is left, not from the original day, so that a second pass decides alike. In a data set
    of the project's own (where the StudyDate may be shifted or gone) a value that was cut already stays.
    """
    if done and context.was_deidentified:
        return True
    study = read_da(context.study_date)
    return study is not None and (study.year, study.month, study.day) <= (year + HIGHEST_AGE, 1, 1)


BUILDER = MethodBuilder(
    Redact.name,
    Redact.from_settings,
    (
        "enablePartialAgesForRedact",
        "enablePartialDatesForRedact",
        "enablePartialZipCodesForRedact",
        "restrictedZipCodeTabulationAreas",
        "referenceDate",
    ),
)
