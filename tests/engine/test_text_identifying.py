"""Which attributes identify."""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.text.identifying import IDENTIFYING_TAGS, KEYWORDS, is_identifying


def test_keywords_exist() -> None:
    """Each names one attribute of PS3.6."""
    assert len(IDENTIFYING_TAGS) == len(set(KEYWORDS)) == len(KEYWORDS)
    assert all(dictionary.tag_of(keyword) for keyword in KEYWORDS)


def test_names_identify() -> None:
    """Every person's name does, in whatever attribute; so does the list; a description does not."""
    assert is_identifying(0x00091001, "PN")
    assert is_identifying(0x00100020, "LO")
    assert is_identifying(0x00080080, "LO")
    assert not is_identifying(0x00081030, "LO")
