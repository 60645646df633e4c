"""Names in Latin letters."""

from __future__ import annotations

import pytest

from dicomveil_engine.text.transliteration import in_latin


@pytest.mark.parametrize(
    ("folded", "latin"),
    [
        *(
            ("иванченко", "ivanchenko"),
            ("щукина", "shchukina"),
            ("παπαδοπουλος", "papadopoulos"),
            ("ευγενια", "evgenia"),
        ),
        *(("doe", ""), ("", ""), ("田中", ""), ("김", ""), ("כהן", "")),
    ],
)
def test_names(folded: str, latin: str) -> None:
    """Cyrillic and Greek names as passports write them; nothing of other scripts."""
    assert in_latin(folded) == latin
