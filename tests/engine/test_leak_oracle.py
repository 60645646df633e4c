"""No sentinel comes out: not in bytes, not in JSON, not in an error, a warning or a log line."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest

from dicomveil_engine import EngineError, deidentify_instance, deidentify_metadata
from engine.datasets import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    Nodes,
    body,
    element,
    encoded,
    instance,
    open_sequence,
    preset,
    read,
)
from engine.leak import attributes, broken, leaks, model, part10, planted

PRESETS = ("basic", "default")


def sentinels(name: str) -> Nodes:
    """What is planted for a preset: times of day stay where dates are only moved."""
    return planted(times=name == "basic")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("name", PRESETS)
def test_part10(name: str, syntax: str) -> None:
    """Every attribute of PS3.6 at every depth, private blocks, UN, file meta, preamble and padding."""
    data = part10(sentinels(name), syntax)
    assert len(leaks(data)) > 1500

    assert leaks(deidentify_instance(data, preset(name))) == set()


@pytest.mark.parametrize("name", PRESETS)
def test_json(name: str) -> None:
    """The same data set in DICOM JSON, with the addresses of its bulk data."""
    output = deidentify_metadata([model(sentinels(name))], preset(name))

    assert leaks(json.dumps(output)) == set()
    assert leaks(json.dumps(output, ensure_ascii=False)) == set()


def test_attributes_are_planted() -> None:
    """The oracle covers what PS3.6 has: more than a thousand attributes."""
    assert len(attributes(times=True)) > 900


@pytest.mark.parametrize(
    ("term", "codec", "name"),
    [
        ("ISO_IR 192", "utf-8", "Dœ^Jäne=小狗^小猫"),
        ("GB18030", "gb18030", "Doe^Jane=小东^王五"),
        ("\\ISO 2022 IR 58", "iso_ir_58", "Doe^Jane=张三^小东"),
        ("GBK", "gbk", "Doe^Jane=小东^王五"),
        ("\\ISO 2022 IR 87", "iso2022_jp", "Doe^Jane=山田^太郎"),
        ("\\ISO 2022 IR 149", "euc_kr", "Doe^Jane=洪成^吉洞=홍성^길동"),
        ("ISO_IR 100", "latin_1", "Dåe^Jäne"),
        ("ISO_IR 144", "iso8859_5", "Иванов^Анна"),
    ],
)
@pytest.mark.parametrize("preset_name", PRESETS)
def test_character_sets(preset_name: str, term: str, codec: str, name: str) -> None:
    """A name in its character set leaves free text in the same character set, and nothing else does."""
    written = escaped(name, codec)
    text = b"seen " + written.split(b"^")[0].split(b"=")[0] + b" here"
    for group in written.split(b"="):
        text += b", " + b" ".join(group.split(b"^")) + b" too"
    data = instance(
        element(0x00080005, "CS", term),
        element(0x00100010, "PN", written),
        element(0x00140046, "LT", text),
        element(0x00189346, "SQ", [element(0x00080104, "LO", text)]),
    )
    output = deidentify_instance(data, preset(preset_name))

    for part in name.replace("=", "^").split("^"):
        assert escaped(part, codec) not in output
        assert part.encode() not in output
    assert "here" in read(output)[0x00140046].value


def escaped(text: str, codec: str) -> bytes:
    """Text with the escape sequences of code extensions, where the character set has them."""
    designation = {"euc_kr": b"\x1b$)C", "iso_ir_58": b"\x1b$)A"}.get(codec)
    if designation is None:
        return text.encode(codec)
    return b"^".join(
        b"=".join(one.encode() if one.isascii() else designation + one.encode(codec) for one in part.split("="))
        for part in text.split("^")
    )


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_errors(syntax: str) -> None:
    """A broken instance is refused without a word of what it holds."""
    nodes = {tag: node for tag, node in sentinels("basic").items() if tag >> 16 in {0x0008, 0x0009, 0x0010, 0x0012}}
    nodes = {tag: (vr, value) for tag, (vr, value) in nodes.items() if vr != "SQ"}
    nodes[0x00400555] = ("SQ", [dict(nodes)])
    # What comes out may hold half a word that the damage made, which is nobody's name any more.
    errors = [one for one in map(outcome, broken(part10(nodes, syntax))) if isinstance(one, str)]

    assert set().union(*map(leaks, errors)) == set()
    assert len(errors) > 100


def test_damage_of_a_large_instance() -> None:
    """Half a data set does not come out: what was not walked to its end is not written."""
    data = part10(sentinels("basic"), EXPLICIT)
    outcomes = [outcome(data[:at]) for at in range(600, len(data), len(data) // 60)]

    assert set().union(*map(leaks, outcomes)) == set()


def outcome(data: bytes) -> bytes | str:
    """The output, or all that a log would show of the error."""
    try:
        return deidentify_instance(data, preset("basic"))
    except EngineError as error:
        return "".join(traceback.format_exception(error))


def test_json_errors() -> None:
    """Values that are none of their VR are refused without being repeated."""
    for element_ in (
        {"vr": "CS", "Value": [{"00100010": {"vr": "PN", "Value": ["Sentinelname"]}}]},
        {"vr": "US", "Value": ["Sentinelname"]},
        {"vr": "SENTINEL", "Value": ["Sentinelname"]},
        {"vr": "PN", "Value": [{"Alphabetic": {"Sentinelname": 1}}]},
        {"vr": "UI", "Value": [["Sentinelname"]]},
        {"vr": "SQ", "Value": ["Sentinelname"]},
        {"vr": "OB", "InlineBinary": {"Sentinelname": 1}},
    ):
        for key in ("00080060", "00280010", "00080018", "00081140", "SENTINEL"):
            try:
                output: object = deidentify_metadata([{key: element_}], preset("default"))  # type: ignore[dict-item]
            except EngineError as error:
                output = "".join(traceback.format_exception(error))
            assert leaks(str(output)) == set()


def test_json_members_that_the_model_does_not_know() -> None:
    """Only VR, values and our own addresses come out of an element."""
    element_: dict[str, object] = {
        "vr": "CS",
        "Value": ["CT"],
        "name": "Sentinelname",
        "DataFragment": ["Sentinelname"],
    }
    output = deidentify_metadata([{"00080060": element_}], preset("basic"))

    assert output[0]["00080060"] == {"vr": "CS", "Value": ["CT"]}


@pytest.mark.parametrize(
    "element_",
    [{"Value": [{"00100010": {"vr": "PN", "Value": ["Sentinelname"]}}]}, {"vr": "UN", "InlineBinary": "U0VOVElORUw="}],
)
def test_json_sequences_in_disguise(element_: dict[str, Any]) -> None:
    """An element without its VR, or as UN, is what the dictionary says: its items are rewritten, its bytes go."""
    output = deidentify_metadata([{"00081140": element_}], preset("basic"))

    assert leaks(json.dumps(output)) == set()
    assert "U0VOVElORUw=" not in json.dumps(output)


def test_open_sequences() -> None:
    """Sequences of undefined length leak no more than others."""
    nodes = sentinels("basic")
    data = part10({}, EXPLICIT) + encoded(nodes, EXPLICIT, is_open=True)
    output = deidentify_instance(data, preset("basic"))

    assert leaks(output) == set()
    assert open_sequence(0, b"")[-8:] in body(output)


def test_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the engine nor pydicom beneath it writes a log line; warnings are errors in all tests."""
    logging.getLogger("pydicom").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    for term in ("SENTINEL", "ISO_IR 192\\SENTINEL", "\\ISO 2022 IR 87", "ISO-2022-IR-100", "SENTINEL\\ISO_IR 192"):
        nodes = attributes(times=True)
        head = element(0x00080005, "CS", term)
        deidentify_instance(part10({}, EXPLICIT) + head + encoded(nodes, EXPLICIT), preset("default"))
        deidentify_metadata([{**model(nodes), "00080005": {"vr": "CS", "Value": [term]}}], preset("default"))

    assert caplog.records == []
