"""Native DICOM XML holds the texts that DICOM JSON holds after de-identification, on all cases of the set of texts."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from dicomveil_engine import deidentify_metadata, load_policy
from dicomveil_proxy.wire.native_xml import native_xml
from engine.datasets import KEY
from engine.text_cases import cases
from engine.text_instances import all_together

CLEAN = load_policy({"profile": "default", "options": ["cleanDescriptors"]}, KEY)
TAGS = ("00321060", "00401400")
"""Requested Procedure Description and Comments."""


def test_xml_holds_the_texts_of_json() -> None:
    """Item for item and attribute for attribute, empty ones too."""
    count = 0
    for dataset in all_together(cases()):
        [metadata] = deidentify_metadata([dataset.to_json_dict()], CLEAN)
        sequence: Any = metadata["00400275"]
        items = ElementTree.fromstring(native_xml(metadata)).findall("./{*}DicomAttribute[@tag='00400275']/{*}Item")

        assert len(items) == len(sequence["Value"])
        for item, element in zip(sequence["Value"], items, strict=True):
            for tag in TAGS:
                assert _values(element, tag) == [str(value) for value in item.get(tag, {}).get("Value", [])]
            count += 1
    assert count == len(cases())


def _values(item: ElementTree.Element, tag: str) -> list[str]:
    return [value.text or "" for value in item.findall(f"./{{*}}DicomAttribute[@tag='{tag}']/{{*}}Value")]
