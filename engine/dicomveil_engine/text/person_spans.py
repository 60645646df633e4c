"""The extent of a person's name in a text: given names, initials and family names next to one of its words."""

from __future__ import annotations

from dicomveil_engine.text.gazetteer import ENGLISH, EVERYDAY, FREQUENT, GIVEN, NAME, RARE, SURNAME, TECHNIQUE
from dicomveil_engine.text.person_cues import PersonText, person_lists
from dicomveil_engine.text.person_words import NAME_GAP, is_never
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

MOST_NAMES = 4
"""The most words of a name."""


def last_word(text: PersonText, index: int) -> int:
    """The last word of a name that begins or continues with this one."""
    words, lists = text.words, person_lists()
    last = at = index
    while at + 1 < len(words) and at - index < MOST_NAMES and NAME_GAP.fullmatch(gap := text.gap(at)):
        at += 1
        word = words[at]
        if word.folded in lists.particles and word.case is not Case.INITIAL and "," not in gap:
            continue
        is_initial = word.case is Case.INITIAL and (gap != "." or at + 1 == len(words)) and "-" not in gap
        # After a comma there is only the given name.
        ends = "," in gap and (last > index or word.case is not words[last].case)
        if is_initial or (not ends and _continues(text, words[last], word, gap)):
            last = at
        else:
            break
    return last


def _continues(text: PersonText, name: Word, word: Word, gap: str) -> bool:
    kind = word.kind
    if is_never(word) or len(word.folded) < 2:
        return False
    if kind & TECHNIQUE:
        # Rajesh Park: a frequent family name after a given name.
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


def widened(text: PersonText, index: int) -> tuple[int, int]:
    """First and last word of a name, with given names, initials and family names on both sides."""
    first = index
    words = text.words
    while first and index - first < MOST_NAMES and NAME_GAP.fullmatch(text.gap(first - 1)):
        before = words[first - 1]
        if is_never(before):
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
    return first, last_word(text, index)
