"""PERSON_NAME as two or three initials after a word for an occupation or act: `Tech: DW`, `Diktat: GS/hb`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomveil_engine.text import gazetteer, roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import ENGLISH, TECHNIQUE
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern
from dicomveil_engine.text.words_of_text import not_initials

_CUED = late_pattern(
    r"(?<![^\W\d_])(?P<cue>[^\W\d_]{2,20})"
    r"(?=\.?(?P<gap>[ ](?:by|par|da|door|von|durch|przez|por|av|de)[ ]|[ ]?[:=/][ ]?|[ ]\(?|\()"
    r"(?P<value>[a-z]{2,3}(?:/[a-z]{2,3}){0,2}|[a-z]\.[ ]?[a-z]\.(?:[ ]?[a-z]\.)?)(?![^\W_]))"
)
"""A cue may be followed by another: read by JD."""
_TWO = late_pattern(r"([A-Z]{2})/([A-Z]{2})")
_MODALITIES = frozenset(("ct", "mr", "us", "nm", "pt", "cr", "dr", "dx", "mg", "xa", "rf", "ir", "rx", "tc", "rm"))
_AT_THE_END = late_pattern(r"(?<![^\W_])([A-Z]{2,3})/([a-z]{2,3})(?=[ .]{0,2}\Z)")
"""The initials of who dictated and of who typed, as letters end: JKD/mr."""


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The initials after a cue in a text, and those of two persons."""
    if "/" in reading.text:
        yield from _of_two(reading)
    for match in _CUED.finditer(reading.plain) if reading.roles & roles.INITIALS else ():
        start, end = match.span("value")
        if match["cue"] in word_lists("cues")["initials"] and _are_written(reading, match):
            yield Finding(start, end, Infotype.PERSON_NAME, Likelihood.LIKELY, "initials after a word for a person")


def _of_two(reading: AnalysedText) -> Iterator[Finding]:
    text = reading.text
    both = _TWO.fullmatch(text.strip())
    if both and _are_two(both[1].lower(), both[2].lower()):
        start = text.index(both[1])
        yield Finding(
            start, start + len(both[0]), Infotype.PERSON_NAME, Likelihood.POSSIBLE, "nothing but two initials"
        )
    for match in _AT_THE_END.finditer(text):
        first, second = match[1].lower(), match[2]
        if all(
            one not in not_initials() and not gazetteer.kind(one) & (ENGLISH | TECHNIQUE) for one in (first, second)
        ):
            yield Finding(*match.span(), Infotype.PERSON_NAME, Likelihood.LIKELY, "initials of two persons")


def _are_two(first: str, second: str) -> bool:
    """Whether letters that are all of a text are two persons' initials; one of them may be an abbreviation, too."""
    if first in _MODALITIES:
        return False
    return sum(map(_is_abbreviation, (first, second))) < len((first, second))


def _are_written(reading: AnalysedText, match: re.Match[str]) -> bool:
    """Whether letters after a cue are written like initials, and are not another abbreviation."""
    written, gap = reading.text[slice(*match.span("value"))], match["gap"]
    cues = word_lists("cues")
    initials = match["value"].split("/")
    is_apart = ":" in gap and written.isupper() and not reading.text.isupper()  # QA: TO
    if not is_apart and not cues["stop"].isdisjoint(initials):
        return False
    pairs = len(initials) > 1 and written[0].isupper()
    if not pairs and not not_initials().isdisjoint(initials):
        return False
    if pairs and (written.isupper() or match["cue"] not in cues["typists"]) and not not_initials().isdisjoint(initials):
        return False
    # Without a colon, initials in a text of capitals may be any word.
    if ":" not in gap and "=" not in gap and reading.text.isupper():
        return False
    if written.isupper():
        return True
    # Lower case counts only for the author of a text, after a slash.
    small = [one for one, spelt in zip(initials, written.split("/"), strict=True) if not spelt.isupper()]
    if any(map(_is_abbreviation, small)):
        return False
    return pairs or (match["cue"] in cues["typists"] and gap not in {" ", " ("})


def _is_abbreviation(letters: str) -> bool:
    return letters in not_initials() or bool(gazetteer.kind(letters) & (ENGLISH | TECHNIQUE))
