"""PERSON_NAME by the archive's vocabulary."""

from __future__ import annotations

import pytest

from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.vocabulary import Vocabulary, digests_of, written
from engine.text_detection import found, left

KEYS = Keys(b"k" * 32)
COUNTS = {"kwelmond": (0, 4), "zwanestein": (0, 1), "weeks": (0, 9), "brabbel": (50, 4), "iban": (0, 9), "der": (0, 9)}


def settings(strict: int = 0) -> TextSettings:
    """With these words, by text and by name."""
    digests = digests_of(KEYS)
    records = sorted((digests.of(word.encode()), *counts) for word, counts in COUNTS.items())
    vocabulary = Vocabulary(b"".join(written(KEYS, 1_000, records)), KEYS)
    return TextSettings(vocabulary=vocabulary, strict_patients=strict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CT KWELMOND", ["KWELMOND"]),
        ("seen by kwelmond", ["kwelmond"]),
        ("Zwanestein informed", ["Zwanestein"]),
        ("zwanestein informed", []),
        ("two weeks", []),
        ("Weeks agrees", ["Weeks"]),
        ("brabbel", []),
        ("IBAN", []),
        ("Der Befund", []),
        ("Kwelmond syndrome", []),
        ("Zwanestein-Kwelmond drain", []),
    ],
)
def test_words_by_their_counts(text: str, expected: list[str]) -> None:
    """The more a word looks like one of a language, the more it takes; eponyms and cues are never names."""
    assert found("archive_names", text, settings()) == expected
    left("archive_names", text, settings())


def test_without_a_vocabulary() -> None:
    """Nothing is known."""
    assert found("archive_names", "Kwelmond") == []
