"""USERNAME."""

from __future__ import annotations

import pytest

from engine.text_detection import found, left


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("login mwhitaker exported", ["mwhitaker"]),
        ("user: j.brennan", ["j.brennan"]),
        ("Benutzername dokafor2", ["dokafor2"]),
        (r"C:\Users\mwhitaker\out", ["mwhitaker"]),
        ("/home/dokafor2/x", ["dokafor2"]),
        ("saved by tfitzgerald", ["tfitzgerald"]),
    ],
)
def test_behind_a_word_in_a_path_and_by_their_form(text: str, expected: list[str]) -> None:
    """One letter and a family name count behind "by" only."""
    assert found("usernames", text) == expected
    left("usernames", text)


@pytest.mark.parametrize(
    "text",
    ["login failed", "user manual", "tfitzgerald", "by contrast", "account review", "/data/ct", "operator console"],
)
def test_words_stay(text: str) -> None:
    """Words of a language, and names without a cue."""
    assert found("usernames", text) == []
