"""Our table of character sets says what pydicom's says."""

from __future__ import annotations

import codecs

from pydicom import charset

from dicomveil_engine.attributes.character_sets import CODECS, ESCAPES, GB2312, STAND_ALONE, STATEFUL

LATIN_9 = "iso8859_15"
"""PS3.3 Section C.12.1.1.2 defines it, and pydicom does not know it yet."""


def test_terms_and_escapes_are_pydicoms() -> None:
    """An independent table has the same terms, the same escape sequences and the same codecs."""
    assert charset.python_encoding == {term: codec for term, codec in CODECS.items() if codec != LATIN_9}
    assert {escape: codec for escape, codec in ESCAPES.items() if codec != LATIN_9} == charset.CODES_TO_ENCODINGS
    assert set(charset.STAND_ALONE_ENCODINGS) == STAND_ALONE


def test_stateful_codecs_are_pydicoms_but_for_gb_2312() -> None:
    """pydicom wrongly takes GB 2312 for a codec that reads its own escape sequence."""
    assert set(charset.handled_encodings) - {GB2312} == STATEFUL


def test_python_has_every_codec() -> None:
    """No term leads to a codec that does not exist."""
    for codec in {*CODECS.values(), *ESCAPES.values()}:
        assert codecs.lookup(codec)
