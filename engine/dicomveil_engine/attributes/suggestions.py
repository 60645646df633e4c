"""Suggestions for mistyped names, for the messages of configuration errors.

Only keywords and names of methods and settings are passed in, never a setting's value.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`; did you mean "NAME"?`, or empty when no name is similar."""
    by_folded = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold()[:80], by_folded, n=1, cutoff=0.7)
    return f'; did you mean "{by_folded[close[0]]}"?' if close else ""
