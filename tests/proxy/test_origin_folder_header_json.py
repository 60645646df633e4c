"""Headers as DICOM JSON: plain JSON, whole, whatever stands in a file."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.filereader import read_dataset

from dicomveil_engine import deidentify_metadata, load_policy
from dicomveil_proxy.origin.folder.header_json import INLINE_BYTES, header_json
from proxy.fakes import KEY, instance

LONG = bytes(INLINE_BYTES + 2)


def written(dataset: Dataset, *, implicit: bool = False, little: bool = True) -> dict[str, Any]:
    """The JSON of a data set that was written and read."""
    file = BytesIO()
    dcmwrite(file, dataset, implicit_vr=implicit, little_endian=little)
    file.seek(0)
    return header_json(read_dataset(file, implicit, little), lambda path: f"x:{path}")


def of(tag: int, vr: str, value: object) -> Dataset:
    """A data set of one element."""
    dataset = Dataset()
    dataset.add_new(tag, vr, value)
    return dataset


@pytest.mark.parametrize(
    ("dataset", "element"),
    [
        (of(0x00100010, "PN", "Doe^Jane"), {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}),
        (of(0x00080018, "UI", "1.2.3"), {"vr": "UI", "Value": ["1.2.3"]}),
        (of(0x00200013, "IS", "7"), {"vr": "IS", "Value": [7]}),
        (of(0x00280030, "DS", ["0.5", "1"]), {"vr": "DS", "Value": [0.5, 1.0]}),
        (of(0x00281052, "DS", ""), {"vr": "DS"}),
        (of(0x54001010, "OB", b"ab"), {"vr": "OB", "InlineBinary": "YWI="}),
        (of(0x54001010, "OB", b""), {"vr": "OB"}),
        (of(0x54001010, "OB", LONG), {"vr": "OB", "BulkDataURI": "x:54001010"}),
        (of(0x00081140, "SQ", []), {"vr": "SQ"}),
    ],
)
def test_elements(dataset: Dataset, element: dict[str, Any]) -> None:
    """Each VR has its form, of JSON's own kinds only: pydicom's would not pass the engine."""
    (found,) = written(dataset).values()

    assert found == element
    assert {type(value) for value in found.get("Value", [])} <= {str, int, float, dict}


def test_the_place_of_a_nested_value() -> None:
    """Its URI says where it is."""
    item = of(0x54001010, "OB", LONG)
    found = written(of(0x54000100, "SQ", [Dataset(), item]))

    assert found["54000100"]["Value"][1]["54001010"]["BulkDataURI"] == "x:54000100/2/54001010"


@pytest.mark.filterwarnings("ignore")
def test_a_value_without_a_json_form() -> None:
    """It is left empty, and the others stay."""
    dataset = of(0x00200013, "IS", "7")
    dataset.add_new(0x00200011, "LO", "no number")
    found = written(dataset, implicit=True)

    assert found == {"00200011": {"vr": "IS"}, "00200013": {"vr": "IS", "Value": [7]}}
    json.dumps(found, allow_nan=False)


def test_big_endian() -> None:
    """Words are swapped: JSON is little endian."""
    found = written(of(0x54001010, "OW", b"\x00\x01\x00\x02"), little=False)

    assert found["54001010"]["InlineBinary"] == "AQACAA=="


def test_the_engine_takes_it() -> None:
    """What it makes, the engine de-identifies."""
    read = dcmread(BytesIO(instance()))
    (found,) = deidentify_metadata([header_json(read, str)], load_policy({"profile": "default"}, KEY))

    assert "Doe" not in json.dumps(found)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have(number: float) -> None:
    """They are left empty: with them, the whole document would not be JSON."""
    assert written(of(0x00189087, "FD", number)) == {"00189087": {"vr": "FD"}}
