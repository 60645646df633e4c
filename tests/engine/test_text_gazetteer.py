"""The list of words: each word is found with its flags, and nothing else."""

from __future__ import annotations

import pytest

from dicomveil_engine.text import gazetteer

LINES = gazetteer._read("words.txt.gz").decode().splitlines()


def test_every_word_is_found() -> None:
    """With all of its flags, wherever it is in its block."""
    assert len(LINES) > 200_000
    look_up = gazetteer.kind.__wrapped__
    for line in LINES:
        word, _, flags = line.partition("\t")
        assert look_up(word) == sum(gazetteer._FLAGS[flag] for flag in set(flags)), line


@pytest.mark.parametrize("word", ["", " ", "\t", "\n", "a\n", "qxqxqx", "\0", "\U0010ffff", LINES[0][:1], LINES[-1]])
def test_no_other_word_is_found(word: str) -> None:
    """Not before the first, behind the last, nor a part of one."""
    expected = gazetteer.UNKNOWN
    for line in LINES:
        if line.startswith(word + "\t"):
            expected = sum(gazetteer._FLAGS[flag] for flag in line.partition("\t")[2])
    assert gazetteer.kind.__wrapped__(word) == expected


def test_beginnings_and_ends_of_words() -> None:
    """A word cut off by a letter is found only if it is in the list itself."""
    words = {line.partition("\t")[0] for line in LINES}
    for line in LINES[::97]:
        word = line.partition("\t")[0]
        for part in (word[:-1], word[1:], word + "q"):
            assert bool(gazetteer.kind.__wrapped__(part)) == (part in words)
