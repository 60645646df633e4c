"""Pseudonyms of patients, which the holder of the key can recognise without a look-up (as in `uids`).

A pseudonym is 80 bits in 16 characters of Crockford's base 32 (digits and capital letters without I, L, O, U, so that
none is misread; legal in LO, SH, CS and PN). It has two parts, both keyed:

    name part   48 bits  a digest of the original
    check part  32 bits  a digest of the name part
"""

from __future__ import annotations

import hmac

from dicomveil_engine.bounded_cache import cached
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest
from dicomveil_engine.pseudonyms.sides import PseudonymousPatientID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 16
_NAME_BYTES = 6
_CHECK_BYTES = 4
_PATIENTS_CACHED = 16_384


class PatientPseudonyms:
    """Original PatientID → pseudonym, for one project. Pseudonyms of earlier versions of its key are unchanged."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._subjects = keys.subjects
        self._name_key = keys.derive("patient name")
        self._check_key = keys.derive("patient check")
        self._others = tuple(PatientPseudonyms(other) for other in keys.versions()[1:])
        self.pseudonym = cached(_PATIENTS_CACHED)(self._pseudonym)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same keys, and so make the same pseudonyms."""
        return type(other) is PatientPseudonyms and other._keys == self._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def _pseudonym(self, original: str) -> PseudonymousPatientID:
        """The pseudonym of an identifier, without padding; the project's own pseudonyms are unchanged."""
        identifier = original.strip(" \0")
        subject = self._subjects.of(identifier) if self._subjects else None
        if subject is not None:
            return PseudonymousPatientID(subject)
        if not identifier or self.is_pseudonym(identifier):
            return PseudonymousPatientID(identifier)
        return self._keyed(identifier)

    def of_original(self, original: str) -> PseudonymousPatientID:
        """The pseudonym of an identifier in a data set that was not de-identified before.

        In such a data set an identifier that equals a listed subject is an original, not a pseudonym.
        """
        identifier = original.strip(" \0")
        if self.is_subject(identifier) and self._subjects and self._subjects.of(identifier) is None:
            return self._keyed(identifier)
        return self.pseudonym(original)

    def is_subject(self, text: str) -> bool:
        """Whether the text is a subject of the project's list."""
        return self._subjects is not None and self._subjects.holds(text)

    def _keyed(self, identifier: str) -> PseudonymousPatientID:
        digest = keyed_digest(self._name_key, identifier.encode("utf-8", "surrogatepass"))
        return PseudonymousPatientID(self._text(digest[:_NAME_BYTES]))

    def is_pseudonym(self, text: str) -> bool:
        """Whether the text is a pseudonym by any version of the project's key, or one of its subjects."""
        if self.is_subject(text):
            return True
        if len(text) != _LENGTH:  # asked of each name and identifier of each search result
            return False
        return self.is_own(text) or any(other.is_own(text) for other in self._others)

    def is_own(self, text: str) -> bool:
        """Whether the text is a pseudonym by this version of the key."""
        if len(text) != _LENGTH or not all(character in _VALUE for character in text):
            return False
        number = 0
        for character in text:
            number = number << 5 | _VALUE[character]
        name = number.to_bytes(_NAME_BYTES + _CHECK_BYTES)[:_NAME_BYTES]
        return hmac.compare_digest(self._text(name), text)

    def _text(self, name: bytes) -> str:
        number = int.from_bytes(name + keyed_digest(self._check_key, name)[:_CHECK_BYTES])
        return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
