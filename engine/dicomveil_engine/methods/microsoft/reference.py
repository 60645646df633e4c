"""What "now" is for ages: that tool asks the clock, the engine has none.

The setting `referenceDate` says it, for all instances alike. Without it, an age is computed at the StudyDate.
"""

from __future__ import annotations

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context
from dicomveil_engine.methods.microsoft.dates import Day, read_da
from dicomveil_engine.methods.settings import MethodSettings
from dicomveil_engine.pseudonyms import dates

REFERENCE_DATE = "referenceDate"


def read_reference_date(method: str, settings: MethodSettings) -> Day | None:
    """The configured day, if there is one; ConfigurationError if it is none."""
    if not settings.has(REFERENCE_DATE):
        return None
    day = read_da(settings.text(REFERENCE_DATE, default=""))
    if day is None:
        raise ConfigurationError(f'{method}: the setting "{REFERENCE_DATE}" must be a day, such as "20250905"')
    return day


def reference_day(configured: Day | None, context: Context) -> Day | None:
    """The day at which ages are computed; None when nothing says it."""
    return configured or dates.read_da(context.study_date)
