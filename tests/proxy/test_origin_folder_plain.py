"""Headers read without pydicom: what pydicom says, or nothing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_files

from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.origin.folder.plain import HEAD_BYTES, plain_json, plain_text, plain_values
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.request.query import DEFAULT_ATTRIBUTES
from proxy.fakes import instance

UIDS = frozenset((0x0020000D, 0x0020000E, 0x00080018, 0x00080016))
TAGS = sorted(UIDS.union(*DEFAULT_ATTRIBUTES.values()))
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def _files() -> list[Path]:
    return [Path(name) for name in get_testdata_files("*.dcm")] + sorted(CORPUS.rglob("*.dcm"))


def test_the_same_as_pydicom() -> None:
    """For each file that is ordinary, and many are, the search result is the one that pydicom gives."""
    silence_pydicom()
    ordinary = 0
    for path in _files():
        data = path.read_bytes()
        head = data[:HEAD_BYTES]
        found = plain_json(head, TAGS, whole=len(data) <= len(head))
        if found is None or not found.keys() >= {"00080018", "0020000E"}:
            continue
        ordinary += 1
        header = dcmread(BytesIO(data), force=True, stop_before_pixels=True, specific_tags=TAGS)

        assert found == header_json(header, lambda _: ""), path.name
    assert ordinary > 20


@pytest.mark.parametrize(
    "value", ["", " leading", "two\\values", "Müller", "\x1b(B"], ids=["empty", "space", "several", "text", "escape"]
)
def test_an_unusual_value_is_no_text(value: str) -> None:
    """It is left to pydicom."""
    assert plain_text(value.encode()) is None


def test_what_is_not_ordinary() -> None:
    """Other encodings, elements out of order, and what ends too soon are left to pydicom."""
    data = instance()
    dataset = dcmread(BytesIO(data))
    implicit = BytesIO()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    dataset.save_as(implicit, implicit_vr=True, little_endian=True)

    assert plain_values(data, UIDS, whole=True) is not None
    assert plain_values(b"Doe^Jane" * 40, UIDS, whole=True) is None
    assert plain_values(data[: len(data) // 2], {0x7FE00010}, whole=False) is None
    assert plain_values(implicit.getvalue(), UIDS, whole=True) is None
    assert plain_values(data[132:], UIDS, whole=True) is None


def _with_a_sequence(dataset: Dataset, *, undefined: bool) -> bytes:
    item = Dataset()
    item.RequestedProcedureID, item.ScheduledProcedureStepID = "EXAMPLE-1", ""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113691", "DCM"
    item.RequestedProcedureCodeSequence = [code, Dataset()]
    dataset.RequestAttributesSequence = [item, Dataset()]
    dataset.ReferencedPerformedProcedureStepSequence = []
    if undefined:
        for tag in (0x00400275, 0x00081111):
            dataset[tag].is_undefined_length = True
        item.is_undefined_length_sequence_item = True
        item["RequestedProcedureCodeSequence"].is_undefined_length = True
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_sequences_are_as_pydicom_says(undefined: bool) -> None:
    """Of defined and undefined length, nested and empty: nearly each instance of a hospital has one."""
    data = _with_a_sequence(dcmread(BytesIO(instance())), undefined=undefined)
    header = dcmread(BytesIO(data), force=True, stop_before_pixels=True, specific_tags=TAGS)

    found = plain_json(data, TAGS, whole=True)

    assert found is not None
    assert found == header_json(header, lambda _: "")
    assert found["00400275"]["Value"][0]["00321064"]["Value"][1] == {}


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("SpecificCharacterSet", "ISO_IR 192"), ("RequestedProcedureDescription", " two"), ("StudyComments", "text")],
)
def test_an_unusual_item_is_left_to_pydicom(keyword: str, value: str) -> None:
    """One with a character set of its own, with a value that is not plain, or of a VR that is not."""
    dataset = dcmread(BytesIO(instance()))
    item = Dataset()
    setattr(item, keyword, value)
    dataset.RequestAttributesSequence = [item]
    buffer = BytesIO()
    dataset.save_as(buffer)

    assert plain_json(buffer.getvalue(), TAGS, whole=True) is None


def test_a_broken_sequence_is_left_to_pydicom() -> None:
    """Wherever it is cut, or a byte of it is another: None, or what pydicom says, and no other error."""
    dataset = dcmread(BytesIO(instance()))
    whole = _with_a_sequence(dataset, undefined=True)
    start = whole.index(b"\x40\x00\x75\x02SQ")
    silence_pydicom()
    for place in range(start, whole.index(b"\xe0\x7f\x10\x00OB")):
        for data in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            found = plain_json(data, [0x00400275], whole=True)
            if found is not None and "00400275" in found:
                header = dcmread(BytesIO(data), force=True, stop_before_pixels=True, specific_tags=[0x00400275])

                assert found == header_json(header, lambda _: ""), place
