"""Headers from DICOM JSON: they have every value that pydicom writes, or are refused with the attribute's name."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, config, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.json_model import object_text
from dicomveil_engine.json_model.object_text import ObjectText
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.transactions.store.header import Header
from engine.datasets import real_instances


def no_bulk_data(uri: object) -> bytes:
    """There is none."""
    raise InvalidDataSetError(f"no part {uri}")


def encoded(dataset: Any, bulk_data: Any = no_bulk_data) -> bytes:
    """All elements of a data set."""
    header = Header(bulk_data)
    for _ in header.take(dataset.items()):
        pass
    return b"".join(header.between())


def read(elements: bytes) -> Dataset:
    """As pydicom reads them."""
    return read_dataset(io.BytesIO(elements), is_implicit_VR=False, is_little_endian=True)


def as_pydicom(metadata: dict[str, Any]) -> Dataset:
    """The data set that pydicom makes and reads again."""
    dataset = Dataset.from_json(metadata)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    write_dataset(file, dataset)
    return read(file.getvalue())


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, about odd values of real instances
def test_real_headers(corpus: Path) -> None:
    """What pydicom makes of the JSON of each real instance, but for values that it cannot write."""
    compared = 0
    for name, instance in real_instances(corpus, largest=1 << 20):
        try:
            source = dcmread(io.BytesIO(instance), force=True, stop_before_pixels=True)
            metadata = header_json(source, lambda path: path)
        except Exception:  # noqa: BLE001 - a damaged instance is of no use here
            continue
        metadata = {
            key: element for key, element in metadata.items() if key >= "0008" and "BulkData" not in str(element)
        }
        try:
            expected = as_pydicom(metadata)
        except Exception:  # noqa: BLE001 - it refuses more than PS3.5 does
            continue
        found = read(encoded(ObjectText.of(metadata)))

        assert {each.tag for each in found} == {each.tag for each in expected if each.tag.element}, name
        for element in found:
            if element.VR != "DS" or element.is_empty:  # numbers may be written in other ways
                assert str(element) == str(expected[element.tag]), name
            else:
                assert element.value == pytest.approx(expected[element.tag].value, rel=1e-9), name
        compared += 1
    assert compared > 20


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\\=\0", exclude_categories=["Cc"]), max_size=8).map(
    str.strip
)
ELEMENTS = st.one_of(
    st.builds(lambda *v: {"vr": "LO", "Value": [*v]}, TEXTS.filter(bool), TEXTS.filter(bool)),
    st.builds(lambda v: {"vr": "PN", "Value": [{"Alphabetic": v, "Ideographic": v}]}, TEXTS.filter(bool)),
    st.builds(lambda v: {"vr": "US", "Value": v}, st.lists(st.integers(0, 65535), min_size=1, max_size=4)),
    st.builds(lambda v: {"vr": "SL", "Value": v}, st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=4)),
    st.builds(lambda v: {"vr": "SV", "Value": v}, st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4)),
    st.builds(lambda v: {"vr": "FD", "Value": v}, st.lists(st.floats(allow_nan=False), min_size=1, max_size=4)),
    st.builds(lambda v: {"vr": "IS", "Value": [v, float(v)]}, st.integers(-(2**31), 2**31 - 1)),
    st.builds(lambda v: {"vr": "AT", "Value": [f"{v:08X}"]}, st.integers(0, 2**32 - 1)),
    st.just({"vr": "OW", "InlineBinary": "AAEC"}),
    st.just({"vr": "ST"}),
)
KEYS = st.integers(0x00190010, 0x001900FF).map("{:08X}".format)
DATASETS = st.recursive(
    st.dictionaries(KEYS, ELEMENTS, max_size=4),
    lambda inner: st.dictionaries(
        KEYS, ELEMENTS | st.builds(lambda items: {"vr": "SQ", "Value": items}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=6,
)


@given(DATASETS, st.booleans())
def test_every_value_is_there(metadata: dict[str, Any], shuffled: bool) -> None:
    """At any depth, and in ascending order whatever the order of the JSON."""
    members = sorted(metadata.items(), reverse=shuffled)
    with config.disable_value_validation():
        found = read(encoded(dict(members)))
        tags = [element.tag for element in found]

        assert tags == sorted(tags)
        assert_same(found, {**metadata, "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}})


def assert_same(found: Dataset, metadata: dict[str, Any]) -> None:
    """Each element has the value that its JSON has."""
    assert {f"{element.tag:08X}" for element in found} == metadata.keys()
    for element in found:
        written = metadata[f"{element.tag:08X}"]
        assert written["vr"] == element.VR
        if element.VR == "SQ":
            for item, expected in zip(element.value, written["Value"], strict=True):
                assert_same(item, expected)
        elif "InlineBinary" in written:
            assert element.value == b"\0\1\2\0"
        else:
            assert json.loads(json.dumps(element.to_json_dict(None, 0))).get("Value") == written.get("Value")


@pytest.mark.parametrize(
    ("number", "text"),
    [(70.5, "70.5"), (0.1 + 0.2, "0.3"), (1e22, "1e+22"), (-1.2345678901234567e-100, "-1.23456789E-100"), (12, "12")],
)
def test_decimal_strings(number: float, text: str) -> None:
    """At most 16 characters (PS3.5 Section 6.2), with as many digits as fit."""
    value = encoded({"00101030": {"vr": "DS", "Value": [number]}})[-(len(text) + len(text) % 2) :].decode().strip()

    assert len(value) <= 16
    assert float(value) == pytest.approx(float(number), rel=1e-9)
    assert value == text


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ("Doe", "has no VR"),
        ({"Value": ["Doe"]}, "has no VR"),
        ({"vr": "XX", "Value": ["Doe"]}, "has no VR"),
        ({"vr": "LO", "Value": ["Doe"], "InlineBinary": "RG9l"}, "has its value twice"),
        ({"vr": "OB", "Value": ["Doe"]}, "has a Value"),
        ({"vr": "OB", "InlineBinary": "Doe^Jane"}, "not of its VR"),
        ({"vr": "LO", "Value": {"Doe": 1}}, "not of its VR"),
        ({"vr": "LO", "Value": 5}, "not of its VR"),
        ({"vr": "US", "Value": [70_000]}, "not of its VR"),
        ({"vr": "US", "Value": ["Doe"]}, "not of its VR"),
        ({"vr": "IS", "Value": [1.5]}, "not of its VR"),
        ({"vr": "DS", "Value": [float("inf")]}, "not of its VR"),
        ({"vr": "DS", "Value": [True]}, "not of its VR"),
        ({"vr": "CS", "Value": ["Žaneta Doe"]}, "not of its VR"),
        ({"vr": "SQ", "Value": ["Doe"]}, "not of its VR"),
        ({"vr": "SQ", "Value": 5}, "not of its VR"),
        ({"vr": "SQ", "Value": [{"Doe": {}}]}, "a key that is not a tag"),
        ({"vr": "SQ", "Value": [{"FFFEE000": {"vr": "UN"}}]}, "an item or a delimiter"),
    ],
)
def test_what_cannot_be_encoded(element: object, message: str) -> None:
    """It is refused with the attribute's name, and without its value."""
    with pytest.raises(InvalidDataSetError, match=message) as raised:
        encoded({"00101030": element})

    assert "Doe" not in str(raised.value)
    assert "00101030" in str(raised.value).replace(",", "") or "a key" in message or "an item" in message


