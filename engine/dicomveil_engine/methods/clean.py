"""clean: free text loses what identifies and keeps the rest (PS3.15 action code C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.attributes import characters
from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.text.changing import Place

_UNREADABLE = "\ufffd"
"""What servers write in JSON for bytes that they cannot decode; what is behind it may be half a name."""
_ROUNDS = 16
_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))


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
        """The VRs of free text."""
        return vr in _VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The texts without identifying words; `element.values` itself when nothing had to go."""
        values = texts(element)
        place = context.place(element.tag, element.vr)
        cleaned = [_cleaned(text, element.codecs, context, place) for text in values]
        return positions_kept(cleaned) if cleaned != values else element.values


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
