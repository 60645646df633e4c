"""ORGANIZATION_NAME: hospitals, practices and other institutions, by the word for them (the head) and a name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from dicomveil_engine.text import roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import CITY, ENGLISH, EVERYDAY, NAME, RARE, TECHNIQUE
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

_MOST_WORDS = 5
_GAP = late_pattern(r"[ ]{1,2}|\.[ ]?|-|\.-|_|[ ]?&[ ]?|'s[ ]|'|\^")
_PREFIXES = frozenset(
    [
        "mount",
        "mt",
        "st",
        "saint",
        "san",
        "santa",
        "north",
        "south",
        "east",
        "west",
        "upper",
        "lower",
        "new",
        "old",
        "fort",
        "royal",
        "holy",
        "sacred",
    ]
)
_COMPOUND = late_pattern(
    r"(?<![^\W\d_])(?:(?:st|sankt)\.?[ \-]{1,2})?(?:[^\W\d_]{2,20}-){1,3}"
    r"(?:krankenhaus|klinikum|klinik|hospital|spital|stift|ziekenhuis)(?![^\W\d_])"
    r"|(?<![^\W\d_])(?!uni|tages|poli|augen|haut|kinder|frauen|reha|fach|spezial|akut)[^\W\d_]{4,20}"
    r"(?:krankenhaus|klinikum|ziekenhuis)(?![^\W\d_])"
)
_EAST_ASIAN = late_pattern(
    r"[\u30a0-\u30ff\u3400-\u9fff]{1,12}(?:病院|医院|クリニック|医療センター|診療所|療養院|保健所|卫生院|门诊部)"
    r"|[\uac00-\ud7a3]{1,10}(?:병원|의원|의료원|보건소|요양원)"
)
_NOT_A_NAME = ("本", "当", "他", "前", "某", "近", "贵", "我", "이", "타", "다른")
_NUMBERED = late_pattern(r"(?<![^\W\d_])(?:гкб|црб|больниц[аеыу]|поликлиник[аеиу]|роддом)[ ]?(?:№|n|no\.?)[ ]?\d{1,3}")


class _Heads(NamedTuple):
    before: frozenset[str]
    """Heads after a name."""
    strong: frozenset[str]
    pairs: frozenset[str]
    behind: frozenset[str]
    """Heads before a name."""
    behind_pairs: frozenset[str]
    between: frozenset[str]
    of_names: frozenset[str]
    """Heads that are enough after a word that can only be a name."""
    with_preposition: frozenset[str]
    specialties: frozenset[str]
    """Words between a name and the head: Doe Heart Clinic."""


@cache
def _heads() -> _Heads:
    lists = word_lists("organizations")
    return _Heads(
        lists["heads before"],
        lists["strong heads before"],
        lists["strong pairs phrases"],
        lists["heads behind"],
        lists["heads behind phrases"],
        lists["between"] | lists["saints"],
        lists["heads that need a name"],
        lists["heads behind with a preposition"],
        lists["specialties within"],
    )


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The institutions in a text."""
    text = reading.plain
    if not text.isascii():
        for match in _EAST_ASIAN.finditer(text):
            if not match[0].startswith(_NOT_A_NAME):
                yield _finding(*match.span())
        for match in _NUMBERED.finditer(text):
            yield _finding(*match.span())
    if not reading.roles & (roles.INSTITUTION | roles.INSTITUTION_ENDING):
        return
    words = reading.words
    heads = _heads()
    is_compound = reading.roles & roles.INSTITUTION_ENDING
    spans = _Institutions(text, words)
    for match in _COMPOUND.finditer(text) if is_compound else ():
        if reading.text[match.start()].isupper():
            yield _finding(match.start(), spans.end_behind(match.end()))
    index = 0
    while index < len(words):
        word = words[index]
        if word.folded in heads.before and (span := spans.before(index)):
            yield _finding(*span)
        is_head = word.folded in heads.behind or word.folded in heads.with_preposition
        if (is_head or spans.begins_pair(index)) and (span := spans.behind(index)):
            yield _finding(*span)
        index += 1


def _finding(start: int, end: int) -> Finding:
    return Finding(start, end, Infotype.ORGANIZATION_NAME, Likelihood.LIKELY, "a name beside a word for an institution")


