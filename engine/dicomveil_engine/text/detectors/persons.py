"""PERSON_NAME of people whose name is in no attribute: beside a cue, as two names side by side, or in the lists of
names.

What is technique stays: words of imaging are never names, but for the frequent ones behind a title, and eponyms only
behind a title, a role or a given name. The more a cue says, the less a word has to look like a name: behind "Dr" any
word with a capital, behind "with" only one that is known, or that is known to no list at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import ENGLISH, EVERYDAY, FREQUENT, GIVEN, NAME, RARE, SURNAME, TECHNIQUE
from dicomveil_engine.text.person_cues import FILLERS, PersonText, Strength, person_lists
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

_MOST_NAMES = 4
_MOST_FILLERS = 2
_NOT_NEEDED = re.compile(r"[^\W\d_]{2}")

_TITLE_GAP = re.compile(r"\.?[ ]{0,2}")
_CUE_GAP = re.compile(r"[ ]{0,2}(?:\d{1,2}[ ]?)?[:;=,(\[/\"'#>\-]{0,2}\s?[ ]?")
_ABBREVIATION_GAP = re.compile(r"[.:]?[ ]{0,2}(?:\d{1,2}[ ]?)?[:;=,(\[/\"'#>\-]{0,2}\s?[ ]?")
_NAME_GAP = re.compile(r"\.?[ ]{1,2}|[ ]?,[ ]?|\^|\.|-|_|[ ]?=[ ]?")
_VERB_GAP = re.compile(r"[ ]{1,2}|'s[ ]|[ ]?[(,/][ ]?")
_CREDENTIAL_GAP = re.compile(r"[ ]?,?[ ]?\(?")
_LIST_GAP = re.compile(r"[ ]?[/&+][ ]?|[ ](?:and|und|et|y|e|en|i|ve|och|og|и)[ ]")
_LATIN_ABBREVIATIONS = frozenset("avnmrl")
"""A. carotis, V. saphena, N. medianus, M. rectus, R. and L. for sides."""
_ENDINGS_OF_STATES = ("able", "ed", "ful", "ible", "ic", "ing", "ive", "less", "ly", "ous")
"""How English adjectives end that say how a patient is, and few names."""
_AND = frozenset(("and", "und", "et", "y", "e", "en", "i", "ve", "och", "og", "и"))


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The names of persons in a text, by words; scripts without capitals are `east_asian_names`'."""
    if not _NOT_NEEDED.search(reading.text):
        return
    words = reading.words
    text = PersonText(reading, words)
    named: set[str] = set()
    for index, word in enumerate(words):
        for first, last, likelihood, why in _at(text, index, word):
            for span in (*_before_in_list(text, first), (first, last), *_behind_in_list(text, last)):
                named.update(one.folded for one in words[span[0] : span[1] + 1] if one.case is Case.TITLE)
                yield _finding(text, *span, likelihood, why)
    for index, word in enumerate(words):
        # A person who was introduced once may be named alone later.
        if word.folded in named and word.case is Case.TITLE and not word.kind & TECHNIQUE and len(word.folded) > 2:
            yield _finding(text, index, index, Likelihood.POSSIBLE, "a name that follows a cue elsewhere")


def _behind_in_list(text: PersonText, last: int) -> Iterator[tuple[int, int]]:
    """The other names of a list: Doe/Roe, Doe & Roe, Doe and Roe."""
    words = text.words
    for _ in range(_MOST_NAMES):
        if last + 1 >= len(words):
            return
        following = last + 1
        gap = text.gap(last)
        if words[following].folded in _AND and gap == " " and following + 1 < len(words):
            gap, following = " and ", following + 1
        if not _LIST_GAP.fullmatch(gap) or not _is_of_list(text, words[last], following):
            return
        last = _last(text, following)
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
    if _is_never(word) or word.kind & TECHNIQUE or word.case is not name.case or word.case is Case.LOWER:
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
    """What a word says: as a cue for those behind it, or as a name itself. First and last word of each name."""
    strength = person_lists().cues.get(word.folded)
    if strength is not None and (behind := _behind_cue(text, index, word, strength)):
        why = "a name behind a title" if strength is Strength.TITLE else "a name behind a word for a person"
        yield *behind, Likelihood.LIKELY, why
    if word.case is Case.INITIAL:
        if (behind := _behind_initial(text, index)) is not None:
            yield *behind, Likelihood.LIKELY, "a name behind its initial"
        return
    if word.case is Case.NONE:
        return
    if _acts(text, index):
        yield index, index + 1, Likelihood.LIKELY, "two names side by side"
    if _is_never(word):
        return
    if _is_before_cue(text, index, word):
        yield *_widened(text, index), Likelihood.LIKELY, "a name before a word for a person"
    elif index + 1 < len(text.words) and _is_pair(text, index):
        yield *_widened(text, index), Likelihood.LIKELY, "two names side by side"
    elif _is_single(text, index, word):
        yield *_widened(text, index), Likelihood.POSSIBLE, "in the lists of names, and not in those of words"


