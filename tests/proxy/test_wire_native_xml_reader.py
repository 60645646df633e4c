"""The Native DICOM Model read: the data set that was written, and nothing that only looks like one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from dicomveil_engine import InvalidDataSetError
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.native_xml_reader import NativeXMLReader


def read(document: bytes, size: int = 1 << 20, nesting: int = 32) -> dict[str, Any]:
    """The data set of a document in pieces."""
    reader = NativeXMLReader(nesting)
    for start in range(0, len(document), size):
        reader.feed(document[start : start + size])
    return reader.close()


def model(inner: str, head: str = "") -> bytes:
    """A document."""
    space = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
    return f'{head}<NativeDicomModel xmlns="{space}">{inner}</NativeDicomModel>'.encode()


def attribute(inner: str, tag: str = "00100010", vr: str = "LO", **more: str) -> str:
    """An attribute."""
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<DicomAttribute tag="{tag}" vr="{vr}"{extra}>{inner}</DicomAttribute>'


def plain(value: Any) -> Any:
    """A value as XML writes it: text, without what is empty."""
    if isinstance(value, dict):
        return {
            key: plain(each) for key, each in value.items() if each not in ("", [], None) and set(str(each)) != {"^"}
        }
    if isinstance(value, list):
        return [plain(each) for each in value]
    return None if value in (None, "") else re.sub("[\x00-\x08\x0b-\x1f]", "\ufffd", str(value)).rstrip("^")


SETS = st.recursive(
    st.dictionaries(
        st.sampled_from(["00080005", "00100010", "00280010"]),
        st.fixed_dictionaries(
            {
                "vr": st.just("LO"),
                "Value": st.lists(
                    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1), min_size=1
                ),
            }
        ),
    ),
    lambda inner: st.dictionaries(
        st.sampled_from(["00081140", "00082112"]),
        st.fixed_dictionaries({"vr": st.just("SQ"), "Value": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=5,
)


@given(SETS, st.integers(1, 50))
def test_reads_what_is_written(dataset: dict[str, Any], size: int) -> None:
    """However the document is cut."""
    assert read(native_xml(dataset), size) == dataset


def test_real_instances(shared: Path) -> None:
    """The same data set by way of XML, but for numbers, which are texts there."""
    for path in sorted((shared / "corpus").glob("*.dcm"))[::12]:
        dataset = header_json(dcmread(path, force=True), lambda place: f"bulk/{place}")
        private = [key for key in dataset if int(key[3], 16) % 2]
        expected = {key: plain(each) for key, each in dataset.items() if key not in private}
        found = read(native_xml(dataset))

        assert {key: plain(each) for key, each in found.items() if not int(key[3], 16) % 2} == expected


def test_names_and_values() -> None:
    """A name has its groups and components, a value may be empty among others, bulk data is elsewhere."""
    name = (
        '<PersonName number="1"><Alphabetic><FamilyName>Doe</FamilyName><GivenName>Jane</GivenName></Alphabetic>'
        "<Ideographic><NameSuffix>x</NameSuffix></Ideographic></PersonName>"
    )
    inner = attribute(name, "00100010", "PN")
    inner += attribute('<Value number="1">a &amp; b</Value>\n<Value number="2"/>', "00080008", "CS")
    inner += attribute('<BulkData uri="x/1"/>', "7fe00010", "OW") + attribute(
        "<InlineBinary>QU JD\n</InlineBinary>", "00420011", "OB"
    )

    assert read(model(inner, '<?xml version="1.0" encoding="UTF-8"?>')) == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane", "Ideographic": "^^^^x"}]},
        "00080008": {"vr": "CS", "Value": ["a & b", None]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "x/1"},
        "00420011": {"vr": "OB", "InlineBinary": "QUJD"},
    }


def test_private_attributes() -> None:
    """They name their creator in the place of a block, and get the block that is his, or a free one."""
    value = '<Value number="1">v</Value>'
    inner = attribute('<Value number="1">ACME</Value>', "00290010")
    inner += attribute(value, "00290001", privateCreator="OTHER") + attribute(value, "00290002", privateCreator="ACME")

    assert read(model(inner)) == {
        "00290010": {"vr": "LO", "Value": ["ACME"]},
        "00290011": {"vr": "LO", "Value": ["OTHER"]},
        "00291101": {"vr": "LO", "Value": ["v"]},
        "00291002": {"vr": "LO", "Value": ["v"]},
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not XML"),
        (b"{}", "not XML"),
        (model("")[:-3], "not XML"),
        (b"<html/>", "does not have there"),
        (model("<Item/>"), "does not have there"),
        (model(attribute("<Value number='1'><Value/></Value>")), "does not have there"),
        (model(attribute("", tag="1")), "no tag or no VR"),
        (model(attribute("", vr="?")), "no tag or no VR"),
        (model(attribute("") * 2), "appears twice"),
        (model(attribute('<Value number="2">x</Value>')), "numbered"),
        (model(attribute("<Value>x</Value>")), "numbered"),
        (model("", '<!DOCTYPE x [<!ENTITY a "Doe">]>'), "document type"),
        (model("", '<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "document type"),
        (model(attribute("&a;")), "not XML"),
    ],
)
def test_what_is_no_data_set(document: bytes, message: str) -> None:
    """It is refused, without a word of it."""
    with pytest.raises(InvalidDataSetError, match=message) as caught:
        read(document)
    assert "Doe" not in str(caught.value)


def test_private_creators_beyond_all_blocks() -> None:
    """A group has 240 blocks; one more creator is refused, and takes no other creator's block."""
    value = '<Value number="1">x</Value>'
    inner = "".join(attribute(value, "00290001", privateCreator=f"CREATOR {number}") for number in range(241))

    with pytest.raises(InvalidDataSetError, match="too many private creators"):
        read(model(inner))


def test_depth_is_bounded() -> None:
    """Sequences in sequences up to the limit, and no deeper."""

    def nested(depth: int) -> bytes:
        inner = attribute('<Value number="1">x</Value>')
        for _ in range(depth):
            inner = attribute(f'<Item number="1">{inner}</Item>', "00081140", "SQ")
        return model(inner)

    assert read(nested(4), nesting=4)
    with pytest.raises(InvalidDataSetError, match=r"limits\.nesting"):
        read(nested(40), nesting=4)
