"""Finding a data set's own values in a text, in every spelling.

The properties of a text (its words, unknown words, stems) are computed once, independent of the data set; for a data
set they are looked up in dictionaries. So 4,000 names cost no more than ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache

from dicomveil_engine.bounded_cache import of_values
from dicomveil_engine.text import names
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.offer import Offer
from dicomveil_engine.text.seeds import (
    DUMMY_WORD,
    NAME,
    NICKNAME,
    SHORTEST_INSIDE,
    SHORTEST_MISSPELT,
    WITHOUT_BLANKS,
    Phrase,
    Seed,
    Seeds,
    is_word,
    may_describe,
)
from dicomveil_engine.text.spelling import Span
from dicomveil_engine.text.words_of_text import Case, Word, not_initials

_PATTERNS_CACHED = 4_096
_GRAM = 6
"""Characters by which a longer phrase is found; a shorter one is found as a whole, and only between boundaries."""

_MOST_MISSPELT = 24
"""Letters of the longest word that is tested for misspellings, of which a word has as many as letters."""
_LAST_LETTERS = "aoiyeаояьй"
"""Last letters of names that are replaced by an ending."""
_SHORTEST_APART = 4
"""Letters of a name that is found where they stand apart."""
_NAME_GAP = re.compile(r"\.?[ ]{1,2}|[ ]?,[ ]?|\^|\.|-|_|[ ]?/[ ]?")
_CUE_GAP = re.compile(r"[ ]{0,2}[.:;=,(\[\-/\"'#>]{0,2}[ ]{0,2}[\"'(]?")


_SEEDS = {infotype: NAME if infotype is NAME.infotype else Seed(infotype) for infotype in Infotype}


class Known:
    """The values that are searched for in the texts of one data set."""

    def __init__(self, seeds: Iterable[Seeds]) -> None:
        found = list(seeds)
        words: dict[str, Seed] = {}
        # If two values have the same word, the first one gives its infotype.
        for one in reversed(found):
            words.update(dict.fromkeys(one.words, _SEEDS[one.infotype]))
        nicknames = {short for one in found for short in one.nicknames}
        self._words = {**dict.fromkeys(nicknames, NICKNAME), **words} if nicknames else words
        self._keys = self._words.keys()
        self._letters = frozenset[str]().union(*(one.letters for one in found))
        self._initials = frozenset[str]().union(*(one.initials for one in found)) - not_initials()
        self._pairs = frozenset[str]().union(*(one.pairs for one in found))
        self._parts = frozenset[str]().union(*(one.parts for one in found))
        phrases = set[Phrase]().union(*(one.phrases for one in found))
        self._grams = _by_gram(phrases) if phrases else []
        self._shapes = _shape_pattern(frozenset[str]().union(*(one.shapes for one in found)))
        self._numbers = {one.text: one.infotype for one in phrases if len(one.text) >= _GRAM and one.text.isdigit()}
        self._is_empty = not (words or phrases)
        self._has_names = bool(self._letters)

    def find(self, offer: Offer) -> list[Finding]:
        """The data set's own values in a text; findings may overlap."""
        if self._is_empty:
            return []
        found = [*self._in_words(offer), *self._in_phrases(offer)]
        if offer.apart or offer.numbers or offer.prefixed:
            found += self._apart(offer)
        if offer.unknown:
            found += self._in_unknown(offer)
        spans = [(*self._with_initials(offer, start, end, infotype), infotype) for start, end, infotype in found]
        findings = [
            Finding(*offer.folded.span(start, end), infotype, Likelihood.VERY_LIKELY, "the instance's own")
            for start, end, infotype in spans
        ]
        findings += self._alone(offer)
        if self._shapes and offer.has_digit:
            plain = offer.folded
            findings += [
                Finding(
                    *plain.span(*match.span()),
                    Infotype.MEDICAL_RECORD_NUMBER,
                    Likelihood.LIKELY,
                    "written like one of the instance's own numbers",
                )
                for match in self._shapes.finditer(plain.text)
            ]
        return findings

    def _with_initials(self, offer: Offer, start: int, end: int, infotype: Infotype) -> Span:
        if infotype is Infotype.PERSON_NAME and self._letters:
            return names.with_initials(offer.folded.text, (start, end), self._letters)
        return start, end

    # Words

    def _in_words(self, offer: Offer) -> Iterator[tuple[int, int, Infotype]]:
        words = self._words
        if not self._keys.isdisjoint(offer.words):
            descriptive = []
            for start, end, run in offer.runs:
                seed = words.get(run)
                if seed is None:
                    continue
                if seed.needs_capital and not self._has_capital(offer, start):
                    continue
                if _describes(run, seed):
                    descriptive.append((start, end, run))
                else:
                    yield start, end, seed.infotype
            if descriptive:
                yield from self._descriptive(offer, descriptive)
        for word, span in offer.camel:
            seed = words.get(word)
            if seed and len(word) > 2 and not seed.needs_capital and not _describes(word, seed):
                yield *span, seed.infotype
        for word, span in offer.read_wrong.items():
            seed = words.get(word)
            if seed and len(word) > 3 and seed.infotype is Infotype.PERSON_NAME and not may_describe(word):
                yield *span, Infotype.PERSON_NAME

    @staticmethod
    def _has_capital(offer: Offer, start: int) -> bool:
        at = start if offer.folded.origin is None else offer.folded.origin[start]
        return offer.text[at].isupper() and not offer.text.isupper()

    def _apart(self, offer: Offer) -> Iterator[tuple[int, int, Infotype]]:
        """Names and numbers whose letters and digits stand apart, and names behind a preposition in one word."""
        for word, span in offer.apart:
            seed = self._words.get(word)
            if seed is not None and len(word) >= _SHORTEST_APART and not seed.needs_capital and not is_word(word):
                yield *span, seed.infotype
        for number, span in offer.numbers:
            infotype = self._numbers.get(number)
            if infotype is not None and infotype is not Infotype.DATE:
                yield *span, infotype
        for bare, word in offer.prefixed:
            if self._words.get(bare) is NAME:
                yield from ((*span, Infotype.PERSON_NAME) for span in offer.of_word(word))

    def _in_unknown(self, offer: Offer) -> Iterator[tuple[int, int, Infotype]]:
        """Names with one wrong letter, with an ending, or in longer words, if the word is in no list."""
        # A text has a few words and a data set may have thousands, so the text's words are looked up.
        for word in offer.unknown:
            if self._has_names and SHORTEST_MISSPELT - 1 <= len(word) <= _MOST_MISSPELT and self._is_misspelt(word):
                yield from ((*span, Infotype.PERSON_NAME) for span in offer.of_word(word))
            if len(word) >= SHORTEST_INSIDE:
                for first, last in self._within(word):
                    for start, _ in offer.of_word(word):
                        yield start + first, start + last, Infotype.PERSON_NAME
        if self._has_names:
            for stem, word in offer.stems:
                if self._is_inflected(stem):
                    yield from ((*span, Infotype.PERSON_NAME) for span in offer.of_word(word))

    def _within(self, word: str) -> Iterator[Span]:
        """The spans of names within a word."""
        inside = self._inside
        for at in [at for at in range(len(word) - _GRAM + 1) if word[at : at + _GRAM] in inside]:
            for name in inside[word[at : at + _GRAM]]:
                if word.startswith(name, at) and (name in self._pairs or not is_word(name)):
                    yield at, at + len(name)

    @cached_property
    def _inside(self) -> dict[str, list[str]]:
        """First characters → names that are found within longer words."""
        found: dict[str, list[str]] = {}
        for name in self._pairs | self._parts:
            found.setdefault(name[:_GRAM], []).append(name)
        return found

    @cached_property
    def _halves(self) -> dict[str, list[str]]:
        """First and second halves of longer names → names: if one letter is wrong, one half is right."""
        found: dict[str, list[str]] = {}
        for word, seed in self._words.items():
            if seed is NAME and SHORTEST_MISSPELT <= len(word) <= _MOST_MISSPELT:
                middle = len(word) // 2
                found.setdefault(word[:middle] + "*", []).append(word)
                found.setdefault("*" + word[middle:], []).append(word)
        return found

    def _is_misspelt(self, run: str) -> bool:
        """Whether a word is a longer name with one wrong letter."""
        halves = self._halves
        if halves:
            for length in (len(run) - 1, len(run), len(run) + 1):
                middle = length // 2
                for half in (run[:middle] + "*", "*" + run[len(run) - length + middle :]):
                    for name in halves.get(half, ()):
                        # A name with a further letter at either end is found as a name in a longer word.
                        is_meant = is_one_edit(run, name) and not run.startswith(name) and not run.endswith(name)
                        if is_meant and not may_describe(name):
                            return True
        return False

    def _is_inflected(self, stem: str) -> bool:
        """Whether a word without its ending is a name, or a name without its last vowel."""
        words = self._words
        for name in (stem, *(stem + vowel for vowel in _LAST_LETTERS)):
            seed = words.get(name)
            if seed is not None and seed.infotype is Infotype.PERSON_NAME and not may_describe(name):
                return True
        return False

    # A name that describes images

    def _descriptive(self, offer: Offer, found: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, Infotype]]:
        """The descriptive words that are names of the data set, if they refer to the person.

        "CT HEAD" does not refer to a patient called Head. The word is a name next to a title, a word for a person or
        another word of the name, or if it is capitalised and other words are not.
        """
        words = offer.spelt
        places = {words[index].start: index for index in range(len(words))}
        paired: set[int] = set()
        # In a description the name comes last: US NAIL ART NAIL.
        for start, end, run in reversed(found):
            index = places.get(offer.folded.span(start, end)[0])
            if index is None:
                yield start, end, Infotype.PERSON_NAME
                continue
            if index in paired or self._means_person(offer, words, index):
                yield start, end, Infotype.PERSON_NAME
                continue
            beside = self._beside(offer, words, index, run, paired)
            if beside is not None:
                paired.update((index, beside))
                yield start, end, Infotype.PERSON_NAME

    def _means_person(self, offer: Offer, words: list[Word], index: int) -> bool:
        cues = word_lists("cues")
        word = words[index]
        if len(words) == 1 and not offer.has_digit:
            return True
        before = words[index - 1] if index else None
        if before is not None and _CUE_GAP.fullmatch(offer.text[before.end : word.start]):
            folded_before = before.folded
            if any(folded_before in cues[section] for section in ("titles", "relations", "patient", "actions", "by")):
                title = folded_before in cues["titles that are something else in capitals"]
                weak = folded_before in cues["weak relations"]
                return not weak and not (title and before.case is Case.UPPER)
        prose = any(one.case is Case.LOWER and len(one.folded) > 2 for one in words)
        if word.case is Case.TITLE and prose and before is not None and before.case is Case.LOWER:
            return offer.text[before.end : word.start] == " "
        behind = words[index + 1] if index + 1 < len(words) else None
        acts = behind is not None and behind.folded in cues["verbs"] - cues["verbs that need a known name"]
        return bool(acts and word.case is Case.TITLE and prose and len(words) > 2)

    def _beside(self, offer: Offer, words: list[Word], index: int, run: str, paired: set[int]) -> int | None:
        """The index of the adjacent other word of the name; the word's own index next to an initial."""
        for other in (index - 1, index + 1):
            if not 0 <= other < len(words) or other in paired:
                continue
            first, second = sorted((index, other))
            if not _NAME_GAP.fullmatch(offer.text[words[first].end : words[second].start]):
                continue
            word = words[other]
            if word.case is Case.INITIAL:
                if word.folded in self._letters and word.folded != "r":
                    return index
                continue
            if word.folded != run and (word.folded in self._words or word.folded == DUMMY_WORD):
                return other
        return None

    # Phrases

    def _in_phrases(self, offer: Offer) -> Iterator[tuple[int, int, Infotype]]:
        text = offer.folded.text
        for length, grams, has_digits in self._grams:
            if has_digits and not offer.has_digit:
                continue
            for start in [at for at in range(len(text) - length + 1) if text[at : at + length] in grams]:
                for phrase in grams[text[start : start + length]]:
                    if text.startswith(phrase.text, start) and self._may_stand(offer, phrase, start):
                        yield start, start + len(phrase.text), phrase.infotype

    @staticmethod
    def _may_stand(offer: Offer, phrase: Phrase, start: int) -> bool:
        text, origin = offer.folded.text, offer.folded.origin
        end = start + len(phrase.text)
        if not text.isascii() and WITHOUT_BLANKS.search(phrase.text):
            # Korean syllables are decomposed here; a name must end at the end of a syllable.
            starts_whole = origin is None or start == 0 or origin[start - 1] != origin[start]
            return starts_whole and (origin is None or end == len(text) or origin[end - 1] != origin[end])
        first, last = phrase.text[0], phrase.text[-1]
        before, behind = text[start - 1 : start], text[end : end + 1]
        if len(phrase.text) < _GRAM:
            is_number = phrase.text.isdigit()
            return not (_same_kind(first, before, strict=is_number) or _same_kind(last, behind, strict=is_number))
        # A long number is found between letters, but not within a longer number.
        return not (first.isdigit() and before.isdigit()) and not (last.isdigit() and behind.isdigit())

    # Initials

    def _alone(self, offer: Offer) -> Iterator[Finding]:
        """Initials in capitals without a name next to them."""
        if offer.folded.origin is None and self._initials.isdisjoint(offer.words):
            return
        for word in offer.capitals() if self._initials else ():
            if word.folded in self._initials and _stands_apart(offer.text, word):
                yield Finding(
                    word.start,
                    word.end,
                    Infotype.PERSON_NAME,
                    Likelihood.LIKELY,
                    "initials of one of the instance's own",
                )


