"""Every row of PS3.15 Table E.1-1 under every option and every pair of options, at two depths, in both encodings.

What is expected is read from a machine-readable copy of the table beside the repository, not from the engine's own.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from engine.datasets import EXPLICIT, KEY, Nodes, encoded, instance, read
from engine.leak import letters
from engine.test_json_model_commutation import comparable

OPTIONS = {
    "retain_safe_private": "retainSafePrivate",
    "retain_uids": "retainUIDs",
    "retain_device_identity": "retainDeviceIdentity",
    "retain_institution_identity": "retainInstitutionIdentity",
    "retain_patient_characteristics": "retainPatientCharacteristics",
    "retain_longitudinal_full_dates": "retainLongFullDates",
    "retain_longitudinal_modified_dates": "retainLongModifiedDates",
    "clean_descriptors": "cleanDescriptors",
    "clean_structured_content": "cleanStructuredContent",
    "clean_graphics": "cleanGraphics",
}
"""The table's columns and the configuration's names for them."""
EXCLUSIVE = {"retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"}
CHOICES = [chosen for count in range(3) for chosen in combinations(OPTIONS, count) if not set(chosen) >= EXCLUSIVE]
UNKNOWN_TYPE = {"Z/D": "D", "X/Z": "Z", "X/D": "D", "X/Z/D": "D", "X/Z/U*": "K"}
"""The data set has no SOP Class UID, so that no attribute has a type."""
TIME_ZONE = 0x00080201
ITEMS = 0x00189346
"""(0018,9346) CTDI Phantom Type Code Sequence: not in the table, so that its items are kept and rewritten."""
REPEATING = {"50xxxxxx": (0x50003000, "OW"), "60xx3000": (0x60003000, "OW"), "60xx4000": (0x60004000, "LT")}
NEVER_IN_INSTANCES = ("0000", "0002", "0004")
EMPTY_DUMMY = 0x00081111
"""Referenced Performed Procedure Step Sequence is at most of Type 2, so that its dummy may be empty."""
IDENTIFYING = 0x00321033
"""Requesting Service: of the cleaned attributes the one whose own words may stand nowhere, here neither."""

TIMES = ("DA", "DT", "TM")
TEXTS = ("LO", "LT", "SH", "ST", "UC", "UT")
INNER: Nodes = {0x00080060: ("CS", "ORIGINAL"), 0x00100010: ("PN", "Doe^Jane")}
PLANTED: dict[str, object] = {
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), b"ORIGINAL"),
    **{vr: [7] for vr in ("AT", "SL", "SS", "SV", "UL", "US", "UV")},
    **{vr: [7.5] for vr in ("FD", "FL")},
    "AE": "ORIGINAL",
    "AS": "045Y",
    "CS": "ORIGINAL",
    "DA": "20200102",
    "DS": "7.5",
    "DT": "20200102030405",
    "IS": "7",
    "PN": "Doe^Jane",
    "SQ": [INNER],
    "TM": "030405",
    "UI": "1.2.3.7",
    "UR": "https://example.org/",
}


class Row(NamedTuple):
    """A row of the table, with what its attribute holds before."""

    tag: int
    vr: str
    basic: str
    options: dict[str, str]
    original: object


@cache
def table(path: Path) -> tuple[Row, ...]:
    rows = []
    for source in json.loads(path.read_text())["attributes"]:
        if source["hex"] == "odd-group" or source["hex"].startswith(NEVER_IN_INSTANCES):
            continue
        tag, vr = REPEATING.get(source["hex"]) or (int(source["hex"], 16), source["vr"].split(" or ")[0])
        options = {column: code for column, code in source["options"].items() if code}
        original = "+0100" if tag == TIME_ZONE else f"Doe {letters(tag)}" if vr in TEXTS else PLANTED[vr]
        rows.append(Row(tag, vr, source["basic"], options, original))
    return tuple(sorted(rows))


def expected(row: Row, chosen: tuple[str, ...]) -> str:
    """The action code that the table has for the row under these options; `C` in words for how it is cleaned."""
    codes = {column: row.options[column] for column in chosen if column in row.options}
    if codes.get("retain_longitudinal_modified_dates") and row.vr in (*TIMES, "SH"):
        return "K" if row.tag == TIME_ZONE else "moved"
    if "K" in codes.values():
        return "K"
    if "clean_structured_content" in codes or "clean_graphics" in codes:
        return "content cleaned"
    if codes and row.vr == "AE":
        return "pseudonym"
    if codes and row.vr == "SQ":
        return "K"
    if codes and row.vr in TEXTS:
        return "cleaned"
    # Codes and opaque bytes that nobody can clean: the Basic Profile's code stays in force.
    return UNKNOWN_TYPE.get(row.basic, row.basic)


def acted(row: Row, element: dict[str, Any] | None, action: str) -> bool:
    """Whether the element that came out is what the action code asks for."""
    value: Any = element.get("Value", element.get("InlineBinary")) if element else None
    original = model({row.tag: (row.vr, row.original)})[f"{row.tag:08X}"]
    before = original.get("Value", original.get("InlineBinary"))
    text = json.dumps(element)
    match action:
        case "X":
            return element is None
        case "Z":
            return element is not None and not value
        case "D":
            changed = bool(value) and value != before and "ORIGINAL" not in text and "Doe" not in text
            return changed or (row.tag == EMPTY_DUMMY and element == {"vr": "SQ"})
        case "U":
            return bool(value) and value[0].startswith("2.25.")
        case "K" if row.vr == "SQ":
            return bool(value == [{"00080060": {"vr": "CS", "Value": ["ORIGINAL"]}, "00100010": {"vr": "PN"}}])
        case "K":
            return bool(value == before)
        case "cleaned":
            return "Doe" not in text and (letters(row.tag) in text or row.tag == IDENTIFYING)
        case "moved":
            assert value
            day, time = (value[0][:8], value[0][8:]) if row.vr != "TM" else ("", value[0])
            return day != "20200102" and len(day) in {0, 8} and time == ("" if row.vr == "DA" else "030405")
        case "pseudonym":
            return bool(value) and value != before and len(value[0]) == 16
        case _:
            assert action == "content cleaned"
            return "Doe" not in text


def model(nodes: Nodes) -> dict[str, dict[str, Any]]:
    """The data set in DICOM JSON."""
    out: dict[str, dict[str, Any]] = {}
    for tag, (vr, content) in nodes.items():
        element: dict[str, Any] = {"vr": vr}
        if isinstance(content, bytes):
            element["InlineBinary"] = base64.b64encode(content).decode()
        elif isinstance(content, list):
            element["Value"] = [model(one) for one in content] if vr == "SQ" else content
        else:
            element["Value"] = [{"Alphabetic": content}] if vr == "PN" else [number_of(vr, str(content))]
        out[f"{tag:08X}"] = element
    return out


def number_of(vr: str, text: str) -> object:
    return {"DS": float, "IS": int}.get(vr, str)(text)


@pytest.mark.parametrize("chosen", CHOICES, ids=lambda chosen: "+".join(OPTIONS[column] for column in chosen) or "none")
def test_every_row(shared: Path, chosen: tuple[str, ...]) -> None:
    """The action is the table's, at the top level and in items, and both encodings have the same outcome."""
    policy = load_policy({"profile": "PS3.15", "options": [OPTIONS[column] for column in chosen]}, KEY)
    # What is kept must not name anybody; what is cleaned loses the name.
    rows = [
        row._replace(original=letters(row.tag))
        if row.vr in TEXTS and row.tag != TIME_ZONE and expected(row, chosen) == "K"
        else row
        for row in table(shared / "standard" / "ps315_e1.json")
    ]
    attributes: Nodes = {row.tag: (row.vr, row.original) for row in rows if row.tag >> 16 != 0xFFFA}
    nodes: Nodes = dict(sorted({**attributes, ITEMS: ("SQ", [attributes])}.items()))

    by_part10 = read(deidentify_instance(instance(encoded(nodes, EXPLICIT)), policy)).to_json_dict()
    by_json: dict[str, Any] = dict(deidentify_metadata([model(nodes)], policy)[0])

    wrong = [
        f"{where} {row.tag:08X} {row.vr} {row.basic}: {action}"
        for row in rows
        for action in [expected(row, chosen)]
        for where, out in (
            ("Part 10", by_part10),
            ("Part 10, nested", by_part10[f"{ITEMS:08X}"]["Value"][0]),
            ("JSON", by_json),
            ("JSON, nested", by_json[f"{ITEMS:08X}"]["Value"][0]),
        )
        if not acted(row, out.get(f"{row.tag:08X}"), action)
    ]
    assert not wrong
    assert comparable(by_part10) == comparable(by_json)
    assert len(rows) > 640


def test_full_and_modified_dates_exclude_each_other() -> None:
    """The pair that is not in the test above is refused."""
    assert len(CHOICES) == 1 + 10 + 45 - 1
