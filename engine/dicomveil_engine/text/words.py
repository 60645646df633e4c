"""The identifying values of one data set, and its free texts without them and without what identifies by itself.

    values ── seeds ──→ known ──┐
    text ───── detectors ───────┴→ findings ── cleaning ──→ text

If in doubt, a word is removed. Looking at a text does not depend on the data set and is cached; what each data set
adds is look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dicomveil_engine.bounded_cache import LONGEST, cached
from dicomveil_engine.text.analysed_text import AnalysedText
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
"""A text that still holds something new after so many was made to; nothing of it is kept."""


class IdentifyingWords:
    """What identifies in the texts of one data set: its own values in every spelling, and what the detectors find."""

    __slots__ = ("_cleaned", "_known", "_settings", "_values")

    def __init__(self, settings: TextSettings = DEFAULT) -> None:
        self._settings = settings
        self._values: set[tuple[str, str]] = set()
        self._known: Known | None = None
        self._cleaned: dict[tuple[str, Place], str] = {}
        """Texts → what is left of them; the instances of a series have most texts in common."""

    @property
    def settings(self) -> TextSettings:
        """How its texts are looked at."""
        return self._settings

    def add(self, value: str, vr: str) -> None:
        """Note one value of an identifying attribute."""
        self._values.add((value, vr))
        self._known = None
        self._cleaned.clear()

    def beside(self, values: Iterable[tuple[str, str]]) -> IdentifyingWords:
        """These words and more, each value with its VR; these stay as they are. What is found is always removed."""
        both = IdentifyingWords(replace(self._settings, changes=REMOVE_ALL))
        both._values = self._values.union(values)
        return both

    def remove_from(self, text: str, place: Place = ANYWHERE) -> str:
        """The text without what identifies, or with what the policy puts in its place; the same if nothing does."""
        key = (text, place)
        cleaned = self._cleaned.get(key)
        if cleaned is None:
            cleaned = self._clean(text, place) if self._settings.changes == REMOVE_ALL else self._change(text, place)
            if len(text) <= LONGEST and len(self._cleaned) < _TEXTS_CACHED:
                self._cleaned[key] = cleaned
        return cleaned

    def changed_whole(self, value: str, infotype: str, place: Place) -> str:
        """A value that is a finding as a whole, such as a name in PN: removed, or what the policy puts in its place."""
        changed = Changing(self._settings, place).whole(value, infotype)
        return "" if changed is None else changed

    def findings(self, text: str, *, is_prose: bool = True) -> list[Finding]:
        """What in a text identifies, in its order: spans that do not overlap."""
        detected, own = self._found(text, is_prose=is_prose)
        return resolve([*detected, *own])

    def _found(self, text: str, *, is_prose: bool) -> tuple[list[Finding], list[Finding]]:
        """What the detectors find, and the instance's own values."""
        if self._known is None:
            # In an order of its own: of a word that two values have, the first says what it is, and names come first.
            values = sorted(self._values, key=lambda one: (one[1] != "PN", one))
            self._known = Known(seeds_of(value, vr) for value, vr in values)
        offer, detected = _looked_at(text, self._settings, is_prose)
        return detected, list(self._known.find(offer))

    def _change(self, text: str, place: Place) -> str:
        """As `_clean`, by the policy's changes. What was put in is not looked at again: it stands behind a sign."""
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
            # What is left may join to something new; each round makes the text shorter.
            text = remove(text, findings)
        return ""


@cached(_TEXTS_CACHED)
def _looked_at(text: str, settings: TextSettings, is_prose: bool) -> tuple[Offer, list[Finding]]:
    """What a text offers to be found by, and what the detectors find in it."""
    from dicomveil_engine.text.detectors import detect  # noqa: PLC0415 - many patterns; made with the first text

    reading = AnalysedText(text, settings, is_prose)
    return Offer(reading), detect(reading)
