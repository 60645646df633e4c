"""A value's score says where to look first."""

from __future__ import annotations

import pytest

from dicomveil_engine import Policy
from dicomveil_engine.part10.elements import read_elements
from dicomveil_engine.reports.remainder import MOST, Reason, Suspicion, judge, vocabulary
from engine.datasets import element, instance, preset, rule, rules

KEEPS = rules(rule("(xxxx,xxxx)", "keep"))
PRIVATE = element(0x00090010, "LO", "ACME 1.0")


def judged(tag: int, vr: str, text: str, policy: Policy = KEEPS) -> Suspicion:
    """The suspicion against a text in an element that came out by the policy."""
    *_, found = read_elements(instance(PRIVATE if tag >> 16 & 1 else b"", element(tag, vr, text)))
    return judge(text, found, policy.decide(tag, vr, found.creator).method, policy)


@pytest.mark.parametrize(
    ("tag", "vr", "text", "reasons"),
    [
        (0x00081030, "LO", "CHEST ROUTINE", {Reason.FREE_TEXT}),
        (0x00081030, "LO", "seen 12 Mar 2020", {Reason.IDENTIFIER, Reason.FREE_TEXT, Reason.WORDS}),
        (0x00081030, "LO", "Zzyzx", {Reason.WORDS, Reason.FREE_TEXT}),
        (0x00081030, "LO", "Jane Doe", {Reason.NAME, Reason.WORDS, Reason.FREE_TEXT}),
        (0x00081030, "LO", "Chest Routine", {Reason.FREE_TEXT}),
        (0x00081030, "LO", "CHEST^DOE", {Reason.NAME, Reason.WORDS, Reason.FREE_TEXT}),
        (0x00080060, "CS", "CT", set()),
        (0x00080060, "CS", "12345", {Reason.DIGITS}),
        (0x00200013, "IS", "12345", {Reason.DIGITS}),
        (0x00281050, "DS", "12345", set()),
        (0x00100010, "PN", "Doe^Jane", {Reason.PERSON}),
        (0x00080018, "UI", "1.2.3", {Reason.UID}),
        (0x00080018, "UI", "1.2.840.10008.1.1", set()),
        (0x00080018, "UI", "1.2.840.10008.1.1.19310517", {Reason.UID}),
        (0x00080016, "UI", "1.2.3", set()),
        (0x00080016, "UI", "1.2.3.19310517", {Reason.UID}),
        (0x00080020, "DA", "20200102", {Reason.DATE}),
        (0x00080100, "SH", "85756007", set()),
        (0x00091001, "UN", "Doe^Jane", {Reason.NAME, Reason.BYTES, Reason.PRIVATE}),
        (0x00091001, "UN", "2 bytes", set()),
    ],
)
def test_reasons(tag: int, vr: str, text: str, reasons: set[Reason]) -> None:
    """Each with what speaks against it, and nothing else."""
    assert set(judged(tag, vr, text).reasons) == reasons


def test_an_identifier_comes_before_a_word() -> None:
    """The order in which people should look."""
    texts = ["call 555 123-4567", "Doe, Jane", "Zzyzx", "CHEST"]
    scores = [judged(0x00081030, "LO", text).score for text in texts]

    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


def test_what_the_profile_made_is_harmless() -> None:
    """Pseudonyms, and what rules have put there."""
    policy = preset("default")

    assert judged(0x00100020, "LO", policy.pseudonym_patient_id("PATIENT-1"), policy).about == "pseudonym"
    assert judged(0x00080018, "UI", policy.pseudonym_uid("1.2.3"), policy).about == "pseudonym"
    assert judged(0x00100010, "PN", "x", rules(rule("PatientName", "cryptoHash"))).about == "replaced"
    assert judged(0x00081030, "LO", "ANONYMOUS").about == "replaced"


def test_shifted_dates_are_no_reason() -> None:
    """Only those that stay as they were."""
    assert judged(0x00080020, "DA", "20200102", preset("default")).reasons == ()


def test_points_are_bounded_and_added() -> None:
    """To a hundred; what is harmless stays so."""
    all_of_them = Suspicion(tuple(Reason))

    assert all_of_them.score == MOST
    assert Suspicion((Reason.DATE,)).also(Reason.RARE).score == Reason.DATE.points + Reason.RARE.points
    assert Suspicion(about="pseudonym").also(Reason.RARE).score == 0
    assert str(Suspicion((Reason.DATE, Reason.RARE))) == "a date as it was, in one instance only"


def test_vocabulary() -> None:
    """Words of the standard, and no names."""
    assert {"thorax", "contrast", "pixel"} <= vocabulary()
    assert not {"doe", "jane"} & vocabulary()