def _is_never(word: Word) -> bool:
    lists = person_lists()
    return word.folded in lists.never or len(word.folded) < 2 or lists.cues.get(word.folded, 0) > Strength.WITH


def _behind_cue(text: PersonText, index: int, cue: Word, strength: Strength) -> tuple[int, int] | None:
    """The names behind a cue."""
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
    """First and last of the words, from one on, that are a name behind a cue."""
    lists, words = person_lists(), text.words
    while first + 1 < len(words) and words[first].case is Case.LOWER and _is_only_by(words[first]):
        first += 1  # eseguito da Doe
    at = first
    while at < len(words) and (words[at].case is Case.INITIAL or words[at].folded in lists.particles):
        if at - first >= _MOST_NAMES or at + 1 >= len(words) or not _NAME_GAP.fullmatch(text.gap(at)):
            return None
        at += 1
    if at >= len(words) or not _is_nameable(text, at, strength, cue, ambiguous=ambiguous):
        return None
    return first, _last(text, at)


def _is_only_by(word: Word) -> bool:
    """Whether a word that may be part of a name says who did something."""
    lists = person_lists()
    return word.folded in lists.particles and lists.cues.get(word.folded) is Strength.BY


def _is_nameable(text: PersonText, index: int, strength: Strength, cue: Word, *, ambiguous: bool) -> bool:
    """Whether a word is a name, given how much the cue before it says."""
    lists, word = person_lists(), text.words[index]
    folded, kind, case = word.folded, word.kind, word.case
    known = kind & NAME
    if folded in lists.never or case is Case.NONE or len(folded) < 2:
        return False
    if strength is Strength.TITLE:
        if case is Case.LOWER:
            return bool(text.is_lower and known and not kind & (TECHNIQUE | ENGLISH))
        if kind & TECHNIQUE:
            return bool(known and kind & FREQUENT and case is Case.TITLE and not text.is_upper and not ambiguous)
        if ambiguous:
            return bool(known and not kind & ENGLISH) or not (kind or ends_like_medicine(folded) or len(folded) < 5)
        return bool(known) or not kind & EVERYDAY
    if _is_never(word) or text.is_eponym(index):
        return False
    paired = _is_followed_by_name(text, index)
    if kind & TECHNIQUE:
        named = kind & GIVEN and case is Case.TITLE and text.is_prose and folded in lists.weak_names
        frequent = kind & FREQUENT and known and case is Case.TITLE and paired
        return bool((named and strength is Strength.RELATION) or (frequent and strength >= Strength.ROLE))
    is_strong = bool(known and not kind & ENGLISH)
    if case is Case.LOWER:
        relation = strength is Strength.RELATION and cue.folded not in lists.weak
        return is_strong and relation and not text.is_german
    if cue.folded in lists.weak:
        return is_strong
    likely = is_strong or bool(known and kind & FREQUENT and not kind & EVERYDAY)
    is_unknown = not kind & ~RARE and not ends_like_medicine(folded)
    if case is Case.UPPER:
        if not text.is_german and folded.endswith(_ENDINGS_OF_STATES):
            is_unknown = False  # PT CLAUSTROPHOBIC
        if strength >= Strength.ROLE:
            return likely or (is_unknown and len(folded) >= 5)
        return is_strong and (len(folded) > 3 or text.is_upper)
    if strength >= Strength.ROLE:
        return likely or is_unknown or bool(known and kind & (FREQUENT | GIVEN) and text.is_prose)
    if paired and kind & GIVEN and case is Case.TITLE:
        return True
    if strength is Strength.BY:
        return likely or bool(known and kind & FREQUENT) or (is_unknown and not _is_noun(text, word))
    if text.is_german and not kind & (FREQUENT | GIVEN):
        return False
    takes_unknown = cue.folded in lists.takes_unknown and text.is_prose and not text.is_german
    return (likely or (is_unknown and takes_unknown)) and folded not in lists.eponyms


def _is_followed_by_name(text: PersonText, index: int) -> bool:
    """Whether the word behind can only be a name, or is of no list: Grant Doe."""
    words = text.words
    if index + 1 >= len(words) or not _NAME_GAP.fullmatch(gap := text.gap(index)):
        return False
    behind = words[index + 1]
    if behind.case is not words[index].case or _is_never(behind) or len(behind.folded) < 3:
        return False
    is_unknown = not behind.kind and not ends_like_medicine(behind.folded) and not text.is_german
    is_strong = bool(behind.kind & (NAME | RARE)) and not behind.kind & (ENGLISH | TECHNIQUE)
    return is_strong or (is_unknown and "," not in gap) or (is_unknown and bool(words[index].kind & NAME))


