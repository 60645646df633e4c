"""clean: identifying words are removed from free text, the rest is kept (PS3.15 action code C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.attributes import characters
from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.coarsening import HIGHEST_AGE, years_of
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.text.changing import Place
from dicomveil_engine.text.finding import Infotype

_UNREADABLE = "\ufffd"
"""Written in JSON by servers for bytes that they cannot decode. The text after it may be half a name."""
_ROUNDS = 16
_TEXTS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_WHOLE = {"AS": Infotype.AGE, "PN": Infotype.PERSON_NAME}
"""VRs whose values are identifying as a whole."""
_VRS = _TEXTS | {"AE", *_WHOLE}


@dataclass(frozen=True)
class Clean(Method):
    """Remove identifying words, and whatever looks like an identifier, from the texts."""

    name: ClassVar[str] = "clean"
    action: ClassVar[str] = "C *cleaned*"
    cleans_by_words: ClassVar[bool] = True

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """The rest of the text is kept."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """The VRs of free text, names, AE titles and ages."""
        return vr in _VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The texts without identifying words; `element.values` itself when nothing had to be removed."""
        values = texts(element)
        place = context.place(element.tag, element.vr)
        if element.vr in _TEXTS:
            cleaned = [_cleaned(context.own.without_cut_word(text), element.codecs, context, place) for text in values]
        else:
            cleaned = [_legal(_changed(text, element.vr, context, place), element.vr) for text in values]
        return positions_kept(cleaned) if cleaned != values else element.values


def _changed(text: str, vr: str, context: Context, place: Place) -> str:
    """A cleaned name or age, which identifies as a whole, or AE title, which is cleaned like text."""
    if vr not in _WHOLE:
        return context.identifying.remove_from(text, place)
    if vr == "AS":
        years = years_of(text)
        if years is not None and years <= HIGHEST_AGE and not context.identifying.settings.all_ages:
            return text
    return context.identifying.changed_whole(text, _WHOLE[vr], place) if text else ""


def _legal(text: str, vr: str) -> str:
    """The text, or "" if it is not legal for the VR, as replacements for findings may be."""
    return text if text and is_legal(vr, text) else ""


def _cleaned(text: str, codecs: tuple[str, ...], context: Context, place: Place) -> str:
    """The text without identifying words, in whichever character set it is read."""
    if text.isascii() and "\x1b" not in text:
        return context.identifying.remove_from(text, place)
    text = text.partition(_UNREADABLE)[0]
    for _ in range(_ROUNDS):
        for reading in characters.readings(text, codecs):
            if not reading.is_sure and not context.own.are_in(reading.text):
                continue  # in a mere guess, what looks like an identifier does so by chance
            cleaned = context.identifying.remove_from(reading.text, place)
            if cleaned != reading.text:
                text = reading.written(cleaned)
                break
        else:
            return text
    return ""


BUILDER = without_settings(Clean)
