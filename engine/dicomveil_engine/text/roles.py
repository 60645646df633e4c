"""The roles of words as cues, computed once for a word, so that a detector runs only on texts with its cues.

A role is a bit. A text has the roles of all its words; detectors whose roles it does not have are not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType

from dicomveil_engine.bounded_cache import of_values
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.spelling import fold

_WORDS_CACHED = 8_192

MONTH = 1
BIRTH = 2
"""Before a date of birth."""
PHONE = 4
NUMBER = 8
"""Before the number of a record, a device, a passport."""
PLATE = 16
USER = 32
"""Before a log-in name."""
BY = 64
"""Before the log-in name or name of whoever did something."""
INITIALS = 128
"""Before two or three initials."""
ADDRESS = 256
PLACE = 512
STREET = 1_024
STREET_BEFORE = 2_048
STREET_ENDING = 4_096
"""It ends like a street: Musterstraße."""
BOX = 8_192
INSTITUTION = 16_384
INSTITUTION_ENDING = 32_768
TURKISH_STREET = 65_536

COMPOUNDS = ("krankenhaus", "klinikum", "klinik", "hospital", "spital", "stift", "ziekenhuis")
"""Endings of words for institutions in German and Dutch."""
WORDS_BEFORE_USERS = frozenset(
    ("by", "per", "user", "from", "von", "par", "por", "da", "door", "login", "operator", "tech")
)
TURKISH_STREETS = frozenset(("mah", "mahallesi", "sok", "sokak", "sokagi", "cad", "caddesi", "bulvari", "blv"))
BOXES = frozenset(("box", "postfach", "apartado", "postale", "postbus", "poczt", "pobox"))


@cache
def _words() -> Mapping[str, int]:
    """Word → its roles."""
    numbers, places, organizations = word_lists("numbers"), word_lists("places"), word_lists("organizations")
    months = word_lists("months")
    records = [numbers[name] for name in ("records", "weak records", "devices", "passports", "licenses")]
    roles: dict[str, int] = {}
    for role, words in (
        (MONTH, months["full"] | months["short"]),
        (BIRTH, word_lists("dates")["birth"]),
        (PHONE, word_lists("phones")["cues"]),
        (NUMBER, frozenset().union(*records)),
        (PLATE, numbers["plates"]),
        (USER, numbers["users"]),
        (BY, WORDS_BEFORE_USERS),
        (INITIALS, word_lists("cues")["initials"]),
        (ADDRESS, places["addresses"]),
        (PLACE, places["cues"] | places["residence"] | places["comings"]),
        (STREET, places["streets behind a name"]),
        (STREET_BEFORE, places["streets before a name"]),
        (BOX, BOXES),
        (TURKISH_STREET, TURKISH_STREETS),
        (INSTITUTION, organizations["heads before"] | organizations["heads behind"]),
        (INSTITUTION, organizations["heads behind with a preposition"]),
        (INSTITUTION, frozenset(pair.split()[0] for pair in organizations["heads behind phrases"])),
    ):
        for word in words:
            # A word with a hyphen or slash is several words in a text.
            for part in (word, fold(word), *_parts(word), *_parts(fold(word))):
                roles[part] = roles.get(part, 0) | role
    return MappingProxyType(roles)


def _parts(word: str) -> list[str]:
    return "".join(character if character.isalpha() else " " for character in word).split()


@of_values
@lru_cache(_WORDS_CACHED)
def roles_of(plain: str) -> int:
    """The roles of a word in the form of `AnalysedText.plain`."""
    words, folded = _words(), fold(plain)
    roles = words.get(plain, 0) | words.get(folded, 0)
    for part in _parts(plain) if "'" in plain else ():
        roles |= words.get(part, 0)
    if folded.endswith(_street_endings()):
        roles |= STREET_ENDING
    if folded.endswith(COMPOUNDS):
        roles |= INSTITUTION_ENDING
    return roles


@cache
def _street_endings() -> tuple[str, ...]:
    return tuple(sorted(word_lists("places")["street endings"]))