def _is_noun(text: PersonText, word: Word) -> bool:
    """Every German noun has a capital."""
    return text.is_german and not word.kind


def _last(text: PersonText, index: int) -> int:
    """The last word of a name that begins or continues with this one."""
    words, lists = text.words, person_lists()
    last = at = index
    while at + 1 < len(words) and at - index < _MOST_NAMES and _NAME_GAP.fullmatch(gap := text.gap(at)):
        at += 1
        word = words[at]
        if word.folded in lists.particles and word.case is not Case.INITIAL and "," not in gap:
            continue
        is_initial = word.case is Case.INITIAL and (gap != "." or at + 1 == len(words)) and "-" not in gap
        # Behind a comma stands the given name, and nothing but that.
        ends = "," in gap and (last > index or word.case is not words[last].case)
        if is_initial or (not ends and _continues(text, words[last], word, gap)):
            last = at
        else:
            break
    return last


def _continues(text: PersonText, name: Word, word: Word, gap: str) -> bool:
    kind = word.kind
    if _is_never(word) or len(word.folded) < 2:
        return False
    if kind & TECHNIQUE:
        # Rajesh Park: a family name that many have, behind a given name.
        is_given = bool(name.kind & GIVEN and not name.kind & (ENGLISH | TECHNIQUE))
        both = name.case is Case.TITLE and word.case is Case.TITLE and gap == " "
        return is_given and both and kind & (SURNAME | FREQUENT) == SURNAME | FREQUENT
    if name.case is not word.case and not (word.case is Case.TITLE or word.case is Case.UPPER):
        return False
    if name.case is Case.LOWER:
        return bool(kind & NAME and not kind & ENGLISH)
    is_strong = bool(kind & (NAME | RARE)) and not kind & ENGLISH
    if is_strong:
        return True
    if gap.strip(" ") or word.case is Case.UPPER:
        is_name = bool(kind & GIVEN and (not kind & EVERYDAY or kind & FREQUENT))
        return (
            is_name
            or (not kind and "," not in gap and not ends_like_medicine(word.folded))
            or (not kind and not text.is_german and not ends_like_medicine(word.folded))
        )
    if kind & ENGLISH:
        is_behind_given = bool(name.kind & GIVEN) and not name.kind & ENGLISH
        return bool(kind & NAME and (not kind & EVERYDAY or (kind & FREQUENT and (text.is_prose or is_behind_given))))
    return not text.is_german or bool(name.kind & GIVEN)


def _behind_initial(text: PersonText, index: int) -> tuple[int, int] | None:
    """M. Doe, M.DOE, J. K. Doe."""
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
    if word.case not in {Case.TITLE, Case.UPPER} or _is_never(word) or word.kind & TECHNIQUE:
        return None
    is_strong = bool(word.kind & (NAME | RARE)) and not word.kind & ENGLISH
    if words[index].folded in _LATIN_ABBREVIATIONS and not glued and at == index + 1:
        known = is_strong and word.folded not in person_lists().eponyms
        return (index, _last(text, at)) if known and not text.is_eponym(at) else None
    is_unknown = not word.kind and len(word.folded) >= 4 and not ends_like_medicine(word.folded)
    accepted = is_strong or is_unknown or bool(word.kind & NAME and not word.kind & EVERYDAY)
    return (index, _last(text, at)) if accepted and not text.is_eponym(at) else None


def _is_before_cue(text: PersonText, index: int, word: Word) -> bool:
    """Doe RN, Doe (neurology), Doe requested."""
    lists, words, kind = person_lists(), text.words, word.kind
    if index + 1 >= len(words) or kind & TECHNIQUE or word.case not in {Case.TITLE, Case.UPPER}:
        return False
    following, gap = words[index + 1], text.gap(index)
    is_strong = bool(kind & (NAME | RARE)) and not kind & ENGLISH
    is_unknown = not kind and len(word.folded) > 3 and not ends_like_medicine(word.folded)
    frequent = bool(kind & FREQUENT and kind & NAME and not kind & EVERYDAY)
    if text.is_eponym(index):
        return False
    if following.folded in lists.credentials and _CREDENTIAL_GAP.fullmatch(gap) and gap:
        written = following.case is Case.UPPER or "(" in gap
        is_apart = "," in gap or "(" in gap
        return written and (
            is_strong or frequent or (is_unknown and is_apart and not (text.is_upper or text.is_german))
        )
    if person_lists().cues.get(following.folded) is Strength.RELATION and "(" in gap and len(gap) < 3:
        return is_strong or is_unknown or frequent
    if gap == " (" and index + 2 < len(words) and words[index + 2].folded in lists.verbs - lists.verbs_of_known:
        # Imogen (Immy) drives.
        return (is_strong or is_unknown or frequent) and following.case is Case.TITLE and word.case is Case.TITLE
    if following.folded in lists.verbs and _VERB_GAP.fullmatch(gap):
        if "," in gap and not is_strong:
            return False
        if following.folded in lists.verbs_of_known or text.is_upper:
            return is_strong and bool(kind & NAME)
        return (is_strong or frequent or (is_unknown and not text.is_german)) and word.case is Case.TITLE
    return False


