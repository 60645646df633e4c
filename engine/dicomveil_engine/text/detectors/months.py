"""The months' names and their short forms, as `reading.plain` writes them."""

from __future__ import annotations

from dicomveil_engine.text.lists import word_lists

_LISTS = word_lists("months")

SHORT = _LISTS["short"]
MONTHS = _LISTS["full"] | SHORT
DAY_FIRST_ONLY = _LISTS["day first"]
"""Short forms that stand behind the day and before the year only."""
NEEDS_YEAR = DAY_FIRST_ONLY | _LISTS["needs year"]
"""Short forms that, with a day alone, are too likely to be something else."""
