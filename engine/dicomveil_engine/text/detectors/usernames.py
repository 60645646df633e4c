"""USERNAME: log-in names after a word for them, in paths, and as one letter with a family name."""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text import gazetteer, roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import ENGLISH, FREQUENT, NAME
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern

_CUED = late_pattern(
    r"(?<![^\W\d_])(?P<cue>[^\W\d_\-]{3,15}(?:-id)?)(?:[ ]?(?:name|id))?[ ]?[:=]?[ ]?[\"']?"
    r"(?P<value>[a-z][\w.\-]{2,31})(?<!\.)(?![^\W_])"
)
_PATH = late_pattern(r"(?:[\\/](?:users|home|benutzer|profiles)[\\/])(?P<value>[\w.\-]{2,64})")
_INITIAL_AND_NAME = late_pattern(r"(?<![^\W_])[a-z][a-z]{4,20}\d{0,3}(?=@|(?![^\W_]))")
_BEFORE = late_pattern(rf"(?<![^\W\d_])(?:{'|'.join(sorted(roles.WORDS_BEFORE_USERS))})[ :]{{1,2}}\Z")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The log-in names in a text."""
    text = reading.plain
    users = word_lists("numbers")["users"]
    if "\\" in text or "/" in text:
        for match in _PATH.finditer(text):
            yield Finding(*match.span("value"), Infotype.USERNAME, Likelihood.LIKELY, "a folder of a user")
    for match in _CUED.finditer(text) if reading.roles & roles.USER else ():
        if match["cue"] in users and _is_login(match["value"]) and text[match.end("cue")] in " :=":
            yield Finding(*match.span("value"), Infotype.USERNAME, Likelihood.LIKELY, "after a word for log-in names")
    if "@" not in text and not reading.roles & roles.BY:
        return
    for match in _INITIAL_AND_NAME.finditer(text):
        written = reading.text[match.start() : match.end()]
        if not written.islower() or not _is_initial_and_name(match[0].rstrip("0123456789")):
            continue
        if text[match.end() : match.end() + 1] == "@" or _BEFORE.search(
            text, max(0, match.start() - 10), match.start()
        ):
            yield Finding(*match.span(), Infotype.USERNAME, Likelihood.POSSIBLE, "a letter and a family name")


def _is_login(value: str) -> bool:
    words = value.rstrip("0123456789").split(".")
    return all(word not in word_lists("cues")["stop"] for word in words) and not (
        len(words) == 1 and gazetteer.kind(words[0]) & (ENGLISH | gazetteer.TECHNIQUE) and value.isalpha()
    )


def _is_initial_and_name(word: str) -> bool:
    if gazetteer.kind(word) & (ENGLISH | gazetteer.TECHNIQUE) or len(word) < 5:
        return False
    kind = gazetteer.kind(word[1:])
    return bool(kind & NAME) and not (kind & ENGLISH and not kind & FREQUENT)
