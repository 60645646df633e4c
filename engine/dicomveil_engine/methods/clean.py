"""clean: free text loses what identifies and keeps the rest (PS3.15 action code C)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.attributes import characters
from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.text.changing import Place
from dicomveil_engine.text.finding import Infotype

_UNREADABLE = "\ufffd"
"""What servers write in JSON for bytes that they cannot decode; what is behind it may be half a name."""
_ROUNDS = 16
_TEXTS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_WHOLE = {"AS": Infotype.AGE, "PN": Infotype.PERSON_NAME}
"""VRs whose values are findings as a whole."""
_VRS = _TEXTS | {"AE", *_WHOLE}
_AGE = re.compile(r"(\d{3})[DWMY]", re.ASCII)
_OLDEST_ALLOWED = 89
"""45 CFR 164.514(b)(2)(i)(C)."""


@dataclass(frozen=True)
class Clean(Method):
    """Take identifying words, and whatever is written like an identifier, out of the texts."""

    name: ClassVar[str] = "clean"
    action: ClassVar[str] = "C *cleaned*"
    cleans_by_words: ClassVar[bool] = True

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """What does not identify remains."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """The VRs of free text, names, AE titles and ages."""
        return vr in _VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The texts without identifying words; `element.values` itself when nothing had to be removed."""
        values = texts(element)
        place = context.place(element.tag, element.vr)
        if element.vr in _TEXTS:
            cleaned = [_cleaned(text, element.codecs, context, place) for text in values]
        else:
            cleaned = [_legal(_changed(text, element.vr, context, place), element.vr) for text in values]
        return positions_kept(cleaned) if cleaned != values else element.values


def _changed(text: str, vr: str, context: Context, place: Place) -> str:
    """A name or an age, which is a finding as a whole, or an AE title, which is a label."""
    if vr not in _WHOLE:
        return context.identifying.remove_from(text, place)
    if vr == "AS":
        age = _AGE.fullmatch(text)
        is_old = age is not None and text[-1] == "Y" and int(age[1]) > _OLDEST_ALLOWED
        if age is not None and not (is_old or context.identifying.settings.all_ages):
            return text
    return context.identifying.changed_whole(text, _WHOLE[vr], place) if text else ""


def _legal(text: str, vr: str) -> str:
    """What stands in the place of a finding is not a legal value of each VR; nothing is."""
    return text if text and is_legal(vr, text) else ""


def _cleaned(text: str, codecs: tuple[str, ...], context: Context, place: Place) -> str:
    """The text without what identifies, in whichever way it is read."""
    if text.isascii() and "\x1b" not in text:
        return context.identifying.remove_from(text, place)
    text = text.partition(_UNREADABLE)[0]
    for _ in range(_ROUNDS):
        for reading in characters.readings(text, codecs):
            if not reading.is_sure and not context.own.are_in(reading.text):
                continue  # it is one guess of several: what only looks like an identifier in it is chance
            cleaned = context.identifying.remove_from(reading.text, place)
            if cleaned != reading.text:
                text = reading.written(cleaned)
                break
        else:
            return text
    return ""


BUILDER = without_settings(Clean)