def _is_pair(text: PersonText, index: int) -> bool:
    """Two names side by side, one of them a given name, of which no more than one is a word, too."""
    lists = person_lists()
    first, second = text.words[index], text.words[index + 1]
    gap = text.gap(index)
    if not _NAME_GAP.fullmatch(gap) or _is_never(second) or gap == ".":
        return False
    if first.case is not second.case or first.case is Case.LOWER:
        return False
    kinds = (first.kind, second.kind)
    if any(kind & TECHNIQUE for kind in kinds):
        return False
    if text.is_eponym(index) or text.is_eponym(index + 1):
        return False
    if first.folded in lists.eponyms and second.folded in lists.eponyms:
        return False
    strong = [bool(kind & (NAME | RARE)) and not kind & ENGLISH for kind in kinds]
    given = [bool(kind & GIVEN) for kind in kinds]
    if not any(given):
        # Two family names: Smith-Jones, Garcia Lopez.
        return all(kind & FREQUENT for kind in kinds) and all(strong)
    if all(strong):
        return True
    unknown = [
        not kind and not ends_like_medicine(word.folded) for kind, word in zip(kinds, (first, second), strict=True)
    ]
    if (strong[0] and given[0] and unknown[1]) or (unknown[0] and strong[1] and given[1]):
        return first.case is Case.TITLE and not (text.is_german and "," in gap)
    return (
        any(strong)
        and all(kind & NAME for kind in kinds)
        and (text.is_prose or not any(kind & EVERYDAY for kind in kinds) or "," in gap or "^" in gap)
    )


def _acts(text: PersonText, index: int) -> bool:
    """Two names that are words, too, and then what only a person does: May Head requested."""
    words, lists = text.words, person_lists()
    if index + 2 >= len(words) or not text.is_prose or text.gap(index) != " " or text.gap(index + 1) != " ":
        return False
    first, second, verb = words[index : index + 3]
    named = first.kind & GIVEN and second.kind & NAME and first.case is Case.TITLE and second.case is Case.TITLE
    return bool(named) and verb.folded in lists.verbs and verb.folded not in lists.verbs_of_known


def _is_single(text: PersonText, index: int, word: Word) -> bool:
    """A word of the lists of names that no other list has, where its case says something."""
    kind = word.kind
    if not kind & NAME or kind & (TECHNIQUE | ENGLISH) or word.folded in person_lists().eponyms or len(word.folded) < 4:
        return False
    if word.folded in person_lists().weak_names or text.is_eponym(index):
        return False
    if word.case is Case.TITLE and text.is_prose:
        if not text.begins_sentence(index):
            return True
        return bool(kind & FREQUENT) and text.is_english
    if word.case is Case.LOWER:
        return bool(kind & FREQUENT) and len(word.folded) > 4 and text.is_lower and text.is_english
    if word.case is Case.UPPER and not text.is_upper:
        return bool(kind & FREQUENT)
    return bool(kind & FREQUENT) and (text.is_english or len(text.words) == 1)


def _widened(text: PersonText, index: int) -> tuple[int, int]:
    """A name with the given name, initial or family name before it and behind it."""
    first = index
    words = text.words
    while first and index - first < _MOST_NAMES and _NAME_GAP.fullmatch(text.gap(first - 1)):
        before = words[first - 1]
        if _is_never(before):
            break
        if (
            before.case is Case.INITIAL
            or (
                before.case is words[index].case
                and before.case is not Case.LOWER
                and _continues(text, words[first], before, " ")
                and (not text.begins_sentence(first - 1) or not before.kind & ~(NAME | RARE | FREQUENT))
            )
            or (before.kind & GIVEN and not before.kind & (TECHNIQUE | ENGLISH) and before.case is words[index].case)
        ):
            first -= 1
        else:
            break
    return first, _last(text, index)
