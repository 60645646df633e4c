"""pseudonym: one for the patient's ID and name."""

from __future__ import annotations

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.pseudonym import Pseudonym, patient_pseudonyms
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.patients import PatientPseudonyms

KEYS = Keys(b"k" * 32)
NAME = 0x00100010
ID = 0x00100020
JANE = Context(patient_id="PATIENT-1", patient_name="Doe^Jane")
OF_ID: str = PatientPseudonyms(KEYS).pseudonym("PATIENT-1")
OF_NAME: str = PatientPseudonyms(KEYS).pseudonym("Doe^Jane")


def pseudonym(tag: int, vr: str, values: Values, context: Context = JANE, depth: int = 0) -> Values | None:
    return Pseudonym.of(KEYS).apply(Element(tag, vr, values, depth), context)


def test_id_and_name_become_one_pseudonym() -> None:
    """Viewers show the name, searches use the ID: both say the same."""
    assert pseudonym(ID, "LO", ["PATIENT-1"]) == [OF_ID]
    assert pseudonym(NAME, "PN", ["Doe^Jane"]) == [OF_ID]
    assert pseudonym(NAME, "PN", []) == [OF_ID]


def test_without_an_id_the_name_decides() -> None:
    """And without both there is nothing to tell."""
    assert pseudonym(NAME, "PN", ["Doe^Jane"], Context()) == [OF_NAME]
    assert pseudonym(NAME, "PN", [], Context()) == []


def test_other_identifiers_value_by_value() -> None:
    """OtherPatientIDs among them, and the PatientID of a nested item."""
    assert pseudonym(0x00101000, "LO", ["PATIENT-1", "", "Doe^Jane"]) == [OF_ID, "", OF_NAME]
    assert pseudonym(ID, "LO", ["PATIENT-1"], depth=1) == [OF_ID]


def test_a_nested_name_is_emptied() -> None:
    """Whose it is, the context does not say."""
    assert pseudonym(NAME, "PN", ["Doe^Jane"], depth=1) == []


def test_a_second_pass_changes_nothing() -> None:
    """Also where the PatientID was made another way."""
    assert pseudonym(ID, "LO", [OF_ID], Context(patient_id=OF_ID)) == [OF_ID]
    assert pseudonym(NAME, "PN", [OF_ID], Context(patient_id=OF_ID)) == [OF_ID]
    assert pseudonym(NAME, "PN", [OF_ID], Context(patient_id="ANONYMOUS")) == [OF_ID]
    assert pseudonym(NAME, "PN", [OF_NAME], Context()) == [OF_NAME]


def test_it_is_for_texts() -> None:
    """Sixteen letters and digits are not date, number or UID."""
    method = Pseudonym.of(KEYS)

    assert [vr for vr in ("LO", "PN", "SH", "CS", "UI", "DA", "IS", "OB") if method.supports(vr)] == [
        "LO",
        "PN",
        "SH",
        "CS",
    ]


def test_rules_of_a_project_share_what_they_remember() -> None:
    """One cache for each project, which is dropped with its keys."""
    assert patient_pseudonyms(KEYS) is patient_pseudonyms(KEYS)
    assert patient_pseudonyms(KEYS) is not patient_pseudonyms(Keys(b"k" * 32))