class _Institutions:
    def __init__(self, text: str, words: list[Word]) -> None:
        self.text = text
        self.words = words
        self.is_upper = not any(word.case in {Case.LOWER, Case.TITLE} for word in words if len(word.folded) > 2)

    def _gap(self, index: int) -> str:
        return self.text[self.words[index].end : self.words[index + 1].start]

    def _pair(self, index: int) -> str:
        return f"{self.words[index].folded} {self.words[index + 1].folded}" if index + 1 < len(self.words) else ""

    def begins_pair(self, index: int) -> bool:
        """Whether two words together are a head: Centre hospitalier."""
        return self._pair(index) in _heads().behind_pairs

    def before(self, index: int) -> tuple[int, int] | None:
        """The span of capitalised words of a name up to a head: Mount Doe General Hospital."""
        heads, words = _heads(), self.words
        if index and words[index - 1].folded in heads.before and self._goes_on(index - 1, index):
            return None  # found with the word before
        last = index
        while (
            last + 1 < len(words)
            and last - index < _MOST_WORDS
            and words[last + 1].folded in heads.before
            and self._goes_on(last, index)
        ):
            last += 1
        strong = any(words[at].folded in heads.strong or self._pair(at) in heads.pairs for at in range(index, last + 1))
        first, named = index, False
        while first and index - first < _MOST_WORDS and self._goes_on(first - 1, index):
            word = words[first - 1]
            if word.folded in heads.between and first - 1 and word.case is not Case.TITLE:
                if not self._is_name(words[first - 2]) or not self._goes_on(first - 2, index):
                    break
            elif word.folded in heads.specialties and not named:
                if not self._is_name_before(first - 1, index):
                    break
            elif self._is_name(word):
                named = True
            elif word.folded not in _PREFIXES or word.case is Case.LOWER:
                break
            first -= 1
        if named and not strong and first < index:
            kind = words[index - 1].kind
            is_only_name = bool(kind & (NAME | CITY)) and not kind & (ENGLISH | TECHNIQUE)
            strong = words[index].folded in heads.of_names and (is_only_name or (not kind and not self.is_upper))
        if not named or not strong:
            return None
        return words[first].start, self._with_town(last)

    def _is_name_before(self, specialty: int, head: int) -> bool:
        """Whether there is a name before a specialty of one or two words."""
        words, heads = self.words, _heads()
        for at in (specialty - 1, specialty - 2):
            if at < 0 or not self._goes_on(at, head):
                return False
            if words[at].folded not in heads.specialties:
                return self._is_name(words[at])
        return False

    def _with_town(self, last: int) -> int:
        """The end of an institution, including a town after it."""
        words = self.words
        if last + 1 < len(words) and self._gap(last) == " ":
            town = words[last + 1]
            is_town = bool(town.kind & CITY) and not town.kind & (ENGLISH | TECHNIQUE)
            is_unknown = not town.kind and town.case is Case.TITLE and not self.is_upper and len(town.folded) > 3
            if town.case in {Case.TITLE, Case.UPPER} and (is_town or is_unknown):
                return town.end
        return words[last].end

    def _goes_on(self, index: int, head: int) -> bool:
        return _GAP.fullmatch(self._gap(index)) is not None and words_alike(self.words[index], self.words[head])

    def _is_name(self, word: Word) -> bool:
        """Whether a word makes a head the name of one institution."""
        kind = word.kind
        if word.case in {Case.LOWER, Case.NONE, Case.INITIAL} or word.folded in word_lists("cues")["stop"]:
            return False
        if len(word.folded) < 3:
            return word.folded in _PREFIXES
        if word.folded in _PREFIXES:
            return True
        if kind & (NAME | CITY | RARE) and not kind & (ENGLISH | TECHNIQUE):
            return True
        if kind & TECHNIQUE:
            return False
        if self.is_upper:
            return (not kind & EVERYDAY and not ends_like_medicine(word.folded) and bool(kind)) or bool(kind & NAME)
        return not kind & EVERYDAY or bool(kind & NAME)

    def behind(self, index: int) -> tuple[int, int] | None:
        """The span of a head and the words of a name after it: Klinikum am Doe, CHU de Doe."""
        heads, words = _heads(), self.words
        at, named, last = index, False, index
        if index + 1 < len(words) and self._pair(index) in heads.behind_pairs:
            at = last = index + 1
        first, by_preposition = index, False
        while first and index - first < _MOST_WORDS and words[first - 1].folded in heads.before:
            if not self._goes_on(first - 1, index):
                break
            first -= 1
        while at + 1 < len(words) and at - index < _MOST_WORDS:
            gap = self._gap(at)
            if not (_GAP.fullmatch(gap) or gap in {' "', " '", " „"}):
                break
            word = words[at + 1]
            at += 1
            if word.folded in heads.between:
                by_preposition = True
                continue
            if words[index].folded in heads.with_preposition and not by_preposition and not word.kind & (NAME | CITY):
                break
            is_part = named and (word.folded in heads.before or words[at - 1].folded in heads.between)
            if self._is_name(word) or (is_part and word.case is Case.TITLE):
                named = True
                last = at
            elif word.folded in heads.behind or (word.case is Case.TITLE and not named and at == index + 1):
                continue  # Hospital Universitario Doe
            else:
                break
        if not named or (words[index].case is Case.LOWER and self._is_english_sentence(index)):
            return None
        return words[first].start, self._with_town(last)

    def _is_english_sentence(self, index: int) -> bool:
        """Whether a name after the head is not its name, as in English: the hospital Doe went to."""
        return self.words[index].folded in {"hospital", "clinic"} and index + 1 < len(self.words)

    def end_behind(self, end: int) -> int:
        """The end of a compound, including a place after it: St.-Doe-Krankenhaus Musterstadt."""
        for word in self.words:
            if word.start == end + 1 and self.text[end] == " " and self._is_name(word):
                return word.end
        return end


def words_alike(word: Word, head: Word) -> bool:
    """Whether a word can belong to the same name as the head: both capitalised, or both not."""
    return (
        (word.case is Case.LOWER) is (head.case is Case.LOWER)
        or word.folded in _heads().between
        or head.case is Case.LOWER
    )
