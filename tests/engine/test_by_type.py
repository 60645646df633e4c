"""The compound action codes of PS3.15 Table E.1-1, by the attribute's type in the instance's IOD."""

from __future__ import annotations

import io

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.attributes._standard import TABLE_E1
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.by_type import CHOICES, ByType
from dicomveil_engine.pseudonyms.keys import Keys
from engine.datasets import EXPLICIT, IMPLICIT, KEY, element, instance, preset, read

CT = "1.2.840.10008.5.1.4.1.1.2"
CR = "1.2.840.10008.5.1.4.1.1.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
PET = "1.2.840.10008.5.1.4.1.1.128"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
UNKNOWN = "1.2.3"

SOP_CLASS_UID = 0x00080016
REMOVED, EMPTIED = "removed", "emptied"


def outcome(tag: int, vr: str, value: object, sop_class_uid: str, *, syntax: str = EXPLICIT) -> object:
    """What the Basic Profile leaves of an attribute in an instance of a SOP Class."""
    elements = sorted([(SOP_CLASS_UID, "UI", sop_class_uid), (tag, vr, value)])
    data = instance(*(element(*one, syntax) for one in elements), syntax=syntax)
    return _left(read(deidentify_instance(data, preset("basic"))), tag)


def _left(dataset: pydicom.Dataset, tag: int) -> object:
    if tag not in dataset:
        return REMOVED
    found = dataset[tag]
    if found.VR == "SQ":
        return [list(item.keys()) for item in found.value] or EMPTIED
    return str(found.value) if found.value not in (None, "") else EMPTIED


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize(
    ("tag", "vr", "value", "by_sop_class"),
    [
        # Z/D: Content Date is Type 2C in a CR image, 1 in an enhanced CT image.
        (0x00080023, "DA", "20200102", {CR: EMPTIED, ENHANCED_CT: "19000101", UNKNOWN: "19000101"}),
        # X/Z: Acquisition Date is Type 2 in a PET image and 3 in a CT image.
        (0x00080022, "DA", "20200102", {PET: EMPTIED, CT: REMOVED, UNKNOWN: EMPTIED}),
        # X/D: Series Date is Type 1 in a PET image and 3 in a CT image; RT Plan Date is Type 2, and not in a CT image.
        (0x00080021, "DA", "20200102", {PET: "19000101", CT: REMOVED, UNKNOWN: "19000101"}),
        (0x300A0006, "DA", "20200102", {RT_PLAN: "19000101", CT: REMOVED, UNKNOWN: "19000101"}),
        # X/Z/D: Operators' Name is Type 2 in an RT plan; Device Serial Number is Type 1 in an enhanced CT image.
        (0x00081070, "PN", "Doe^Jane", {RT_PLAN: EMPTIED, CT: REMOVED, UNKNOWN: "ANONYMOUS"}),
        (0x00181000, "LO", "SN-1", {ENHANCED_CT: "ANONYMOUS", CT: REMOVED, UNKNOWN: "ANONYMOUS"}),
    ],
)
def test_values(tag: int, vr: str, value: str, by_sop_class: dict[str, str], syntax: str) -> None:
    """Removed unless it must be there, emptied unless it must have a value; what fits any type where none is known."""
    assert {one: outcome(tag, vr, value, one, syntax=syntax) for one in by_sop_class} == by_sop_class


ITEM = [element(0x00081150, "UI", "1.2.3") + element(0x00081155, "UI", "1.2.3.4")]


@pytest.mark.parametrize(
    ("tag", "by_sop_class"),
    [
        # X/Z/D, 1C in an enhanced CT image, 3 in a CT image.
        (0x00081111, {ENHANCED_CT: [[0x00081150, 0x00081155]], CT: REMOVED, UNKNOWN: [[0x00081150, 0x00081155]]}),
        # X/Z, 3 in a CT image.
        (0x00081110, {CT: REMOVED, UNKNOWN: EMPTIED}),
        # X/Z, 2 in a whole slide image, and not in a CT image.
        (0x00400555, {WHOLE_SLIDE: EMPTIED, CT: REMOVED, UNKNOWN: EMPTIED}),
    ],
)
def test_sequences(tag: int, by_sop_class: dict[str, object]) -> None:
    """A sequence likewise: nothing of its items stays."""
    assert {one: outcome(tag, "SQ", ITEM, one) for one in by_sop_class} == by_sop_class


def test_references_are_kept() -> None:
    """X/Z/U*: references to other instances stay, with the UIDs' pseudonyms."""
    policy = preset("basic")
    data = instance(element(SOP_CLASS_UID, "UI", CT), element(0x00081140, "SQ", ITEM))

    (item,) = read(deidentify_instance(data, policy)).ReferencedImageSequence
    assert item.ReferencedSOPInstanceUID == policy.pseudonym_uid("1.2.3.4")


