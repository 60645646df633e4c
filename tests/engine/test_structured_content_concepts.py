"""Which rows of Table E.3.4-1 a concept name means."""

from __future__ import annotations

import pytest

from dicomveil_engine.structured_content.concepts import ConceptName, concept_name, rows_of


def meanings(*values: str, scheme: str, meaning: str = "") -> set[str]:
    return {row.meaning for row in rows_of(ConceptName(values, scheme, meaning))}


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM", "srt"])
def test_earlier_schemes(scheme: str) -> None:
    """SNOMED's earlier codes, under each designator that they had."""
    assert meanings("R-42B89", scheme=scheme) == {"Clinical Report"}


def test_all_value_types() -> None:
    """A concept has a row for each."""
    assert len(rows_of(ConceptName(("128425",), "DCM", ""))) == 3


def test_any_of_the_codes() -> None:
    """Long Code Value and URN Code Value count, too."""
    assert meanings("X", "371524004", scheme="SCT") == {"Clinical Report"}


def test_unknown_codes_are_known_by_their_meaning() -> None:
    """Whatever the case and the blanks."""
    assert meanings("1", scheme="99EXAMPLE", meaning="person  observer NAME") == {"Person Observer Name"}
    assert meanings("1", scheme="99EXAMPLE", meaning="Diameter") == set()
    assert meanings("371524004", scheme="DCM") == set()


def test_nothing_is_no_name() -> None:
    """A scheme alone says nothing."""
    assert concept_name([" ", "\0"], "DCM", "") is None
    assert concept_name(["", "1 "], " DCM", "A ") == ConceptName(("1",), "DCM", "A")
