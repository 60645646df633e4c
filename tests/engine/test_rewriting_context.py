"""What a data set says of the whole."""

from __future__ import annotations

from dicomveil_engine.attributes.well_known import PATIENT_ID, STUDY_INSTANCE_UID
from dicomveil_engine.rewriting.context import UNREADABLE, Named, Subject, identifying_texts, words_of
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.words import IdentifyingWords
from engine.datasets import preset

POLICY = preset("default")


def test_subject() -> None:
    """What is missing is empty; a study of the project's own was de-identified before."""
    original = Subject({STUDY_INSTANCE_UID: "1.2.3", PATIENT_ID: "PATIENT-1"}, POLICY)
    own = Subject({STUDY_INSTANCE_UID: POLICY.pseudonym_uid("1.2.3")}, POLICY)

    assert (original.patient_id, original.study_date, original.was_deidentified) == ("PATIENT-1", "", False)
    assert own.context("1.2.4", IdentifyingWords(), OwnWords()).was_deidentified


def test_identifying_texts() -> None:
    """Pseudonyms are not words to look for, nor are dates that were moved, nor bytes."""
    own = POLICY.pseudonym_patient_id("PATIENT-1")

    assert identifying_texts("LO", lambda: ["PATIENT-1", own], POLICY, was_deidentified=False) == ["PATIENT-1"]
    assert identifying_texts("DA", lambda: ["20200310"], POLICY, was_deidentified=False) == ["20200310"]
    assert identifying_texts("DA", lambda: ["20200310"], POLICY, was_deidentified=True) == []
    assert identifying_texts("OB", lambda: b"PATIENT-1", POLICY, was_deidentified=False) == []


def test_words_of_what_was_not_read() -> None:
    """A name that was not read makes the words incomplete, also beside others; it does not count as one."""
    named = Named("Doe^Jane", "PN", 0x00100010, ())
    for values, is_complete in (([named], True), ([named, UNREADABLE], False), ([UNREADABLE, UNREADABLE], False)):
        words, own = words_of(values, 2, TextSettings())

        assert words.is_complete is is_complete
        assert own.are_in("KNEE") is not is_complete
