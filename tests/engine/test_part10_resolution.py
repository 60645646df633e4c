"""What had to wait for the whole header."""

from __future__ import annotations

import pytest

from dicomveil_engine import DeidentificationError, InvalidDataSetError, deidentify_instance
from engine.datasets import body, element, header, instance, preset, rule, rules


def test_value_that_does_not_fit() -> None:
    """A number of odd bytes is refused, by attribute and VR."""
    data = instance(header(0x00280010, "US", 3) + b"123")
    with pytest.raises(InvalidDataSetError, match=r"\(0028,0010\) Rows US has a length that does not fit its VR"):
        deidentify_instance(data, rules(rule("US", "perturb")))


def test_method_that_fails() -> None:
    """Refused with rule, attribute and reason, without the value."""
    data = instance(element(0x00189219, "SS", 77))
    with pytest.raises(DeidentificationError) as caught:
        deidentify_instance(data, rules(rule("(0018,9219)", "perturb", span=1e308)))

    attribute = "(0018,9219) TagAngleSecondAxis SS"
    assert str(caught.value).startswith(f"rule 1 (0018,9219) perturb on {attribute} failed: perturb cannot")
    assert "77" not in str(caught.value)


def test_character_set_without_room() -> None:
    """A new text that the data set's character set cannot hold is refused."""
    data = instance(element(0x00080005, "CS", "ISO_IR 100"), element(0x00140046, "LT", "x"))
    with pytest.raises(DeidentificationError, match="Specific Character Set"):
        deidentify_instance(data, rules(rule("MaterialNotes", "substitute", replaceWith="Łódź")))


def test_unchanged_values_leave_as_they_came() -> None:
    """A text that is clean keeps its bytes, padding and all."""
    notes = element(0x00140046, "LT", b"nothing   \0\0")

    assert notes in body(deidentify_instance(instance(notes), preset("basic")))


def test_depth_of_an_element() -> None:
    """A method knows whether the element stands at the top: a nested PatientName goes, the patient's is a pseudonym."""
    policy = rules(rule("PatientName", "pseudonym"))
    name = element(0x00100010, "PN", "Doe^Jane")
    output = body(deidentify_instance(instance(element(0x00081140, "SQ", [name]), name), policy))

    pseudonym = policy.pseudonym_patient_id("Doe^Jane")
    assert output == element(0x00081140, "SQ", [element(0x00100010, "PN", "")]) + element(0x00100010, "PN", pseudonym)
