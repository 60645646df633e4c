"""Every row of PS3.15 Table E.1-1, and the layer by VR beneath it, on data sets in both encodings."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.datadict import DicomDictionary

from dicomveil_engine import Policy, deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import TABLE_E1, Option
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from dicomveil_engine.methods.base import TEXT_VRS
from dicomveil_engine.profile import COMPOUND
from engine.datasets import EXPLICIT, KEY, Nodes, element, encoded, instance, preset, read, rule, rules
from engine.leak import model

PLAIN = rules(rule("PatientID", "redact"), profile="PS3.15")
MODIFIED = rules(rule("PatientID", "redact"), profile="PS3.15", options=["retainLongModifiedDates"])
ITEMS = 0x00189346
"""(0018,9346) CTDI Phantom Type Code Sequence: not in the table, so that its items are kept and rewritten."""

_VALUES: dict[str, object] = {
    **dict.fromkeys(TEXT_VRS, "ORIGINAL"),
    **{vr: [7] for vr in ("SL", "SS", "SV", "UL", "US", "UV")},
    **{vr: [7.5] for vr in ("FD", "FL")},
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), b"ORIGINAL"),
    "AS": "045Y",
    "DA": "20200102",
    "DS": "7.5",
    "DT": "20200102030405",
    "IS": "7",
    "SQ": [{0x00080060: ("CS", "ORIGINAL")}],
    "TM": "030405",
    "UI": "1.2.3.7",
}
ROWS = {
    tag: (vr, COMPOUND.get(row.basic, row.basic), row.options)
    for tag, row in TABLE_E1.rows.items()
    if (vr := dictionary.vr_of(tag)) and tag >> 16 >= 8 and tag not in {0x00100020, 0x04000561, 0xFFFAFFFA, 0xFFFCFFFC}
}
ORIGINAL: Nodes = {tag: (vr, _VALUES[vr]) for tag, (vr, _, _) in sorted(ROWS.items())}
IDS: Nodes = {0x0020000D: ("UI", "1.2.3.7"), 0x00080018: ("UI", "1.2.3.7")}


def deidentified(policy: Policy, nodes: Nodes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data set in JSON, once by way of Part 10 and once as it is."""
    output = deidentify_instance(instance(encoded(nodes, EXPLICIT)), policy)
    by_part10 = read(output).to_json_dict(suppress_invalid_tags=True)
    texts = {tag: (vr, value) for tag, (vr, value) in nodes.items() if not isinstance(value, bytes)}
    return by_part10, deidentify_metadata([model(texts)], policy)[0]


@pytest.mark.parametrize("nested", [False, True])
def test_every_row(nested: bool) -> None:
    """X is absent, Z empty, D another value, U a pseudonym; at the top level and in items."""
    nodes: Nodes = {ITEMS: ("SQ", [ORIGINAL])} if nested else ORIGINAL
    by_part10, by_json = deidentified(PLAIN, {**IDS, **nodes})
    for out in (by_part10, by_json):
        elements = out[f"{ITEMS:08X}"]["Value"][0] if nested else out
        for tag, (vr, code, _) in ROWS.items():
            if isinstance(ORIGINAL[tag][1], str | list) or out is by_part10:
                acted(elements.get(f"{tag:08X}"), tag, vr, code)
    assert len(ROWS) > 600


def acted(element: dict[str, object] | None, tag: int, vr: str, code: str) -> None:
    """Assert that the element is what the action code asks for."""
    name = dictionary.describe(tag, vr)
    value = element.get("Value", element.get("InlineBinary")) if element else None
    if code == "X":
        assert element is None, name
    elif code == "Z":
        assert element is not None, name
        assert not value, name
    elif code == "D":
        assert element is not None, name
        assert value or tag == 0x00081111, name
        assert "ORIGINAL" not in str(element), name
        assert str(value) not in {"[7]", "[7.5]", "['1.2.3.7']", "['20200102']", "['030405']"}, name
    elif code == "U":
        assert value == [preset("basic").pseudonym_uid("1.2.3.7")], name
    else:
        assert code == "K", name
        assert value == [{"00080060": {"vr": "CS", "Value": ["ORIGINAL"]}}], name


def test_modified_dates() -> None:
    """Rows that the option marks C: dates move by one amount, times of day stay, what is not a date as without it."""
    for out in deidentified(MODIFIED, {**IDS, **ORIGINAL}):
        moved = set()
        for tag, (vr, code, options) in ROWS.items():
            element = out.get(f"{tag:08X}")
            if options.get(Option.RETAIN_LONG_MODIFIED_DATES) != "C" or vr not in {"DA", "DT", "TM"}:
                if vr != "SH" and not isinstance(ORIGINAL[tag][1], bytes):
                    acted(element, tag, vr, code)
                continue
            assert element is not None
            value = element["Value"][0]
            assert value.endswith("030405") == (vr != "DA")
            moved |= {value[:8]} if vr != "TM" else set()
        assert len(moved) == 1
        assert moved != {"20200102"}


