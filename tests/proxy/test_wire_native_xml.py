"""The Native DICOM Model: it says the same as the DICOM JSON that it is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.wire.native_xml import native_xml

_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
_NUMBERS = frozenset(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"))


def read_back(document: bytes) -> dict[str, Any]:
    """The DICOM JSON of an XML document, by PS3.18 Table F.3.1-1; written apart from the writer."""
    return _data_set(ElementTree.fromstring(document))


def _data_set(parent: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    blocks: dict[tuple[str, str], str] = {}
    for attribute in parent:
        tag, vr = attribute.attrib["tag"], attribute.attrib["vr"]
        if creator := attribute.attrib.get("privateCreator"):
            tag = tag[:4] + blocks[tag[:4], creator] + tag[6:]
        elif int(tag[:4], 16) % 2 and vr == "LO":
            blocks[tag[:4], attribute[0].text or ""] = tag[6:]
        found[tag] = {"vr": vr} | _content(vr, list(attribute))
    return found


def _content(vr: str, children: list[ElementTree.Element]) -> dict[str, Any]:
    if not children:
        return {}
    kind = children[0].tag.removeprefix(_NAMESPACE)
    if kind == "BulkData":
        return {"BulkDataURI": children[0].attrib["uri"]}
    if kind == "InlineBinary":
        return {"InlineBinary": children[0].text}
    assert [child.attrib["number"] for child in children] == [str(n) for n in range(1, len(children) + 1)]
    return {"Value": [_value(kind, vr, child) for child in children]}


def _value(kind: str, vr: str, child: ElementTree.Element) -> Any:
    if kind == "Item":
        return _data_set(child)
    if kind == "PersonName":
        groups = {group.tag.removeprefix(_NAMESPACE): "^".join(each.text or "" for each in group) for group in child}
        return groups or None
    if child.text is None:
        return None
    return float(child.text) if vr in _NUMBERS else child.text


def plain(dataset: dict[str, Any]) -> dict[str, Any]:
    """The same data set where numbers are not strings and what is empty is null, as JSON may or may not write them."""
    return {tag: _plain(element) for tag, element in dataset.items()}


def _plain(element: dict[str, Any]) -> dict[str, Any]:
    values = element.get("Value")
    if not values:
        return {name: content for name, content in element.items() if name != "Value"}
    if element["vr"] == "SQ":
        return element | {"Value": [plain(item) for item in values]}
    if element["vr"] == "PN":
        groups = [{group: name for group, name in (value or {}).items() if name} for value in values]
        return element | {"Value": [value or None for value in groups]}
    is_number = element["vr"] in _NUMBERS
    return element | {
        "Value": [None if value in (None, "") else float(value) if is_number else value for value in values]
    }


EVERYTHING: dict[str, Any] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080060": {"vr": "CS", "Value": ["MPG", None, "XR3"]},
    "00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}, {}]},
    "00090010": {"vr": "LO", "Value": ["DOE & CO"]},
    "00091001": {"vr": "LT", "Value": ["a\r\nb <c> 'd' \"e\" ü"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane^^Dr", "Ideographic": "同^行"}, None]},
    "00100020": {"vr": "LO"},
    "00280009": {"vr": "AT", "Value": ["00181063"]},
    "00280010": {"vr": "US", "Value": [512]},
    "00281050": {"vr": "DS", "Value": [-0.5, "40"]},
    "54001010": {"vr": "OW", "BulkDataURI": "http://proxy.test/a?b&c"},
    "00282000": {"vr": "OB", "InlineBinary": "AAE="},
}


def test_every_kind_of_value_is_read_back() -> None:
    """XML → JSON gives the JSON: empty values, items, names, private ones, bulk data, line ends."""
    assert read_back(native_xml(EVERYTHING)) == plain(EVERYTHING)


def test_what_it_looks_like() -> None:
    """As PS3.19 Section A.1 writes it: keywords, private attributes without their block."""
    document = native_xml({tag: EVERYTHING[tag] for tag in ("00090010", "00091001", "00280010")}).decode()

    assert '<DicomAttribute tag="00280010" keyword="Rows" vr="US"><Value number="1">512</Value>' in document
    assert '<DicomAttribute tag="00090001" privateCreator="DOE &amp; CO" vr="LT">' in document
    assert document.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns=')


def test_a_character_that_xml_has_not() -> None:
    """It is replaced, and the document can be read."""
    read = read_back(native_xml({"00104000": {"vr": "LT", "Value": ["a\x0cb\x00\ud800"]}}))

    assert read["00104000"]["Value"] == ["a\ufffdb\ufffd\ufffd"]


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1
    )
)
def test_any_text_is_read_back(text: str) -> None:
    """Whatever stands in a value, an attribute or a URI."""
    dataset = {
        "00090010": {"vr": "LO", "Value": [text]},
        "00091001": {"vr": "UT", "Value": [text]},
        "54001010": {"vr": "OW", "BulkDataURI": text},
    }

    assert read_back(native_xml(dataset)) == dataset


def test_real_instances(shared: Path) -> None:
    """Of every fifth instance of the corpus, XML → JSON equals the JSON, but for what XML cannot write."""
    silence_pydicom()
    count = 0
    for path in sorted((shared / "corpus").glob("*.dcm"))[::5]:
        dataset = json.loads(
            json.dumps(header_json(dcmread(path, force=True, stop_before_pixels=True), lambda bulk: f"urn:{bulk}"))
        )
        document = native_xml(dataset)
        count += 1
        if "\ufffd" not in document.decode() and not _has_twin_blocks(dataset):
            assert read_back(document) == plain(dataset), path.name
    assert count > 20


def _has_twin_blocks(dataset: dict[str, Any]) -> bool:
    """Whether one private creator has two blocks of a group, of which the model knows one only."""
    creators = [
        (tag[:4], str(element.get("Value")))
        for tag, element in dataset.items()
        if int(tag[:4], 16) % 2 and tag[4:6] == "00"
    ]
    items = [item for element in dataset.values() if element["vr"] == "SQ" for item in element.get("Value", [])]
    return len(set(creators)) < len(creators) or any(map(_has_twin_blocks, items))


@pytest.mark.parametrize("value", [None, {}])
def test_an_empty_name(value: object) -> None:
    """A name of length zero keeps its place."""
    names = [{"Alphabetic": "Doe"}, value]

    assert read_back(native_xml({"00100010": {"vr": "PN", "Value": names}}))["00100010"]["Value"] == [names[0], None]
