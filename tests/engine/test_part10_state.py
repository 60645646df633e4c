"""Elements of an unknown VR: dropped as a whole, by a length that what follows confirms."""

from __future__ import annotations

import struct

import pytest

from dicomveil_engine import deidentify_instance
from engine.datasets import IMPLICIT, cut, element, header, instance, item, preset, read, rewritten

DEFAULT = preset("default")
STUDY = element(0x0020000D, "UI", "1.2.3")
INSIDE = element(0x00281052, "DS", "2")
"""An element that would be kept."""
SEQUENCE = 0x00289145
MODALITY = element(0x00080060, "CS", "CT")
"""The first element of each data set, which shows its encoding."""


def strays(content: bytes) -> list[bytes]:
    """A private element with this value, of no VR, of an unknown one, and in the long form of that."""
    long = struct.pack("<I", len(content)) + content
    return [
        header(0x00091001, "", len(content), IMPLICIT) + content,
        header(0x00091001, "??", len(content)) + content,
        header(0x00091001, "??", 0) + long,
        header(0x00091001, "\x01\x01", 0) + long,
    ]


@pytest.mark.parametrize("form", range(4))
def test_the_last_element(form: int) -> None:
    """It is dropped as well at the end of the instance, at the top level and in an item."""
    stray = strays(b"abcd")[form]
    for last in (stray, element(SEQUENCE, "SQ", [stray]), element(SEQUENCE, "SQ", item(INSIDE) + item(stray))):
        output = deidentify_instance(instance(MODALITY, last), DEFAULT)

        assert b"abcd" not in output
        assert rewritten(DEFAULT, cut(instance(MODALITY, last), 3)) == output


@pytest.mark.parametrize("form", [0, 1])
def test_a_value_that_looks_like_an_element(form: int) -> None:
    """It is not taken for one: nothing of a dropped element comes out."""
    stray = strays(INSIDE)[form]

    assert b"\x28\0\x52\x10" not in deidentify_instance(instance(MODALITY, stray, STUDY), DEFAULT)
    assert b"\x28\0\x52\x10" not in deidentify_instance(
        instance(MODALITY, element(SEQUENCE, "SQ", [stray]), STUDY), DEFAULT
    )


@pytest.mark.parametrize("vr", [b"\x01\x01", b"!\x7f"])
def test_a_length_that_looks_like_a_tag(vr: bytes) -> None:
    """In the long form without a printable VR, the length and value are not taken for an element."""
    stray = strays(b"LO\x08\0DOE JANE".ljust(0x10))[3].replace(b"\x01\x01", vr)
    output = read(deidentify_instance(instance(MODALITY, stray, STUDY, INSIDE), DEFAULT))

    assert output.RescaleIntercept == 2
    assert [element.tag for element in output if element.tag.group in {0x0009, 0x0010}] == []


def test_a_length_beyond_the_item() -> None:
    """A possible length that leaves the item does not count, though an item begins where it ends."""
    stray = b"\x09\0\1\x10" + struct.pack("<II", 40, 4) + b"abcd"
    items = item(stray) + item(element(0x00281053, "DS", "1234567890123456")) + item(INSIDE)
    assert len(stray + item(element(0x00281053, "DS", "1234567890123456"))) == 8 + 40
    output = read(deidentify_instance(instance(MODALITY, element(SEQUENCE, "SQ", items), STUDY), DEFAULT))

    assert [len(one) for one in output.PixelValueTransformationSequence] == [0, 1, 1]
