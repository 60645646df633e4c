"""PERSON_NAME as two or three initials after a word for an occupation or act: `Tech: DW`, `Checked: T.R.`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomveil_engine.text import roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.words_of_text import not_initials

_CUED = re.compile(
    r"(?<![^\W\d_])(?P<cue>[^\W\d_]{2,12})(?=\.?(?P<gap>[ ]?[:=/][ ]?|[ ]\(?|\()"
    r"(?P<value>[a-z]{2,3}(?:/[a-z]{2,3}){0,2}|[a-z]\.[ ]?[a-z]\.(?:[ ]?[a-z]\.)?)(?![^\W_]))"
)
"""A cue may be followed by another: read by JD."""
_TWO = re.compile(r"([A-Z]{2})/([A-Z]{2})")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The initials after a cue in a text."""
    cues = word_lists("cues")["initials"]
    both = _TWO.fullmatch(reading.text.strip()) if "/" in reading.text else None
    if both and not_initials().isdisjoint((both[1].lower(), both[2].lower())):
        start = reading.text.index(both[1])
        yield Finding(
            start, start + len(both[0]), Infotype.PERSON_NAME, Likelihood.POSSIBLE, "nothing but two initials"
        )
    for match in _CUED.finditer(reading.plain) if reading.roles & roles.INITIALS else ():
        start, end = match.span("value")
        written = reading.text[start:end]
        if match["cue"] not in cues or not written.isupper():
            continue
        # Without a colon, initials in a text of capitals may be any word.
        if ":" not in match["gap"] and "=" not in match["gap"] and reading.text.isupper():
            continue
        initials = match["value"].split("/")
        if not not_initials().isdisjoint(initials) or not word_lists("cues")["stop"].isdisjoint(initials):
            continue
        yield Finding(start, end, Infotype.PERSON_NAME, Likelihood.LIKELY, "initials behind a word for a person")