@pytest.mark.parametrize(
    ("tag", "vr", "expected"),
    [
        (0x00082132, "LO", "clean"),
        (0x0008030C, "UC", "clean"),
        (0x00140046, "LT", "clean"),
        (0x00080100, "SH", "keep"),
        (0x00080060, "CS", "keep"),
        (0x00280010, "US", "keep"),
        (0x00281201, "OW", "keep"),
        (0x00540016, "SQ", "keep"),
        (0x00081150, "UI", "keep"),
        (0x0008010D, "UI", "keep"),
        (0x00081167, "UI", "refreshUID"),
        (0x00287FE0, "UR", "remove"),
        (0x00200060, "CS", "keep"),
        (0x00089998, "LO", "remove"),
        (0x00089998, "UN", "remove"),
        (0x00091001, "US", "remove"),
        (0x00080060, "LO", "remove"),
        (0x00280010, "LT", "remove"),
        (0x00140046, "OB", "remove"),
    ],
)
def test_unlisted_attributes(tag: int, vr: str, expected: str) -> None:
    """What the table does not list is treated by its VR; unknown and private attributes and wrong VRs go."""
    assert TABLE_E1.rows.get(tag) is None
    assert PLAIN.decide(tag, vr).method.name == expected


def test_unlisted_dates() -> None:
    """Dates, times and persons that the table does not list: emptied, and with the option moved or kept."""
    unlisted = {dictionary.vr_of(tag): tag for tag in DicomDictionary if tag >> 16 >= 8 and TABLE_E1.row(tag) is None}
    for policy, dates, times in ((PLAIN, "redact", "redact"), (MODIFIED, "dateShift", "keep")):
        for vr, expected in (("DA", dates), ("DT", dates), ("TM", times), ("PN", "redact"), ("AE", "redact")):
            if vr in unlisted:
                assert policy.decide(unlisted[vr], vr).method.name == expected
    assert {"DA", "DT"} & set(unlisted)


def test_layer_can_be_turned_off() -> None:
    """Without it, what the table does not list stays; private attributes do not."""
    policy = load_policy({"profile": "basic", "unlistedAttributes": "keep"}, KEY)

    assert policy.decide(0x00140046, "LT").method.name == "keep"
    assert policy.decide(0x00091001, "LO").method.name == "remove"


def test_texts_that_may_not_be_empty() -> None:
    """Where cleaning leaves nothing of a text that is Type 1 somewhere, a dummy stands in its place."""
    data = instance(
        element(0x00081090, "LO", "Doe"),  # Manufacturer's Model Name, PS3.3 C.7.5.2
        element(0x00100010, "PN", "Doe^Jane"),
        element(0x00181020, "LO", "Doe"),  # Software Versions, likewise
        element(0x00181251, "SH", "Doe"),  # Transmit Coil Name, PS3.3 C.8.13.5.9
        element(0x00540400, "SH", "Doe"),  # Image ID, Type 3
    )
    dataset = read(deidentify_instance(data, PLAIN))

    assert dataset.ManufacturerModelName == dataset.SoftwareVersions == dataset.TransmitCoilName == "ANONYMOUS"
    assert not dataset.ImageID


def test_repeating_groups() -> None:
    """Curves and overlays go, in each of their groups."""
    for group in (0x5000, 0x5002, 0x501E):
        assert PLAIN.decide(group << 16 | 0x3000, "OW").method.name == "remove"
    for group in (0x6000, 0x601E):
        assert PLAIN.decide(group << 16 | 0x3000, "OW").method.name == "remove"
        assert PLAIN.decide(group << 16 | 0x4000, "LT").method.name == "remove"
        # Overlay Data is Type 1 in the plane, of which nothing can stay without it.
        assert PLAIN.decide(group << 16 | 0x0010, "US").method.name == "remove"


def test_codes_and_classes_exist() -> None:
    """The lists of what a program reads are made of keywords that PS3.6 has."""
    assert len(CODE_ATTRIBUTES) == 4
    assert len(STRUCTURAL_UIDS) > 20


def test_messages_name_the_rows() -> None:
    """A decision says which row or which layer made it."""
    assert PLAIN.decide(0x00100010, "PN").rule == "PS3.15 Table E.1-1: Z"
    assert PLAIN.decide(0x00140046, "LT").rule == "the layer by VR: LT"
    assert MODIFIED.decide(0x00080020, "DA").rule == "PS3.15 Table E.1-1, retainLongModifiedDates: C"