def _describes(word: str, seed: Seed) -> bool:
    """Whether a name is also a word that describes images, so that its context decides."""
    return seed.infotype is Infotype.PERSON_NAME and may_describe(word)


def _stands_apart(text: str, word: Word) -> bool:
    """Whether initials are set apart from other words, unlike an abbreviation: `Tech: JD`, `JD/RR`."""
    before, behind = text[: word.start].rstrip(" ")[-1:], text[word.end :].lstrip(" ")[:1]
    return before in {":", "/", "("} or behind in {"/", ")"} or (before in {",", ";", "."} and not behind.isalnum())


def _same_kind(one: str, beside: str, *, strict: bool) -> bool:
    """Whether two characters are both digits or both letters; if strict, whether both are either."""
    if not beside:
        return False
    if strict:
        return beside.isalnum()
    return (one.isdigit() and beside.isdigit()) or (one.isalpha() and beside.isalpha())


def _by_gram(phrases: Iterable[Phrase]) -> list[tuple[int, dict[str, list[Phrase]], bool]]:
    """Phrases by their first six characters, or all if shorter; those with digits separately."""
    grams: dict[tuple[int, bool], dict[str, list[Phrase]]] = {}
    for phrase in phrases:
        text = phrase.text
        gram = text[:_GRAM]
        has_digits = not text.isalpha() and any(map(str.isdigit, text))
        if gram:
            grams.setdefault((len(gram), has_digits), {}).setdefault(gram, []).append(phrase)
    for by_gram in grams.values():
        for found in by_gram.values():
            if len(found) > 1:
                found.sort()  # so that of two that differ in the infotype only, always the same one is found
    return [(length, found, has_digits) for (length, has_digits), found in sorted(grams.items())]


@of_values
@lru_cache(_PATTERNS_CACHED)
def _shape_pattern(shapes: frozenset[str]) -> re.Pattern[str] | None:
    if not shapes:
        return None
    return re.compile(rf"(?<![^\W_])(?<!\d[.,\-/])(?:{'|'.join(sorted(shapes)[:64])})(?![^\W_])(?![.,]\d)")


def is_one_edit(one: str, other: str) -> bool:
    """Whether the words differ by one letter inserted, deleted or replaced, or by two swapped letters."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return one == other
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    if len(one) == len(other):
        swapped = one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
        return one[start + 1 :] == other[start + 1 :] or swapped
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[start + 1 :] == shorter[start:]
