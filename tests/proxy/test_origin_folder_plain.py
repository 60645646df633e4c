"""Headers read without pydicom: what pydicom says, or nothing."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_files

from dicomveil_engine.part10.file_meta import read_file_meta
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


_SEQUENCE, _CODES, _LAST = 0x00400275, 0x00321064, 0x00400279
_ELEMENTS = (
    *[(tag, b"UI", b"1.2.3\0") for tag in sorted(UIDS)],
    *[(0x00080005, b"CS", value) for value in (b"ISO_IR 192", b"")],
    *[(0x00080061, b"CS", value) for value in (b"CT", b"CT\\MR ", b"CT\\", b"\\", b"")],
    *[(0x00080020, vr, value) for vr in (b"DA", b"CS", b"LO") for value in (b"20240101", b"", b" 2024")],
    *[(0x00100010, b"PN", value) for value in (b"Doe^Jane", b"Doe^Jane=Doe", b"Doe\\Jane", b"M\xfcller", b"", b" ")],
    *[(0x00200011, b"IS", value) for value in (b"7 ", b"7\\8 ", b"7\\x ", b"+7", b"7.0 ", b"", b"-7", b"\\8")],
    *[(0x00280010, b"US", value) for value in (b"\7\0", b"\7\0\x08\0", b"", b"\7")],
    *[(0x00280010, b"DS", value) for value in (b"7 ", b"")],
    *[(0x00200010, vr, b"EXAMPLE-") for vr in (b"SH", b"LO", b"UN", b"XX")],
    (0x00090010, b"LO", b"EXAMPLE "),
    (0x00091001, b"LO", b"EXAMPLE "),
    (0x00321060, b"LO", b"EXAMPLE "),
)
_EITHER = st.booleans()


_LIE = st.sampled_from([0] * 30 + [2, 8, -2, -8])
"""What is added to a length, which is right nearly always."""


def _element(tag: int, vr: bytes, value: bytes, lie: int = 0, *, undefined: bool = False) -> bytes:
    head, length = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr), max(0, len(value) + lie)
    if vr not in (b"SQ", b"UN"):
        return head + struct.pack("<H", length) + value
    return head + struct.pack("<HI", 0, 0xFFFFFFFF if undefined else length) + value


def _delimited(content: bytes, tag: int, *, undefined: bool) -> bytes:
    return content + struct.pack("<HHI", tag >> 16, tag & 0xFFFF, 0) if undefined else content


@st.composite
def _content(draw: st.DrawFn, depth: int = 0) -> bytes:
    """Elements, mostly in order; among them a sequence. Lengths in items may be wrong.

    Those outside of items are right: reading ends after the last wanted tag, also at one that a wrong length invents.
    """
    lie = _LIE if depth else st.just(0)
    drawn = draw(st.lists(st.sampled_from(_ELEMENTS), max_size=6))
    elements = [(tag, _element(tag, vr, value, draw(lie))) for tag, vr, value in drawn]
    if depth < 2 and draw(_EITHER):
        undefined = draw(_EITHER)
        items = b""
        for content in draw(st.lists(_content(depth + 1), max_size=2)):
            length = 0xFFFFFFFF if undefined else max(0, len(content) + draw(_LIE))
            items += struct.pack("<HHI", 0xFFFE, 0xE000, length)
            items += _delimited(content, 0xFFFEE00D, undefined=undefined)
        items = _delimited(items, 0xFFFEE0DD, undefined=undefined or (depth > 0 and draw(_EITHER)))
        tag = _CODES if depth else _SEQUENCE
        elements.append((tag, _element(tag, b"SQ", items, draw(lie), undefined=undefined)))
    if draw(st.sampled_from([True, True, True, False])):
        elements = sorted(dict(elements).items()) if draw(_EITHER) else sorted(elements)
    return b"".join(written for _, written in elements)


def _sequence(item: bytes, item_lie: int, lie: int = 0) -> bytes:
    items = struct.pack("<HHI", 0xFFFE, 0xE000, len(item) + item_lie) + item
    return _element(_SEQUENCE, b"SQ", items, lie)


def _agree(content: bytes, cut: int = 0) -> None:
    """Compare with pydicom: a file of this content, its beginning, and the same file cut off there."""
    data = instance(pixels=None)
    meta = read_file_meta(data, closing=True)
    assert meta is not None
    data = data[: meta[1]] + content
    head = data[: max(meta[1], len(data) - cut)]
    tags = [*TAGS, _LAST]
    silence_pydicom()
    for read, file in ((data, data), (head, data), (head, head)):
        found = plain_json(read, tags, whole=len(read) == len(file))
        if found is not None:
            header = dcmread(BytesIO(file), force=True, stop_before_pixels=True, specific_tags=tags)

            assert found == header_json(header, lambda _: "")


_END = _element(_LAST, b"LO", b"EXAMPLE ")


@given(_content(), _EITHER, st.integers(0, 60))
def test_whatever_is_in_a_file_it_is_what_pydicom_says(content: bytes, has_last: bool, cut: int) -> None:
    """Or nothing: repeated, private and odd elements, in items as well, values of other VRs, and files that are cut."""
    _agree(content + (_END if has_last else b""), cut)


def test_each_element() -> None:
    """Alone, and in an item; also where what was read of the file ends between two elements."""
    for tag, vr, value in _ELEMENTS:
        _agree(_element(tag, vr, value) + _END, cut=len(_END))
        _agree(_sequence(_element(tag, vr, value), 0) + _END)


@pytest.mark.parametrize("lie", [-8, 8, 16])
def test_lengths_that_do_not_fit(lie: int) -> None:
    """An item that is longer than its sequence, an element that is longer than its item, and what follows an end."""
    value = b"EXAMPLE " + bytes(8)
    _agree(_sequence(_element(0x00321060, b"LO", value), lie) + _END + _END)
    _agree(_sequence(_element(0x00321060, b"LO", value, lie), 0) + _END + _END)
    _agree(_sequence(_element(0x00321060, b"LO", value), 0, lie) + _END + _END)
    ended = _delimited(struct.pack("<HHI", 0xFFFE, 0xE000, 0), 0xFFFEE0DD, undefined=True)
    _agree(_element(_SEQUENCE, b"SQ", ended + _END) + _END)


def test_depth_is_bounded() -> None:
    """Sequences in sequences without end are left to pydicom, of either length, and are no error here."""
    for undefined in (False, True):
        content = b""
        for _ in range(3_000):
            length = 0xFFFFFFFF if undefined else len(content)
            items = struct.pack("<HHI", 0xFFFE, 0xE000, length) + _delimited(content, 0xFFFEE00D, undefined=undefined)
            items = _delimited(items, 0xFFFEE0DD, undefined=undefined)
            content = _element(_CODES, b"SQ", items, undefined=undefined)
        data = instance(pixels=None)
        meta = read_file_meta(data, closing=True)
        assert meta is not None

        assert plain_json(data[: meta[1]] + content, [_CODES], whole=True) is None
