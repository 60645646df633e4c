"""What PS3.6 says of a tag."""

from __future__ import annotations

import pytest

from dicomveil_engine.attributes import dictionary


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00100010, "PN"),
        (0x00280106, "US"),  # US or SS
        (0x00281200, "OW"),  # US or SS or OW
        (0x00283006, "OW"),  # US or OW
        (0x7FE00010, "OW"),  # OB or OW
        (0x60023000, "OW"),
        (0x60020040, "CS"),
        (0x00100000, "UL"),
        (0x00090000, "UL"),
        (0x00090010, "LO"),
        (0x00091001, None),
        (0x00100002, None),
        (0xFFFEE000, None),
    ],
)
def test_vr_of(tag: int, vr: str | None) -> None:
    """Of several VRs it is the one that implicit VR means; unknown tags and item tags have none."""
    assert dictionary.vr_of(tag) == vr


def test_private_vr_depends_on_the_creator_and_not_on_the_block() -> None:
    """(0029,xx10) is OB for one creator, wherever its block lies, and nothing for an unknown one."""
    assert dictionary.vr_of(0x00291010, "SIEMENS CSA HEADER") == "OB"
    assert dictionary.vr_of(0x0029E010, "SIEMENS CSA HEADER") == "OB"
    assert dictionary.vr_of(0x00291010, "ACME") is None
    assert dictionary.vr_of(0x00292010) is None


def test_attributes_newer_than_pydicoms_dictionary_are_known_from_table_e1() -> None:
    """A name-to-use sequence must be read as a sequence even where the dictionary is older than it."""
    assert dictionary.vr_of(0x00100011) == "SQ"
    assert dictionary.keyword_of(0x00100011) == "PersonNamesToUseSequence"
    assert dictionary.tag_of("PersonNamesToUseSequence") == 0x00100011


def test_vrs_of_gives_all() -> None:
    """A method may be applied to Pixel Data when it can be applied to either of its VRs."""
    assert dictionary.vrs_of(0x7FE00010) == ("OB", "OW")


def test_vrs_are_the_34_of_the_standard() -> None:
    """PS3.5 Table 6.2-1."""
    assert len(dictionary.VRS) == 34


@pytest.mark.parametrize(("tag", "vm"), [(0x00100010, "1"), (0x00080008, "2-n"), (0x00091001, None)])
def test_vm_of(tag: int, vm: str | None) -> None:
    """As PS3.6 writes it."""
    assert dictionary.vm_of(tag) == vm


def test_tag_of() -> None:
    """Exact keywords only; a repeating group's keyword names no one tag."""
    assert dictionary.tag_of("PatientName") == 0x00100010
    assert [dictionary.tag_of(word) for word in ("", "patientname", "OverlayData")] == [None, None, None]


def test_repeating_tag_of() -> None:
    """A repeating group's keyword names all its groups."""
    assert dictionary.repeating_tag_of("OverlayData") == "60xx3000"
    assert dictionary.repeating_tag_of("PatientName") is None


def test_keywords_has_every_kind() -> None:
    """Suggestions can be made for plain, repeating and newer attributes."""
    assert {"PatientName", "OverlayData", "NameToUse"} <= dictionary.keywords()
    assert "" not in dictionary.keywords()


def test_describe() -> None:
    """Messages name the tag, its keyword where it has one, and the VR where it is given."""
    assert dictionary.describe(0x00100010) == "(0010,0010) PatientName"
    assert dictionary.describe(0x00100010, "PN") == "(0010,0010) PatientName PN"
    assert dictionary.describe(0x00091001) == "(0009,1001)"
