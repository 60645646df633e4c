"""Decide whether a line of text is technical and may remain, or must be covered.

OCR drops blanks and confuses letters, so every line is covered unless all of it is recognised as technical: units,
acquisition terms and orientation, with numbers. A line that has a value of the patient from the header, or a finding
of a detector of `text`, is covered in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.configuration.pixels import PixelSettings, PixelText
from dicomveil_engine.part10.elements import read_elements
from dicomveil_engine.text.finding import Finding
from dicomveil_engine.text.identifying import is_identifying
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.spelling import fold
from dicomveil_engine.text.words import IdentifyingWords

_LETTERS = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)?|.")
_WITHOUT_BLANKS = re.compile(r"[\W_]+")
_PUNCTUATION = frozenset(".,:;/\\()[]+-=%*#°<>|'\"?_~\u00d7")
_LONGEST_NUMBER = 4
"""Digits before the decimal point; a longer number may be an identifier."""
_SHORTEST_HIDDEN = 4
"""Letters of a name in the header that is also searched within longer words, because OCR joins words."""

_TEXT = files("dicomveil_engine").joinpath("pixels", "technique_words.txt").read_text(encoding="utf-8")
TECHNIQUE = frozenset(line for line in _TEXT.split("\n") if line and not line.startswith("#"))
"""Technical words and abbreviations that scanners write into their images, in lower case."""

_DESCRIPTIONS = frozenset(
    (0x00081030, 0x0008103E, 0x00081080, 0x00181030, 0x00321060, 0x00400254, 0x00204000, 0x00104000)
)
"""Study, Series and Admitting Diagnoses Description, Protocol Name, procedure descriptions, comments."""


@dataclass(frozen=True)
class Words:
    """The identifying values of an instance's header, with their VRs. They are originals: never write them anywhere."""

    values: tuple[tuple[str, str], ...] = ()
    descriptions: tuple[str, ...] = ()
    """The values of its descriptions, for `sensitiveTextCleanDescriptors`."""

    def identifying(self, settings: PixelSettings) -> IdentifyingWords:
        """The values, prepared for the search under the policy's settings for text."""
        how = TextSettings(settings.regions, settings.all_ages)
        words = self._looked_for.get(how)
        if words is None:
            words = self._looked_for[how] = IdentifyingWords(how).beside(self.values)
        return words

    @cached_property
    def _looked_for(self) -> dict[TextSettings, IdentifyingWords]:
        return {}

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Names that are also searched within longer words."""
        found = (_LETTERS.findall(fold(value)) for value, vr in self.values if vr == "PN")
        whole = (_WITHOUT_BLANKS.sub("", fold(value)) for value, _ in self.values)
        words = {word for words in found for word in words} | set(whole)
        return frozenset(word for word in words if len(word) >= _SHORTEST_HIDDEN) - TECHNIQUE

    @cached_property
    def described(self) -> frozenset[str]:
        """The words of the descriptions."""
        return frozenset(word for value in self.descriptions for word in _LETTERS.findall(fold(value)) if len(word) > 1)


def words_of(data: bytes) -> Words:
    """The identifying values of an instance's header, at every depth."""
    values: set[tuple[str, str]] = set()
    descriptions: set[str] = set()
    for element in read_elements(data):
        if element.tag >= 0x7FE00000 and not element.depth:
            break
        identifies = is_identifying(element.tag, element.vr)
        if identifies or element.tag in _DESCRIPTIONS:
            found = element.values()
            texts = [str(value) for value in found] if not isinstance(found, bytes) else []
            if identifies:
                values |= {(text, element.vr) for text in texts}
            else:
                descriptions |= set(texts)
    return Words(tuple(sorted(values)), tuple(sorted(descriptions)))


def sensitive(readings: Sequence[str], words: Words, settings: PixelSettings, uncertain: Sequence[str] = ()) -> bool:
    """Whether a line must be covered. It may remain if one reading is technical and no reading identifies.

    An `uncertain` reading can identify, but cannot make a line technical: a name upside down is read as numbers.
    """
    if any(_names_somebody(text, words, settings) for text in uncertain):
        return True
    texts = [text for text in readings if text.strip()]
    if not texts or any(_names_somebody(text, words, settings) for text in texts):
        return True
    return not any(is_technique(_without_excluded(text, words, settings)) for text in texts)


def _names_somebody(text: str, words: Words, settings: PixelSettings) -> bool:
    if any(
        finding.infotype not in settings.exclude_infotypes for finding in words.identifying(settings).findings(text)
    ):
        return True
    folded = fold(text)
    run_together = _WITHOUT_BLANKS.sub("", folded)
    if any(word in run_together for word in words.hidden):
        return True
    if settings.text is PixelText.SENSITIVE_CLEAN_DESCRIPTORS and words.described & set(_LETTERS.findall(folded)):
        return True
    return any(_matches(regex.pattern, regex.groups, text) for regex in settings.custom_regexes)


def _matches(pattern: str, groups: Sequence[int], text: str) -> bool:
    match = re.search(pattern, text)
    return match is not None and (not groups or any(match[group] for group in groups))


def _without_excluded(text: str, words: Words, settings: PixelSettings) -> str:
    """The folded text without the findings of excluded infotypes."""
    if settings.exclude_infotypes:
        text = _cut(text, words.identifying(settings).findings(text))
        if not text.strip():
            return "image"
    return fold(text)


def _cut(text: str, findings: Iterable[Finding]) -> str:
    for finding in sorted(findings, key=lambda finding: -finding.start):
        text = text[: finding.start] + " " + text[finding.end :]
    return text


def is_technique(text: str) -> bool:
    """Whether a folded text is only technical: known words and units with short numbers, and at least one word."""
    has_word = False
    for piece in _TOKEN.findall(text):
        if piece[0].isdigit():
            if len(re.split("[.,]", piece)[0]) > _LONGEST_NUMBER:
                return False
        elif piece.isalpha():
            if not _is_known(piece):
                return False
            has_word = True
        elif not piece.isspace() and piece not in _PUNCTUATION:
            return False
    return has_word


def _is_known(word: str) -> bool:
    """Whether this is a technical word, or several joined, because OCR drops blanks."""
    if word in TECHNIQUE or word in DESCRIPTIVE_WORDS:
        return True
    ends = {0}
    for end in range(1, len(word) + 1):
        if any(end - start >= 2 and word[start:end] in TECHNIQUE for start in ends):
            ends.add(end)
    return len(word) in ends
