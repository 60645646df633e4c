"""The names of months and their short forms, in the form of `AnalysedText.plain`."""

from __future__ import annotations

from dicomveil_engine.text.lists import word_lists

_LISTS = word_lists("months")

SHORT = _LISTS["short"]
MONTHS = _LISTS["full"] | SHORT
DAY_FIRST_ONLY = _LISTS["day first"]
"""Short forms that occur after the day and before the year only."""
NEEDS_YEAR = DAY_FIRST_ONLY | _LISTS["needs year"]
"""Short forms that with a day only are too ambiguous."""
