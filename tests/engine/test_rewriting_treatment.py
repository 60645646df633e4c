"""What a decision means for an element: total, and the same for both encodings."""

from __future__ import annotations

import pytest

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.json_model.table import DecisionTable as JSONTable
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE
from dicomveil_engine.part10.table import DecisionTable
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.rewriting.checking import PIXELS
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFIED, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.rewriting.treatment import Treatment, constant_of, treatment_of, treatment_of_claim
from engine.datasets import preset

KEYS = Keys(b"k" * 32)


@pytest.mark.parametrize(
    ("method", "vr", "expected"),
    [
        ("keep", "LO", Treatment.KEEP),
        ("keep", "SQ", Treatment.RECURSE),
        ("keep", "UN", Treatment.KEEP_UNREAD),
        ("remove", "SQ", Treatment.DROP),
        ("redact", "SQ", Treatment.EMPTY),
        ("redact", "DA", Treatment.EMPTY),
        ("dummy", "LO", Treatment.CONSTANT),
        ("dummy", "SQ", Treatment.CONSTANT),
        ("dummy", "UI", Treatment.APPLY),
        ("refreshuid", "UI", Treatment.REPLACE_UIDS),
        ("dateshift", "DA", Treatment.APPLY),
        ("clean", "LT", Treatment.APPLY),
        ("pseudonym", "LO", Treatment.APPLY),
    ],
)
def test_treatments(method: str, vr: str, expected: Treatment) -> None:
    """One for each method and VR."""
    assert treatment_of(METHODS[method].build({}, KEYS), vr) is expected


@pytest.mark.parametrize(
    ("vr", "expected"),
    [
        ("CS", Treatment.CHECKED_KEEP),
        ("OB", Treatment.CHECKED_KEEP),
        ("UL", Treatment.CHECKED_KEEP),
        ("US", Treatment.CHECKED_KEEP),
        ("SQ", Treatment.RECURSE),
        ("UN", Treatment.KEEP_UNREAD),
    ],
)
def test_what_is_kept_is_looked_at(vr: str, expected: Treatment) -> None:
    """Where the decision says so, but for what holds nobody's words."""
    assert treatment_of(METHODS["keep"].build({}, KEYS), vr, is_checked=True) is expected


def test_earlier_marks() -> None:
    """Texts and codes of earlier times stay where they have their VR; all else is written anew."""
    assert treatment_of_claim(METHOD_TEXT, "LO") is Treatment.ADD_TEXT
    assert treatment_of_claim(METHOD_TEXT, "UN") is Treatment.DROP
    assert treatment_of_claim(METHOD_CODES, "SQ") is Treatment.ADD_CODES
    assert treatment_of_claim(DEIDENTIFIED, "CS") is Treatment.DROP


def test_constant() -> None:
    """It is the method's answer, whatever stood there."""
    assert constant_of(METHODS["dummy"].build({}, KEYS), 0x00080020, "DA") == ["19000101"]


@pytest.mark.parametrize("name", ["default", "basic", "tcia"])
def test_both_encodings_treat_alike(name: str) -> None:
    """For each attribute of PS3.6, what Part 10 does with an item's element is what DICOM JSON does with it."""
    policy = preset(name)
    part10, json = DecisionTable(policy, EXPLICIT_LITTLE, top=False), JSONTable(policy)
    meanings = {
        kinds.KEPT: {Treatment.KEEP},
        kinds.NOTED: {Treatment.KEEP},
        kinds.OPAQUE: {Treatment.KEEP_UNREAD},
        kinds.CHARACTER_SET: {Treatment.KEEP},
        kinds.REMOVED: {Treatment.DROP},
        kinds.EMPTIED: {Treatment.EMPTY},
        kinds.CONSTANT: {Treatment.CONSTANT},
        kinds.UID: {Treatment.REPLACE_UIDS},
        kinds.CHANGED: {Treatment.APPLY},
        kinds.CHECKED: {Treatment.CHECKED_KEEP},
        kinds.SEQUENCE: {Treatment.RECURSE},
        kinds.SEARCHED: {Treatment.DROP, Treatment.EMPTY, Treatment.CONSTANT},
        kinds.CONTENT: {Treatment.JUDGE_ITEMS},
    }
    for keyword in dictionary.keywords():
        tag = dictionary.tag_of(keyword)
        for vr in dictionary.vrs_of(tag) if tag is not None else ():
            assert tag is not None
            entry = json.entry(f"{tag:08X}", vr, declared=False)
            treatment = entry.treatment
            if treatment is Treatment.CHOOSE:
                treatment = treatment_of(entry.decision.method.chosen(tag, "", is_top=False), vr, is_checked=True)
            if tag in PIXELS and treatment is Treatment.KEEP:
                treatment = Treatment.CHECKED_KEEP  # in items only, which the table of JSON does not know
            kind = part10[EXPLICIT_LITTLE.key_of(tag, vr)].kind
            assert treatment in meanings[kind], keyword


def test_every_effect_has_a_treatment() -> None:
    """A new effect without one is noticed here, not in an instance."""
    every = {builder.build({}, KEYS) for builder in METHODS.values()}
    covered = {method.effect(vr) for method in every for vr in dictionary.VRS if method.supports(vr)}

    assert covered >= set(Effect) - {Effect.CHECK, Effect.BY_TYPE, Effect.JUDGE_ITEMS, Effect.REFUSE}
    assert all(treatment_of(method, vr) for method in every for vr in dictionary.VRS)
