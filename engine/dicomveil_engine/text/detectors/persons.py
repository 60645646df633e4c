"""PERSON_NAME of persons who are in no attribute: next to a cue, as two adjacent names, or in the lists of names.

Technical words are kept: words of imaging are not names, except frequent ones after a title, and eponyms only after a
title, a role or a given name. The stronger a cue, the less a word has to look like a name: after "Dr" any capitalised
word, after "with" only a known name or a word in no list.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import ENGLISH, EVERYDAY, GIVEN, NAME, RARE, TECHNIQUE
from dicomveil_engine.text.patterns import late_pattern
from dicomveil_engine.text.person_cues import FILLERS, PersonText, Strength, person_lists
from dicomveil_engine.text.person_spans import MOST_NAMES, last_word, widened
from dicomveil_engine.text.person_words import (
    NAME_GAP,
    act,
    is_before_cue,
    is_nameable,
    is_never,
    is_only_by,
    is_pair,
    is_single,
)
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

_MOST_FILLERS = 2

_TITLE_GAP = late_pattern(r"\.?[ ]{0,2}")
_CUE_GAP = late_pattern(r"[ ]{0,2}(?:\d{1,2}[ ]?)?[:;=,(\[/\"'#>\-]{0,2}\s?[ ]?")
_ABBREVIATION_GAP = late_pattern(r"[.:]?[ ]{0,2}(?:\d{1,2}[ ]?)?[:;=,(\[/\"'#>\-]{0,2}\s?[ ]?")
_LIST_GAP = late_pattern(r"[ ]?[/&+][ ]?|[ ](?:and|und|et|y|e|en|i|ve|och|og|и)[ ]")
_LATIN_ABBREVIATIONS = frozenset("avnmrl")
"""A. carotis, V. saphena, N. medianus, M. rectus, R. and L. for sides."""
_AND = frozenset(("and", "und", "et", "y", "e", "en", "i", "ve", "och", "og", "и"))


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The persons' names in a text, in scripts with capitals; for others see `east_asian_names`."""
    words, cues = reading.words, person_lists().cues
    telling = [index for index, word in enumerate(words) if word.folded in cues or _may_be_name(word)]
    if not telling:
        return
    text = PersonText(reading, words)
    named: set[str] = set()
    for index in telling:
        for first, last, likelihood, why in _at(text, index, words[index]):
            for span in (*_before_in_list(text, first), (first, last), *_behind_in_list(text, last)):
                named.update(one.folded for one in words[span[0] : span[1] + 1] if one.case is Case.TITLE)
                yield _finding(text, *span, likelihood, why)
    if not named:
        return
    for index, word in enumerate(words):
        # A name that was found after a cue may occur without one elsewhere.
        if word.folded in named and word.case is Case.TITLE and not word.kind & TECHNIQUE and len(word.folded) > 2:
            yield _finding(text, index, index, Likelihood.POSSIBLE, "a name that follows a cue elsewhere")


def _may_be_name(word: Word) -> bool:
    """Whether a word can be the first of a name, by its case and the lists; most words cannot."""
    case, kind = word.case, word.kind
    if case is Case.INITIAL:
        return True
    if case is Case.LOWER:
        return bool(kind & NAME) and not kind & TECHNIQUE
    if case is Case.NONE or (kind and not kind & (NAME | RARE)):
        return False
    return not kind & TECHNIQUE or bool(kind & GIVEN and case is Case.TITLE)


def _behind_in_list(text: PersonText, last: int) -> Iterator[tuple[int, int]]:
    """The other names of a list: Doe/Roe, Doe & Roe, Doe and Roe."""
    words = text.words
    for _ in range(MOST_NAMES):
        if last + 1 >= len(words):
            return
        following = last + 1
        gap = text.gap(last)
        if words[following].folded in _AND and gap == " " and following + 1 < len(words):
            gap, following = " and ", following + 1
        if not _LIST_GAP.fullmatch(gap) or not _is_of_list(text, words[last], following):
            return
        last = last_word(text, following)
        yield following, last


def _before_in_list(text: PersonText, first: int) -> Iterator[tuple[int, int]]:
    words = text.words
    if not first:
        return
    before, gap = first - 1, text.gap(first - 1)
    if words[before].folded in _AND and gap == " " and before:
        gap, before = " and ", before - 1
    if _LIST_GAP.fullmatch(gap) and _is_of_list(text, words[first], before):
        yield before, before


def _is_of_list(text: PersonText, name: Word, index: int) -> bool:
    word = text.words[index]
    if is_never(word) or word.kind & TECHNIQUE or word.case is not name.case or word.case is Case.LOWER:
        return False
    is_strong = bool(word.kind & (NAME | RARE)) and not word.kind & ENGLISH
    is_unknown = not word.kind and len(word.folded) > 3 and not ends_like_medicine(word.folded)
    return is_strong or (is_unknown and not text.is_german and word.case is Case.TITLE)


