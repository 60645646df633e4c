"""Whether a word of a text is a person's name, by its case, the lists, and adjacent words.

The stronger a cue, the less a word has to look like a name.
"""

from __future__ import annotations

import re

from dicomveil_engine.text.gazetteer import CITY, ENGLISH, EVERYDAY, FREQUENT, GIVEN, NAME, RARE, TECHNIQUE
from dicomveil_engine.text.person_cues import PersonText, Strength, person_lists
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

NAME_GAP = re.compile(r"\.?[ ]{1,2}|[ ]?,[ ]?|\^|\.|-|_|[ ]?=[ ]?")
_VERB_GAP = re.compile(r"[ ]{1,2}|'s[ ]|[ ]?[(,/][ ]?")
_CREDENTIAL_GAP = re.compile(r"[ ]?,?[ ]?\(?")
_ENDINGS_OF_STATES = ("able", "ed", "ful", "ible", "ic", "ing", "ive", "less", "ly", "ous")
"""Endings of English adjectives that describe patients; few names have them."""


_ENDINGS_OF_PURPOSES = (
    *("ing", "ion", "ions", "ment", "ance", "ence", "ity", "ology", "graphy", "scopy", "tomy", "ness", "able", "ure"),
    *("age", "ism", "ist", "al", "ous", "ic", "ed", "ly", "ss", "x", "gram", "meter", "stent", "plan", "op", "tx"),
)
"""How words end for which images are made, in labels of capitals, and few names."""
_SHORTEST_ALONE = 6


def is_never(word: Word) -> bool:
    """Whether a word is never a name by itself: an everyday word, a credential, or a cue."""
    return word.folded in person_lists().never_alone or len(word.folded) < 2


def is_only_by(word: Word) -> bool:
    """Whether a particle of names is also a word for "by"."""
    lists = person_lists()
    return word.folded in lists.particles and lists.cues.get(word.folded) is Strength.BY


def is_nameable(text: PersonText, index: int, strength: Strength, cue: Word, *, ambiguous: bool) -> bool:
    """Whether a word is a name after a cue of this strength."""
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
    if is_never(word) or text.is_eponym(index):
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
    is_unknown = not kind & ~(RARE | CITY) and not ends_like_medicine(folded)
    if case is Case.UPPER:
        if not text.is_german and folded.endswith(_ENDINGS_OF_STATES):
            is_unknown = False  # PT CLAUSTROPHOBIC
        if strength >= Strength.ROLE:
            return likely or (is_unknown and len(folded) >= 5)
        is_last = index + 1 == len(text.words) and not folded.endswith(_ENDINGS_OF_PURPOSES)
        is_alone = is_last and is_unknown and len(folded) >= _SHORTEST_ALONE and cue.folded in lists.takes_unknown
        return (is_strong and (len(folded) > 3 or text.is_upper)) or (is_alone and not text.is_german)
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
    """Whether the next word can only be a name, or is in no list: Grant Doe."""
    words = text.words
    if index + 1 >= len(words) or not NAME_GAP.fullmatch(gap := text.gap(index)):
        return False
    behind = words[index + 1]
    if behind.case is not words[index].case or is_never(behind) or len(behind.folded) < 3:
        return False
    is_unknown = not behind.kind and not ends_like_medicine(behind.folded) and not text.is_german
    is_strong = bool(behind.kind & (NAME | RARE)) and not behind.kind & (ENGLISH | TECHNIQUE)
    return is_strong or (is_unknown and "," not in gap) or (is_unknown and bool(words[index].kind & NAME))


def _is_noun(text: PersonText, word: Word) -> bool:
    """Whether a word may be just a noun, since all German nouns are capitalised."""
    return text.is_german and not word.kind


def is_before_cue(text: PersonText, index: int, word: Word) -> bool:
    """Whether a word is a name before a cue: Doe RN, Doe (neurology), Doe requested."""
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
    if following.folded in lists.behind_patients and gap in {" ", "'s "} and word.case is Case.TITLE:
        is_person = is_strong or (is_unknown and len(word.folded) > 4 and not text.is_german)
        return is_person and following.case is Case.LOWER and word.folded not in lists.eponyms
    if following.folded in lists.verbs and _VERB_GAP.fullmatch(gap):
        if "," in gap and not is_strong:
            return False
        if following.folded in lists.verbs_of_known or text.is_upper:
            return is_strong and bool(kind & NAME)
        return (is_strong or frequent or (is_unknown and not text.is_german)) and word.case is Case.TITLE
    return False


def is_pair(text: PersonText, index: int) -> bool:
    """Whether two adjacent words are names, one of them a given name, and at most one also another word."""
    lists = person_lists()
    first, second = text.words[index], text.words[index + 1]
    gap = text.gap(index)
    if not NAME_GAP.fullmatch(gap) or is_never(second) or gap == ".":
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


def act(text: PersonText, index: int) -> bool:
    """Whether two words that may be names are followed by something that only persons do: May Head requested."""
    words, lists = text.words, person_lists()
    if index + 2 >= len(words) or not text.is_prose or text.gap(index) != " " or text.gap(index + 1) != " ":
        return False
    first, second, verb = words[index : index + 3]
    named = first.kind & GIVEN and second.kind & NAME and first.case is Case.TITLE and second.case is Case.TITLE
    return bool(named) and verb.folded in lists.verbs and verb.folded not in lists.verbs_of_known


def is_single(text: PersonText, index: int, word: Word) -> bool:
    """Whether a word is only in lists of names, and its case is significant."""
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
