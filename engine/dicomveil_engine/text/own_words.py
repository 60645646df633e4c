"""Whether a kept value holds an identifying word of its data set: names, identifiers, dates, institutions.

For values that are kept or emptied as a whole, such as codes and titles. Text that only looks like an identifier does
not count. Each word costs one look-up, whatever the number of identifying words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.legality import IDENTIFYING_DIGITS, TERM_WORDS, is_decimal
from dicomveil_engine.text import names
from dicomveil_engine.text.as_read import as_read
from dicomveil_engine.text.known_dates import notations
from dicomveil_engine.text.spelling import fold, spellings, with_joined_particles

DUMMY_WORD = "anonymous"
_LETTERS = re.compile(r"[^\W\d_]+")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+", re.ASCII)
_GAPS = re.compile(r"[\W_]+")
_WITHOUT_BLANKS = re.compile(r"[^\x00-\u0e00]")
"""Scripts that write no blanks between words."""
_SHORTEST = 2
_LONG = 6
"""Letters and digits of an identifier that is found within other text too."""
_CUT_AT = (16, 64)
"""The longest values of SH, CS, AE and LO: devices cut longer texts."""
_SHORTEST_CUT = 5
_DATE_DIGITS = 8
_LONGEST_NUMBER = 32

_PLACES = frozenset(
    tag
    for keyword in (
        *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "RequestingService"),
        *("VerifyingOrganization", "ClinicalTrialSiteName", "ClinicalTrialSiteID", "OrderEntererLocation"),
        *("RegionOfResidence", "BranchOfService", "MilitaryRank", "CurrentPatientLocation"),
        *("PatientInstitutionResidence", "InsurancePlanIdentification"),
    )
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""Attributes of places, whose words may also be those of coding schemes and departments."""


class _Words:
    """The words of some values, by what they are compared with."""

    __slots__ = ("long", "numbers", "of_places", "words")

    def __init__(self, values: Iterable[tuple[str, str, int]]) -> None:
        """`values` are those of identifying attributes, with VR and tag."""
        self.words: set[str] = set()
        """Words of persons' names, and identifiers."""
        self.of_places: set[str] = set()
        self.long: set[str] = set()
        """Long identifiers, reduced to letters and digits."""
        self.numbers: set[str] = set()
        """Numbers without leading zeros."""
        for value, vr, tag in values:
            self._add(value, vr, tag)
        self.words.discard(DUMMY_WORD)
        self.long.discard(DUMMY_WORD)

    def _add(self, value: str, vr: str, tag: int) -> None:
        if vr == "PN":
            self._add_name(value)
        elif vr == "DA":
            self.numbers |= {text for text in notations(value) if len(text) == _DATE_DIGITS and text.isdecimal()}
        elif tag in _PLACES:
            self.of_places |= {word for word in _LETTERS.findall(fold(value)) if len(word) > _SHORTEST}
        else:
            self._add_identifier(fold(value))

    def _add_name(self, value: str) -> None:
        for group in value.split("="):
            written = _LETTERS.findall(unicodedata.normalize("NFC", group))
            parts = [part for part in map(fold, written) if part]
            for word in (*(spelling for part in written for spelling in spellings(part)), *names.joined(parts)):
                self._add_word(word)
            for phrase in with_joined_particles(parts):
                self._add_word(phrase.replace(" ", ""))

    def _add_word(self, word: str) -> None:
        word = _GAPS.sub("", word)
        if _WITHOUT_BLANKS.search(word) and word:
            self.long.add(word)
        elif len(word) >= _SHORTEST:
            self.words.add(word)

    def _add_identifier(self, folded: str) -> None:
        joined = _GAPS.sub("", folded)
        if len(joined) >= _SHORTEST:
            (self.long if len(joined) >= _LONG else self.words).add(joined)
        for part in _LETTERS_AND_DIGITS.findall(folded):
            if len(part) > _SHORTEST:
                self.words.add(part)
        digits = _DIGITS.findall(folded)
        numbers = {number.lstrip("0") for number in (*digits, "".join(digits))}
        self.numbers |= {number for number in numbers if len(number) >= IDENTIFYING_DIGITS}


