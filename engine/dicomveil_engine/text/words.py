"""Cleaning the free texts of one data set of its identifying values, and of what detectors find.

    values ── seeds ──→ known ──┐
    text ───── detectors ───────┴→ findings ── cleaning ──→ text

If in doubt, a word is removed. The analysis of a text does not depend on the data set and is cached; for each data set
only look-ups are added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dicomveil_engine.bounded_cache import LONGEST, cached
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.as_read import Read, as_read
from dicomveil_engine.text.changes import REMOVE_ALL
from dicomveil_engine.text.changing import ANYWHERE, Changing, Place
from dicomveil_engine.text.cleaning import remove, resolve
from dicomveil_engine.text.finding import Finding
from dicomveil_engine.text.known import Known
from dicomveil_engine.text.offer import Offer
from dicomveil_engine.text.seeds import DUMMY_WORD, seeds_of
from dicomveil_engine.text.settings import DEFAULT, TextSettings

__all__ = ["DUMMY_WORD", "IdentifyingWords"]

_TEXTS_CACHED = 4_096
_ROUNDS = 16
"""A text with new findings after so many rounds is emptied, since it was probably constructed."""


class IdentifyingWords:
    """Cleans the texts of one data set of its own values in every spelling, and of what detectors find."""

    __slots__ = ("_cleaned", "_known", "_settings", "_values", "is_complete")

    def __init__(self, settings: TextSettings = DEFAULT, *, is_complete: bool = True) -> None:
        self._settings = settings
        self.is_complete = is_complete
        """Whether all values of the data set are known; if not, every text may hold one, and is emptied."""
        self._values: set[tuple[str, str]] = set()
        self._known: Known | None = None
        self._cleaned: dict[tuple[str, Place], str] = {}
        """Text and place → cleaned text, cached, since the instances of a series have most texts in common."""

    @property
    def settings(self) -> TextSettings:
        """How its texts are cleaned."""
        return self._settings

    def add(self, value: str, vr: str) -> None:
        """Add a value of an identifying attribute."""
        self._values.add((value, vr))
        self._known = None
        self._cleaned.clear()

    def beside(self, values: Iterable[tuple[str, str]]) -> IdentifyingWords:
        """A copy with more values, each with its VR, in which findings are always removed."""
        both = IdentifyingWords(replace(self._settings, changes=REMOVE_ALL), is_complete=self.is_complete)
        both._values = self._values.union(values)
        return both

    def remove_from(self, text: str, place: Place = ANYWHERE) -> str:
        """The text with its findings removed or replaced; unchanged if there are none."""
        if not self.is_complete:
            return ""
        key = (text, place)
        cleaned = self._cleaned.get(key)
        if cleaned is None:
            cleaned = self._clean(text, place) if self._settings.changes == REMOVE_ALL else self._change(text, place)
            if len(text) <= LONGEST and len(self._cleaned) < _TEXTS_CACHED:
                self._cleaned[key] = cleaned
        return cleaned

    def changed_whole(self, value: str, infotype: str, place: Place) -> str:
        """The change of a value that is a finding as a whole, such as a name in PN; empty if it is removed."""
        changed = Changing(self._settings, place).whole(value, infotype)
        return "" if changed is None else changed

    def findings(self, text: str, *, is_prose: bool = True) -> list[Finding]:
        """The findings in a text, in order and without overlaps."""
        detected, own = self._found(text, is_prose=is_prose)
        return resolve([*detected, *own])

    def _found(self, text: str, *, is_prose: bool) -> tuple[list[Finding], list[Finding]]:
        """The findings of detectors, and those of the instance's own values."""
        if self._known is None:
            # Sorted with names first: if two values have the same word, the first one gives its infotype.
            values = sorted(self._values, key=lambda one: (one[1] != "PN", one))
            self._known = Known(seeds_of(value, vr) for value, vr in values)
        read, offer, detected = _looked_at(text, self._settings, is_prose)
        own = self._known.find(offer)
        return detected, own if read.origin is None else [read.written(one) for one in own]

    def _change(self, text: str, place: Place) -> str:
        """As `_clean`, with the policy's changes. Replacements are hidden behind signs and not searched again."""
        for removes in (False, True):
            finished = self._changed_by(Changing(self._settings, place, removes=removes), text, place)
            if finished is not None:
                return finished
        return ""

    def _changed_by(self, changing: Changing, text: str, place: Place) -> str | None:
        text = changing.protected(text)
        for _ in range(_ROUNDS):
            detected, own = self._found(text, is_prose=place.is_prose)
            findings = changing.chosen(text, detected, own)
            if not findings:
                return changing.finished(text)
            text = changing.change(text, findings)
        return ""

    def _clean(self, text: str, place: Place) -> str:
        for _ in range(_ROUNDS):
            findings = self.findings(text, is_prose=place.is_prose)
            if not findings:
                return text
            # The remaining text may contain something new; each round makes it shorter.
            text = remove(text, findings)
        return ""


@cached(_TEXTS_CACHED)
def _looked_at(text: str, settings: TextSettings, is_prose: bool) -> tuple[Read, Offer, list[Finding]]:
    """A text as it is read, what it offers to be found by, and what the detectors find in it as it is written."""
    from dicomveil_engine.text.detectors import detect  # noqa: PLC0415 - many patterns; made with the first text

    read = as_read(text)
    reading = AnalysedText(read.text, settings, is_prose)
    return read, Offer(reading), [read.written(one) for one in detect(reading)]
