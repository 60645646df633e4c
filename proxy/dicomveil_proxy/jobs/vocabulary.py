"""Counting an archive's vocabulary: for how many patients each word occurs in texts and in names.

    archive ── study by study ──→ counts (SQLite, beside the output) ──→ the file

Words and patients are stored as keyed digests only. A study is counted in one transaction, so that an interrupted run
resumes with the next one. Only the words of one study are in memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from dicomveil_engine import ConfigurationError, InvalidDataSetError
from dicomveil_engine.pseudonyms.keys import KeyedDigest, Keys
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_engine.text.vocabulary import digests_of, words_to_count, written
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.request.query import Level

_PAGE = 100
_TEXT_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_LONGEST_TEXT = 65_536
_DEEPEST = 32
_LARGEST_INSTANCE = 64 << 20
"""Bytes of DICOM JSON."""
_MOST_WORDS = 200_000
"""Maximum number of different words of one study; further ones are not counted."""
_BY_TEXT, _BY_NAME = 1, 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS key (digest BLOB PRIMARY KEY);
CREATE TABLE IF NOT EXISTS study (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (word BLOB, kind INTEGER, patient BLOB, PRIMARY KEY (word, kind, patient))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS patient (digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""


class StudyWords:
    """The words in the texts and in the names of one study."""

    def __init__(self) -> None:
        self.patient = ""
        self.by_text: set[str] = set()
        self.by_name: set[str] = set()

    def add(self, dataset: Mapping[str, Any], depth: int = 0) -> None:
        """Count the words of a DICOM JSON object, and skip anything malformed."""
        for tag, element in dataset.items():
            if not isinstance(element, dict) or not isinstance(values := element.get("Value"), list):
                continue
            vr = element.get("vr")
            if vr == "SQ" and depth < _DEEPEST:
                for item in values:
                    if isinstance(item, dict):
                        self.add(item, depth + 1)
            elif vr == "PN":
                for value in values:
                    groups = value.values() if isinstance(value, dict) else [value]
                    self._add(self.by_name, (group for group in groups if isinstance(group, str)))
            elif vr in _TEXT_VRS:
                texts = [value for value in values if isinstance(value, str)]
                if tag == "00100020" and texts and not depth:
                    self.patient = self.patient or texts[0]
                self._add(self.by_text, texts)

    @staticmethod
    def _add(words: set[str], texts: Iterable[str]) -> None:
        for text in texts:
            if len(words) < _MOST_WORDS:
                words |= words_to_count(text[:_LONGEST_TEXT])


class Counts:
    """The counts so far, in a file."""

    def __init__(self, path: Path, keys: Keys) -> None:
        """Open or create the file. Raises ConfigurationError if it has another key, or is not a vocabulary."""
        self._words = digests_of(keys)
        self._others = KeyedDigest(keys.derive("text/vocabulary/patients"), 16)
        try:
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path)
            self._database.executescript(_SCHEMA)
            mine = self._others.of(b"key")
            [*found] = self._database.execute("SELECT digest FROM key")
            if found and found != [(mine,)]:
                raise ConfigurationError(f"{path.name} belongs to a run with another key; delete it to start over")
            with self._database:
                self._database.execute("INSERT OR IGNORE INTO key VALUES (?)", (mine,))
        except (sqlite3.DatabaseError, OSError):
            raise ConfigurationError(f"{path.name} cannot be written, or is another kind of file; delete it") from None

    def has(self, study: str) -> bool:
        """Whether a study has been counted already."""
        row = self._database.execute("SELECT 1 FROM study WHERE digest = ?", (self._digest(study),)).fetchone()
        return row is not None

    def add(self, study: str, words: StudyWords) -> None:
        """Count a study in one transaction. A study without a PatientID counts as a patient of its own."""
        patient = self._digest(f"patient {words.patient}" if words.patient else f"study {study}")
        with self._database:
            for kind, counted in ((_BY_TEXT, words.by_text), (_BY_NAME, words.by_name)):
                rows = ((self._words.of(word.encode("utf-8", "surrogatepass")), kind, patient) for word in counted)
                self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
            self._database.execute("INSERT OR IGNORE INTO patient VALUES (?)", (patient,))
            self._database.execute("INSERT OR IGNORE INTO study VALUES (?)", (self._digest(study),))

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self._database.execute("SELECT count(*) FROM patient").fetchone()[0])

    def records(self) -> Iterator[tuple[bytes, int, int]]:
        """Digest, patients with the word in texts, patients with the word in names; sorted by digest."""
        yield from self._database.execute(
            "SELECT word, sum(kind = 1), sum(kind = 2) FROM seen GROUP BY word ORDER BY word"
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _digest(self, text: str) -> bytes:
        return self._others.of(text.encode("utf-8", "surrogatepass"))


async def count(origin: Origin, counts: Counts, seen: Callable[[int, int], None]) -> int:
    """Count all studies of an archive, and return the number of those that could not be read.

    `seen` is called with the numbers of counted and of skipped studies. Raises the origin's errors if the studies
    cannot be listed.
    """
    done = failed = 0
    async with aclosing(pages(origin, Level.STUDIES, None, None, [], size=_PAGE)) as found:
        async for page in found:
            for match in page:
                study = _uid(match)
                if study is None:
                    failed += 1
                elif not counts.has(study):
                    words = StudyWords()
                    try:
                        found_in = data_sets(origin, OriginalUID(study), None, None, limit=_LARGEST_INSTANCE)
                        async with aclosing(found_in) as batches:
                            async for batch in batches:
                                for dataset in batch.datasets:
                                    words.add(dataset)
                    except (ProxyError, InvalidDataSetError):
                        failed += 1
                        continue
                    counts.add(study, words)
                done += 1
                seen(done, failed)
    return failed


def write(path: Path, counts: Counts, keys: Keys) -> None:
    """Write the file atomically. Raises OSError, also if it exists."""
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as file:
        unfinished.chmod(0o600)
        file.writelines(written(keys, counts.patients, counts.records()))
        file.flush()
        os.fsync(file.fileno())
    os.link(unfinished, path)
    unfinished.unlink()


def _uid(match: Mapping[str, Any]) -> str | None:
    element = match.get("0020000D")
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else None
