"""Which type an attribute has in a SOP Class's IOD."""

from __future__ import annotations

import pytest

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import TABLE_E1
from dicomveil_engine.attributes._standard.attribute_types import ATTRIBUTE_TYPES, AttributeType

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
PET = "1.2.840.10008.5.1.4.1.1.128"


@pytest.mark.parametrize(
    ("keyword", "sop_class_uid", "expected"),
    [
        ("PatientID", CT, AttributeType.REQUIRED_EMPTY_IF_UNKNOWN),  # PS3.3 C.7.1.1
        ("StationName", CT, AttributeType.OPTIONAL),  # PS3.3 C.7.5.1
        ("ContentDate", CT, AttributeType.REQUIRED_EMPTY_IF_UNKNOWN),  # 2C, PS3.3 C.7.6.1
        ("ContentDate", ENHANCED_MR, AttributeType.REQUIRED),  # PS3.3 C.7.6.16
        ("DeviceSerialNumber", ENHANCED_MR, AttributeType.REQUIRED),  # PS3.3 C.7.5.2, which asks more than C.7.5.1
        ("ReferencedPerformedProcedureStepSequence", ENHANCED_MR, AttributeType.REQUIRED),  # 1C, PS3.3 C.8.13.6
        ("RTPlanDate", RT_PLAN, AttributeType.REQUIRED_EMPTY_IF_UNKNOWN),  # PS3.3 C.8.8.9
        ("SeriesDate", PET, AttributeType.REQUIRED),  # PS3.3 C.8.9.1
        ("AcquisitionContextSequence", CT, AttributeType.UNDEFINED),
        ("WaveformAnnotationSequence", ECG, AttributeType.REQUIRED),  # 1C, PS3.3 C.10.10
    ],
)
def test_types(keyword: str, sop_class_uid: str, expected: AttributeType) -> None:
    """As PS3.3 has them; conditional ones as unconditional, and of several modules the one that asks for most."""
    tag = dictionary.tag_of(keyword)
    assert tag is not None
    assert ATTRIBUTE_TYPES.type_of(tag, sop_class_uid) is expected


@pytest.mark.parametrize("sop_class_uid", ["", "1.2.3", "1.2.840.10008.5.1.4.1.1.6"])
def test_unknown_sop_class(sop_class_uid: str) -> None:
    """Of private and retired SOP Classes nothing is known."""
    assert ATTRIBUTE_TYPES.type_of(0x00081010, sop_class_uid) is None


def test_unknown_attribute() -> None:
    """Only the attributes whose type decides are in the table."""
    assert ATTRIBUTE_TYPES.type_of(0x00280010, CT) is None


def test_attributes() -> None:
    """Every attribute of Table E.1-1 with a compound code is in the table."""
    assert ATTRIBUTE_TYPES.tags == {tag for tag, row in TABLE_E1.rows.items() if "/" in row.basic}


def test_required_text() -> None:
    """The meaning of a code is Type 1, a study's description never."""
    assert 0x00080104 in ATTRIBUTE_TYPES.required_text
    assert 0x00081030 not in ATTRIBUTE_TYPES.required_text