def _finding(text: PersonText, first: int, last: int, likelihood: Likelihood, why: str) -> Finding:
    start, end = text.words[first].start, text.words[last].end
    if text.words[last].case is Case.INITIAL and text.plain[end : end + 1] == ".":
        end += 1
    return Finding(start, end, Infotype.PERSON_NAME, likelihood, why)


def _at(text: PersonText, index: int, word: Word) -> Iterator[tuple[int, int, Likelihood, str]]:
    """First and last word of each name after a word that is a cue, or that begins with the word itself."""
    strength = person_lists().cues.get(word.folded)
    if strength is not None and (behind := _behind_cue(text, index, word, strength)):
        why = "a name after a title" if strength is Strength.TITLE else "a name after a word for a person"
        yield *behind, Likelihood.LIKELY, why
    if word.case is Case.INITIAL:
        if (behind := _behind_initial(text, index)) is not None:
            yield *behind, Likelihood.LIKELY, "a name after its initial"
        return
    if word.case is Case.NONE:
        return
    if act(text, index):
        yield index, index + 1, Likelihood.LIKELY, "two names side by side"
    if is_never(word):
        return
    if is_before_cue(text, index, word):
        yield *widened(text, index), Likelihood.LIKELY, "a name before a word for a person"
    elif index + 1 < len(text.words) and is_pair(text, index):
        yield *widened(text, index), Likelihood.LIKELY, "two names side by side"
    elif is_single(text, index, word):
        yield *widened(text, index), Likelihood.POSSIBLE, "in the lists of names, and not in those of words"


def _behind_cue(text: PersonText, index: int, cue: Word, strength: Strength) -> tuple[int, int] | None:
    """First and last word of the name after a cue."""
    lists, words = person_lists(), text.words
    ambiguous = cue.folded in lists.capitals and cue.case is Case.UPPER
    if cue.folded in lists.capitals and cue.case is Case.LOWER and text.plain[: cue.start].rstrip(" ")[-1:].isdigit():
        return None  # 1800 ms
    at = index
    for _ in range(_MOST_FILLERS + 1):
        if at + 1 >= len(words):
            return None
        gap = text.gap(at)
        if strength is Strength.TITLE:
            pattern = _TITLE_GAP
        else:
            pattern = _ABBREVIATION_GAP if len(words[at].folded) <= 4 else _CUE_GAP
        if not pattern.fullmatch(gap) or (strength is not Strength.TITLE and not gap):
            return None
        at += 1
        following = words[at]
        if (
            following.folded in FILLERS
            and strength is not Strength.WITH
            and (following.case is not Case.UPPER or cue.case is Case.UPPER)
        ):
            continue
        if strength is Strength.TITLE and lists.cues.get(following.folded) is Strength.TITLE:
            continue
        break
    return _names_from(text, at, strength, cue, ambiguous=ambiguous)


def _names_from(
    text: PersonText, first: int, strength: Strength, cue: Word, *, ambiguous: bool
) -> tuple[int, int] | None:
    """First and last word of a name that begins at a word after a cue."""
    lists, words = person_lists(), text.words
    while first + 1 < len(words) and words[first].case is Case.LOWER and is_only_by(words[first]):
        first += 1  # eseguito da Doe
    at = first
    while at < len(words) and (words[at].case is Case.INITIAL or words[at].folded in lists.particles):
        if at - first >= MOST_NAMES or at + 1 >= len(words) or not NAME_GAP.fullmatch(text.gap(at)):
            return None
        at += 1
    if at >= len(words) or not is_nameable(text, at, strength, cue, ambiguous=ambiguous):
        return None
    return first, last_word(text, at)


def _behind_initial(text: PersonText, index: int) -> tuple[int, int] | None:
    """First and last word of a name that begins with initials: M. Doe, M.DOE, J. K. Doe."""
    words = text.words
    at = index
    glued = True
    while at + 1 < len(words) and words[at].case is Case.INITIAL and at - index < 3:
        gap = text.gap(at)
        if gap not in {".", ". "}:
            return None
        glued = glued and gap == "."
        at += 1
    word = words[at]
    if word.case not in {Case.TITLE, Case.UPPER} or is_never(word) or word.kind & TECHNIQUE:
        return None
    is_strong = bool(word.kind & (NAME | RARE)) and not word.kind & ENGLISH
    if words[index].folded in _LATIN_ABBREVIATIONS and not glued and at == index + 1:
        known = is_strong and word.folded not in person_lists().eponyms
        return (index, last_word(text, at)) if known and not text.is_eponym(at) else None
    is_unknown = not word.kind and len(word.folded) >= 4 and not ends_like_medicine(word.folded)
    accepted = is_strong or is_unknown or bool(word.kind & NAME and not word.kind & EVERYDAY)
    return (index, last_word(text, at)) if accepted and not text.is_eponym(at) else None
