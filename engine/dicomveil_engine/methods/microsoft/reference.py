"""The day at which ages are computed: the current day in the Microsoft tool; the engine reads no clock.

It is the setting `referenceDate`, for all instances alike, or else the StudyDate.
"""

from __future__ import annotations

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context
from dicomveil_engine.methods.microsoft.dates import Day, read_da
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.pseudonyms import dates

REFERENCE_DATE = "referenceDate"


def read_reference_date(method: str, settings: MethodSettings) -> Day | None:
    """The configured day, if any. Raises ConfigurationError if it is not a date."""
    if not settings.has(REFERENCE_DATE):
        return None
    day = read_da(settings.text(REFERENCE_DATE, default=""))
    if day is None:
        raise ConfigurationError(f'{method}: the setting "{REFERENCE_DATE}" must be a day, such as "20250905"')
    return day


def reference_day(configured: Day | None, context: Context) -> Day | None:
    """The day at which ages are computed; None if there is none."""
    return configured or dates.read_da(context.study_date)
