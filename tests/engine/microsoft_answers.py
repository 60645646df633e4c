"""The Microsoft tool's known answers and golden instances, as the tests compare them.

They are read from the folder `shared` beside the repository; none of them is copied.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset

from dicomveil_engine import Policy, deidentify_instance, load_policy
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.methods.base import BYTES_VRS, FLOAT_VRS, INTEGER_VRS, Values
from engine.datasets import KEY, read

Vector = dict[str, Any]

SHARED = Path(__file__).resolve().parents[3] / "shared"
_FILE = SHARED / "vectors" / "microsoft_vectors.json"
VECTORS: list[Vector] = json.loads(_FILE.read_text(encoding="utf-8")) if _FILE.is_file() else []

_FORMATS = {"OW": "<H", "OL": "<I", "OD": "<d", "OF": "<f"}


def configuration(name: str) -> dict[str, Any]:
    """One of that tool's configurations, with what makes it mean the same here."""
    text = (SHARED / "vectors" / name).read_text(encoding="utf-8-sig")
    if name.endswith(".md"):
        text = text.partition("```json")[2].partition("```")[0]
    document = jsonc.parse(text)
    assert isinstance(document, dict)
    return {"profile": "none", "compatibility": "microsoft", **document}


def policy(name: str) -> Policy:
    """That configuration, compiled."""
    return load_policy(configuration(name), KEY)


def differences(given: bytes, golden: bytes, policy: Policy) -> Iterator[tuple[DataElement | None, DataElement | None]]:
    """Top-level elements that our output and the golden instance do not have in common, theirs first."""
    ours, theirs = read(deidentify_instance(given, policy)), read(golden)
    for tag in sorted({*ours.keys(), *theirs.keys()}):
        expected, actual = (dataset.get(tag) for dataset in (theirs, ours))
        if expected != actual:
            yield expected, actual


def identities(dataset: Dataset) -> dict[str, str]:
    """The data set's own UIDs by keyword."""
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    return {keyword: str(dataset[keyword].value) for keyword in keywords}


def as_dicom(vector: Vector) -> tuple[str, Any, Any, dict[str, Any]]:
    """VR, value, answer and settings; the answers of inner functions are about numbers and ISO dates."""
    vr, given, expected, settings = vector["vr"], vector["input"], vector["expected"], dict(vector["settings"])
    if vr.endswith("(ISO)"):
        texts = [_compact(text) for text in given] if isinstance(given, list) else [_compact(given)]
        bounds = {name: _compact(value) if isinstance(value, str) else value for name, value in expected.items()}
        return ("DT" if len(texts[0]) > 8 else "DA"), texts, bounds, settings
    if vr == "string":
        return "UT", [given], [expected], settings
    if vr == "string/bytes/stream":
        return "OB", {"hex": given.encode().hex()}, expected, settings
    if vr == "age(number)":
        return "AS", [f"{given:03}Y"], [] if expected is None else [f"{given:03}Y"], settings
    if vr.startswith("age object"):
        number, unit = given.split()
        bounds = {name: f"{expected[name]:03}{unit}" for name in ("min", "max")}
        return "AS", [f"{int(number):03}{unit}"], bounds, settings
    if vr == "numeric string":
        return "DS", given, expected, settings
    inner = re.fullmatch(r"\w+\((\w\w)(?:/\w\w)*\)", vr)
    return (inner[1] if inner else vr), given, expected, settings


def _compact(iso: str) -> str:
    day, _, time = iso.partition("T")
    return day.replace("-", "") + time.replace(":", "")


def tag_of(vector: Vector) -> int:
    """The tag that an answer is about; any, where it is about a value alone."""
    digits = re.sub(r"\W", "", vector.get("tag") or "")
    return int(digits, 16) if digits else 0x00091001


def values(vr: str, written: Any) -> Values:
    """A value of the answers as a method sees it."""
    if isinstance(written, dict):
        return bytes.fromhex(written["hex"])
    parts = written if isinstance(written, list) else str(written).split("\\") if written != "" else []
    if vr in _FORMATS:
        packed = (part if isinstance(part, int) else int(part) for part in parts)
        return b"".join(struct.pack(_FORMATS[vr], number) for number in packed)
    if vr in BYTES_VRS:
        return str(written).encode()
    if vr == "AT":
        return [int(re.sub(r"\W", "", part), 16) for part in parts]
    if vr in INTEGER_VRS or vr in FLOAT_VRS:
        number = float if vr in FLOAT_VRS else int
        # Where the answer is that a method does not apply, the value is a word.
        return [number(part) for part in parts] if re.fullmatch(r"[-\d. ]+", " ".join(map(str, parts))) else [1]
    return [str(part) for part in parts]


def numbers(vr: str, values: Any) -> Any:
    """What stands in bytes, for the VRs that pack numbers."""
    return struct.unpack(_FORMATS[vr], values) if isinstance(values, bytes) else values