def test_an_element_twice() -> None:
    """Readers would choose differently between the two, so it is refused."""
    header = Header(no_bulk_data)
    with pytest.raises(InvalidDataSetError, match="twice"):
        [*header.take([("0010001A", {"vr": "LO"}), ("00090010", {"vr": "LO"}), ("0010001a", {"vr": "LO"})])]


def test_what_has_no_place_in_an_instance() -> None:
    """Groups below 0008, group lengths, and other character sets than that of JSON."""
    item = {"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}, "00100020": {"vr": "LO", "Value": ["PATIENT-1"]}}
    found = read(
        encoded(
            {
                "00020010": {"vr": "UI", "Value": ["1.2.3"]},
                "00080000": {"vr": "UL", "Value": [4]},
                "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
                "00101002": {"vr": "SQ", "Value": [item, None]},
            }
        )
    )

    assert [f"{element.tag:08X}" for element in found] == ["00080005", "00101002"]
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert [len(item) for item in found[0x00101002]] == [1, 0]


def test_a_value_too_long_for_its_vr() -> None:
    """It is written as UN (PS3.5 Section 6.2.2), and nothing of it is lost."""
    text = "technique " * 10_000
    found = read(encoded({"00204000": {"vr": "LT", "Value": [text.strip()]}}))

    assert found.get_item(0x00204000).VR == "UN"
    assert found.get_item(0x00204000).value.decode().strip() == text.strip()


def test_long_sequences_take_little_memory() -> None:
    """An item at a time is read from the text: not some 20 times the text, but a few times."""
    item = {"00080100": {"vr": "SH", "Value": ["CODE"]}, "00080104": {"vr": "LO", "Value": ["meaning"]}}
    text = json.dumps({"0040A043": {"vr": "SQ", "Value": [item] * 10_000}}).encode()
    dataset, _ = object_text.read(text)
    tracemalloc.start()
    try:
        size = len(encoded(dataset))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size > 10_000 * 30
    assert peak < 5 * len(text)
