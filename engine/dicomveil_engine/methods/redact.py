"""redact: the value is emptied (PS3.15 action code Z), or reduced as the partial settings allow.

Partial ages and dates follow the HIPAA safe harbor method: years are kept, ages above 89 are removed. Since the engine
reads no clock, the age that a date reveals is computed at the StudyDate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Method, MethodBuilder, Values
from dicomveil_engine.methods.coarsening import HIGHEST_AGE, years_of
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.pseudonyms.dates import read_da, read_dt
from dicomveil_engine.pseudonyms.keys import Keys

PARTLY_EMPTIED = "Z *in part*"


@dataclass(frozen=True)
class Redact(Method):
    """Empty the element, except for ages (AS) and years (DA, DT) that the settings allow."""

    name: ClassVar[str] = "redact"
    action: ClassVar[str] = "Z"

    partial_ages: bool = False
    partial_dates: bool = False

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """Read the two partial settings; those for ZIP codes are checked, but have no effect in DICOM."""
        read = MethodSettings(cls.name, settings)
        read.boolean("enablePartialZipCodesForRedact", default=False)
        return cls(
            partial_ages=read.boolean("enablePartialAgesForRedact", default=False),
            partial_dates=read.boolean("enablePartialDatesForRedact", default=False),
        )

    def effect(self, vr: str) -> Effect:
        """Emptied, unless part of the value may be kept."""
        return Effect.CHANGE if self.keeps_part_of(vr) else Effect.EMPTY

    def action_on(self, vr: str) -> str:
        """Z, or Z in part."""
        return PARTLY_EMPTIED if self.keeps_part_of(vr) else self.action

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR; a sequence is left without items."""
        return True

    def keeps_part_of(self, vr: str) -> bool:
        """Whether part of a value of this VR may be kept."""
        return (vr == "AS" and self.partial_ages) or (vr in {"DA", "DT"} and self.partial_dates)

    def apply(self, element: Element, context: Context) -> Values | None:
        """Zero length, or what may be kept of each value."""
        if element.vr == "AS" and self.partial_ages:
            return positions_kept([_allowed_age(text) for text in texts(element)])
        if element.vr == "DA" and self.partial_dates:
            return positions_kept([_year_of_da(text, context) for text in texts(element)])
        if element.vr == "DT" and self.partial_dates:
            return positions_kept([_year_of_dt(text, context) for text in texts(element)])
        return []


def _allowed_age(text: str) -> str:
    years = years_of(text)
    return text if years is not None and years <= HIGHEST_AGE else ""


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

    Computed from the year, not from the original day, so that a second pass decides in the same way. In a data set that
    was de-identified before, with a StudyDate that may be shifted or empty, a reduced value is kept.
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