class OwnWords:
    """The identifying words of one data set."""

    __slots__ = ("_known", "_values", "is_complete")

    def __init__(self, *, is_complete: bool = True) -> None:
        self.is_complete = is_complete
        """Whether all words are known; if not, any text or long number may hold one."""
        self._values: list[tuple[str, str, int]] = []
        self._known: _Words | None = None
        """The words of the values, made when something is compared with them: for most search results nothing is."""

    def add(self, value: str, vr: str, tag: int = 0) -> None:
        """Add a value of an identifying attribute."""
        self._values.append((value, vr, tag))
        self._known = None

    def _read(self) -> _Words:
        # Assigned when complete: another thread makes the same words once more, and never sees some of them.
        known = self._known = _Words(self._values)
        return known

    def are_in(self, text: str, *, places: bool = True) -> bool:
        """Whether a text holds one of the words, or for a number, whether it is one of the identifiers.

        Without `places`, words of institutions and departments do not count.
        """
        if is_decimal(text.strip(" ")):
            return self.is_number(text)
        if not self.is_complete:
            return bool(text.strip(" \0"))
        known = self._known or self._read()
        folded = fold(as_read(text).text)
        words = {*_LETTERS.findall(folded), *_LETTERS_AND_DIGITS.findall(folded)}
        if not words.isdisjoint(known.words) or (places and not words.isdisjoint(known.of_places)):
            return True
        joined = _GAPS.sub("", folded)
        if joined in known.words or any(long in joined for long in known.long):
            return True
        return len(text.strip(" ")) in _CUT_AT and (self.without_cut_word(text) != text or self._is_beginning(joined))

    def without_cut_word(self, text: str) -> str:
        """A text without its last word, if that may be an identifying word that was cut off at the length of the VR."""
        stripped = text.rstrip(" ")
        if len(stripped) not in _CUT_AT:
            return text
        last = [*_LETTERS_AND_DIGITS.finditer(stripped)][-1:]
        if not last or last[0].end() < len(stripped) or last[0][0].upper() in TERM_WORDS:
            return text
        return stripped[: last[0].start()].rstrip(" ") if self._is_beginning(fold(last[0][0])) else text

    def _is_beginning(self, folded: str) -> bool:
        if len(folded) < _SHORTEST_CUT:
            return False
        known = self._known or self._read()
        return any(word.startswith(folded) for word in (*known.words, *known.long))

    def are_among(self, words: set[str]) -> bool:
        """Whether one of some words, in lower case and without accents, is an identifying word or number."""
        known = self._known or self._read()
        if not (words.isdisjoint(known.words) and words.isdisjoint(known.long)):
            return True
        return any(word.lstrip("0") in known.numbers for word in words if word.isdecimal())

    def has_long_word_in(self, text: str) -> bool:
        """Whether a text in lower case holds a long identifying word, within a word of its own too."""
        known = self._known or self._read()
        return any(len(word) >= _LONG and word in text for word in (*known.words, *known.long))

    def is_number(self, text: str) -> bool:
        """Whether the digits of a number before the decimal point, if at least six, are one of the identifiers."""
        if not self.is_complete:
            return len(_GAPS.sub("", text.partition(".")[0])) >= IDENTIFYING_DIGITS
        numbers = (self._known or self._read()).numbers
        if not numbers or len(text) > _LONGEST_NUMBER:
            return False
        try:
            number = abs(float(text))
            whole = str(int(number))
        except (ValueError, OverflowError):
            return False
        return whole in numbers or text.strip(" +-").lstrip("0") in numbers

    def are_in_uid(self, uid: str) -> bool:
        """Whether a component of a UID is one of the identifiers."""
        components = uid.split(".")
        if not self.is_complete:
            return any(len(component) >= IDENTIFYING_DIGITS for component in components)
        return not (self._known or self._read()).numbers.isdisjoint(components)
