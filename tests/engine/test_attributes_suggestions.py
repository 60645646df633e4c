"""What a mistyped word was meant to be."""

from __future__ import annotations

from dicomveil_engine.attributes.suggestions import did_you_mean


def test_the_nearest_name_is_suggested_in_its_own_spelling() -> None:
    """Case does not count, and the suggestion can be copied."""
    assert did_you_mean("patientnam", ["PatientID", "PatientName"]) == '; did you mean "PatientName"?'


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    """A wild guess helps nobody."""
    assert did_you_mean("xyz", ["PatientName"]) == ""
