"""The vocabulary of an archive: its words, with counts that show which of them are names.

Frequent words are not always technical, since names of staff are frequent too. The archive's PN attributes distinguish
them: a word in a PN attribute is a name, unless far more patients have it in a text than in a name.

A file has no words, only keyed digests with two counts, so that words cannot be looked up without the project key:

    a line of JSON      kind, version, check of the key, total counts
    records             digest (8 bytes), patients by text (4), patients by PN (4), big endian, ordered by digest

The file is not updated: the same file and key always give the same results.
"""

from __future__ import annotations

import hashlib
import json
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dicomveil_engine.bounded_cache import cached
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.keys import KeyedDigest, Keys, keyed_digest
from dicomveil_engine.text.plain import plain
from dicomveil_engine.text.words_of_text import words_of

KIND = "dicomveil text vocabulary"
VERSION = 1
RATIO = 5
"""A word in a PN attribute is not a name if at least so many times as many patients have it in a text."""
SHORTEST = 3
"""Letters of a word in a script with capitals; shorter ones may be initials and abbreviations."""
_DIGEST_BYTES = 8
_RECORD = struct.Struct(">8sII")
_LONGEST_HEAD = 4_096
_MOST = 0xFFFFFFFF
_WORDS_CACHED = 16_384
_CHECK = b"dicomveil text vocabulary: check of the key"


class Counts(NamedTuple):
    """The number of patients with a word."""

    by_text: int
    by_name: int

    @property
    def is_name(self) -> bool:
        """Whether the word is a name, by RATIO."""
        return self.by_name > 0 and self.by_text < RATIO * self.by_name


_UNSEEN = Counts(0, 0)


def digests_of(keys: Keys) -> KeyedDigest:
    """Folded word → its digest in a file, with the project's key."""
    return KeyedDigest(keys.derive("text/vocabulary"), _DIGEST_BYTES)


def words_to_count(text: str) -> frozenset[str]:
    """The folded words of a text or PN value that a vocabulary counts."""
    return frozenset(word.folded for word in words_of(text, plain(text)) if is_counted(word.folded))


def is_counted(folded: str) -> bool:
    """Whether a word is long enough to be counted; a single ideograph is not."""
    return len(folded) >= (SHORTEST if folded.isascii() else 2)


def written(keys: Keys, patients: int, records: Iterable[tuple[bytes, int, int]]) -> Iterator[bytes]:
    """The parts of a file: its head, then the records, which must be ordered by digest."""
    head = {"kind": KIND, "version": VERSION, "key": _check_of(keys), "patients": patients}
    yield json.dumps(head, sort_keys=True).encode() + b"\n"
    for digest, by_text, by_name in records:
        yield _RECORD.pack(digest, min(by_text, _MOST), min(by_name, _MOST))


def _check_of(keys: Keys) -> str:
    """The check that identifies the key of a file."""
    return keyed_digest(keys.derive("text/vocabulary"), _CHECK).hex()[:16]


class _Records(Sequence[bytes]):
    """The sorted digests of a file, read from its bytes."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._start = data, start

    def __len__(self) -> int:
        return (len(self._data) - self._start) // _RECORD.size

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        at = self._start + index * _RECORD.size
        return self._data[at : at + _DIGEST_BYTES]

    def counts(self, index: int) -> Counts:
        _, by_text, by_name = _RECORD.unpack_from(self._data, self._start + index * _RECORD.size)
        return Counts(by_text, by_name)


class Vocabulary:
    """A vocabulary that was read; two of the same file are equal."""

    def __init__(self, data: bytes, keys: Keys) -> None:
        """Raises ConfigurationError if it is not a vocabulary, or one with another key."""
        head, start = _head(data)
        made_with = next((each for each in keys.versions() if head.get("key") == _check_of(each)), None)
        if made_with is None:
            raise ConfigurationError(
                "the vocabulary was made with another project key; build it again with this project's --key-file"
            )
        self._records = _Records(data, start)
        self._digests = digests_of(made_with)
        self.patients = _count(head)
        self.digest = hashlib.sha256(data).hexdigest()[:16]
        """The file's digest, for the conformance statement and (0012,0063)."""
        self.counts = cached(_WORDS_CACHED)(self._counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Vocabulary {self.digest}: {len(self._records)} words of {self.patients} patients>"

    def __len__(self) -> int:
        return len(self._records)

    def _counts(self, folded: str) -> Counts:
        """The number of patients with a folded word."""
        digest = self._digests.of(folded.encode("utf-8", "surrogatepass"))
        index = bisect_left(self._records, digest)
        if index == len(self._records) or self._records[index] != digest:
            return _UNSEEN
        return self._records.counts(index)


class Summary(NamedTuple):
    """What can be read from a file without the key."""

    digest: str
    patients: int
    words: int
    words_of_names: int
    """Words in a PN attribute."""
    names: int
    """The number of them that are names by RATIO."""
    in_one_patient: int


def summary_of(data: bytes) -> Summary:
    """The counts of a file. Raises ConfigurationError if it is not a vocabulary."""
    head, start = _head(data)
    records = _Records(data, start)
    of_names = names = once = 0
    for index in range(len(records)):
        counts = records.counts(index)
        of_names += counts.by_name > 0
        names += counts.is_name
        once += max(counts) == 1
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Summary(digest, _count(head), len(records), of_names, names, once)


def _head(data: bytes) -> tuple[dict[str, object], int]:
    """The head of a file, and the beginning of its records."""
    end = data.find(b"\n", 0, _LONGEST_HEAD)
    try:
        head = json.loads(data[:end]) if end >= 0 else None
    except ValueError:
        head = None
    if not isinstance(head, dict) or head.get("kind") != KIND or (len(data) - end - 1) % _RECORD.size:
        raise ConfigurationError(
            "the file is not a text vocabulary, or is cut off; `dicomveil vocabulary build` makes one"
        )
    if head.get("version") != VERSION:
        raise ConfigurationError(f"the vocabulary is of another version than {VERSION}; build it again")
    return head, end + 1


def _count(head: dict[str, object]) -> int:
    patients = head.get("patients")
    return patients if isinstance(patients, int) and not isinstance(patients, bool) else 0