def test_items_have_no_type() -> None:
    """In an item the choice fits any type: the table knows the top level alone."""
    nested = element(0x00081010, "SH", "STATION")
    data = instance(element(SOP_CLASS_UID, "UI", CT), element(0x00081140, "SQ", [nested]))

    (item,) = read(deidentify_instance(data, preset("basic"))).ReferencedImageSequence
    assert item.StationName == "ANONYMOUS"


def test_sop_class_of_an_item() -> None:
    """The SOP Class is the instance's, not that of an item in it."""
    nested = element(SOP_CLASS_UID, "UI", CT)
    data = instance(
        element(SOP_CLASS_UID, "UI", ENHANCED_CT),
        element(0x00082112, "SQ", [nested]),
        element(0x00181000, "LO", "SN-1"),
    )

    assert read(deidentify_instance(data, preset("basic"))).DeviceSerialNumber == "ANONYMOUS"


def test_undefined_length() -> None:
    """Where a sequence ends with a delimiter, what follows it is read on."""
    data = instance(
        element(SOP_CLASS_UID, "UI", CT),
        element(0x00081111, "SQ", b"", length=0xFFFFFFFF),
        element(0xFFFEE0DD, "", b""),
        element(0x00280010, "US", 7),
    )
    dataset = read(deidentify_instance(data, preset("basic")))

    assert 0x00081111 not in dataset
    assert dataset.Rows == 7


def test_names_in_what_goes() -> None:
    """A name inside a sequence that goes must not survive in free text."""
    policy = load_policy({"profile": "basic", "rules": [{"tag": "ImageComments", "method": "clean"}]}, KEY)
    person = element(0x00401101, "SQ", []) + element(0x00080080, "LO", "Winterfell Hospital")
    data = instance(
        element(SOP_CLASS_UID, "UI", CT),
        element(0x00081072, "SQ", [person]),
        element(0x00204000, "LT", "seen at Winterfell"),
    )

    assert b"Winterfell" not in deidentify_instance(data, policy)


COMPOUND = sorted((tag, row.vr) for tag, row in TABLE_E1.rows.items() if row.basic in CHOICES)


@given(
    attribute=st.sampled_from(COMPOUND),
    sop_class_uid=st.sampled_from([CT, CR, ENHANCED_CT, PET, RT_PLAN, WHOLE_SLIDE, UNKNOWN, ""]),
    nested=st.booleans(),
)
def test_commutes(attribute: tuple[int, str], sop_class_uid: str, nested: bool) -> None:
    """DICOM JSON has the same outcome as Part 10."""
    tag, vr = attribute
    values = {"SQ": [b""], "DA": "20200102", "DT": "20200102", "TM": "101112", "PN": "Doe^Jane"}
    one = element(tag, vr, values.get(vr, "A"))
    elements = [(SOP_CLASS_UID, element(SOP_CLASS_UID, "UI", sop_class_uid))]
    elements.append((0x00081140, element(0x00081140, "SQ", [one])) if nested else (tag, one))
    data = instance(*(encoded for _, encoded in sorted(elements)))
    policy = preset("basic")

    (of_json,) = deidentify_metadata([read(data).to_json_dict()], policy)
    assert of_json == read(deidentify_instance(data, policy)).to_json_dict()


@pytest.mark.parametrize("code", CHOICES)
def test_twice_is_once(code: str) -> None:
    """What is chosen depends on the SOP Class, which stays."""
    tag, vr = next((tag, row.vr) for tag, row in TABLE_E1.rows.items() if row.basic == code)
    data = instance(*(element(*one) for one in sorted([(SOP_CLASS_UID, "UI", PET), (tag, str(vr), "20200102")])))
    once = deidentify_instance(data, preset("basic"))

    assert deidentify_instance(once, preset("basic")) == once


def test_apply() -> None:
    """As a method of its own it asks the context and the depth."""
    method = ByType.of("X/Z/D", Keys(KEY))
    context = Context(sop_class_uid=RT_PLAN)

    assert method.apply(Element(0x00081070, "PN", ["Doe^Jane"]), context) == []
    assert method.apply(Element(0x00081070, "PN", ["Doe^Jane"], depth=1), context) == ["ANONYMOUS"]
    assert method.apply(Element(0x00081010, "SH", ["STATION"]), context) is None


def test_every_vr() -> None:
    """Sequences too, for which the rewriters know what each choice means."""
    method = ByType.of("X/Z/D", Keys(KEY))

    assert method.action_on("SQ") == "X/Z/D *by type*"
    assert method.supports("SQ")


def test_uid_in_its_place() -> None:
    """An instance that gives the attribute the VR UI gets a UID's dummy: a pseudonym, not a constant."""
    policy = preset("basic")
    data = instance(element(SOP_CLASS_UID, "UI", ENHANCED_CT), element(0x00181000, "UI", "1.2.3"))
    dataset = pydicom.dcmread(io.BytesIO(deidentify_instance(data, policy)))

    assert dataset[0x00181000].value == policy.pseudonym_uid("1.2.3")
