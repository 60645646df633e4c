"""Part 10 refuses if and only if DICOM JSON does: illegal values, VRs that lie, lengths that are not defined."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import EngineError, JSONDataSet, Policy, deidentify_instance, deidentify_metadata
from engine.datasets import BIG, DEFLATED, EXPLICIT, Nodes, encoded, generated, instance, preset, rule, rules
from engine.test_json_model_commutation import comparable, to_json

POLICIES: dict[str, Policy] = {
    "basic": preset("basic"),
    "default": preset("default"),
    "rules": rules(
        rule("CS", "keep"),
        rule("PatientAge", "redact", enablePartialAgesForRedact=True),
        rule("DS", "perturb"),
        rule("(0009,xx01:EXAMPLE)", "keep"),
        rule("ImageComments", "keep"),
        profile="basic",
    ),
    "private": rules(
        rule("(0009,xx02:EXAMPLE)", "remove"),
        profile="default",
        options=["retainSafePrivate", "retainLongModifiedDates"],
    ),
}
_TEXTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UR", "UT")
_VALUES = st.sampled_from(
    [
        *(
            "Doe^Jane",
            "PATIENT-1",
            "20200102",
            "1.2.3",
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.840.10008.5.1.4.1.1.2.20200102",
        ),
        *("HEAD", "ORIGINAL\\Doe\\AXIAL", "1.5", "1\\Doe", "12-03-1931", "123456", "-1e3", "045Y", "101112", "+0100"),
        *("", "ISO_IR 100", "http://example.org/Doe", "seen by Doe", "x" * 70, "4.0"),
    ]
)
_TAGS = (
    *(0x00080005, 0x00080008, 0x00080016, 0x00080018, 0x00080030, 0x00080060, 0x00080201, 0x00081155, 0x00100010),
    *(0x00100020, 0x00101010, 0x00101030, 0x00180015, 0x0020000D, 0x00200013, 0x00204000, 0x00281201, 0x00091001),
)
_IDS = frozenset((0x00080005, 0x00100010, 0x00100020))
_lies = st.dictionaries(st.sampled_from(_TAGS), st.tuples(st.sampled_from(_TEXTS), _VALUES), max_size=5)
_bytes = st.fixed_dictionaries(
    {},
    optional={0x00281201: st.tuples(st.just("OB"), st.sampled_from([b"Doe^Jane", b"\xfe\xff\x00\xe0\0\0\0\0"]))},
)
_nested = st.fixed_dictionaries({}, optional={0x00081140: st.tuples(st.just("SQ"), st.lists(_lies, max_size=2))})


@given(
    generated,
    _lies,
    _bytes,
    _nested,
    st.sampled_from([EXPLICIT, BIG, DEFLATED]),
    st.booleans(),
    st.sampled_from(sorted(POLICIES)),
)
def test_both_refuse_or_both_have_the_same_output(
    nodes: Nodes, lies: Nodes, binary: Nodes, nested: Nodes, syntax: str, is_open: bool, name: str
) -> None:
    """Whatever an attribute's VR and value are."""
    every: Nodes = dict(sorted({**nodes, **nested, **lies, **binary}.items()))
    data = instance(encoded(every, syntax, is_open=is_open), syntax=syntax)
    by_part10, why = outcome(lambda: deidentify_instance(data, POLICIES[name]))
    by_json, why_not = outcome(lambda: deidentify_metadata([model(every)], POLICIES[name])[0])

    assert (by_part10 is None) == (by_json is None), (why, why_not)
    if by_part10 is not None:
        assert comparable(padded(by_json)) == comparable(padded(to_json(by_part10)))


def outcome(act: Any) -> tuple[Any, str]:
    """What comes out, or why nothing does."""
    try:
        return act(), ""
    except EngineError as error:
        return None, str(error)


def model(nodes: Nodes) -> dict[str, Any]:
    """The elements in JSON, as a server writes them that does not look at values."""
    return {f"{tag:08X}": _element(vr, value) for tag, (vr, value) in nodes.items()}


def _element(vr: str, value: Any) -> dict[str, Any]:
    if vr == "SQ":
        return {"vr": vr, "Value": [model(one) for one in value]}
    if isinstance(value, bytes):
        padding = b"\0" * (len(value) % 2)
        return {"vr": vr, "InlineBinary": base64.b64encode(value + padding).decode()} if value else {"vr": vr}
    if vr == "AT":
        return {"vr": vr, "Value": [f"{one:08X}" for one in value]}
    texts = value.split("\\") if isinstance(value, str) and vr not in {"LT", "ST", "UR", "UT"} else value
    written = [texts] if isinstance(texts, str) else list(texts)
    if vr == "PN":
        groups = ("Alphabetic", "Ideographic", "Phonetic")
        written = [dict(zip(groups, one.split("="), strict=False)) for one in written]
    return {"vr": vr, "Value": written} if any(one not in ("", {}) for one in written) else {"vr": vr}


def padded(element: Any) -> Any:
    """Numbers in text as numbers, and texts without padding: how they are written is each writer's choice."""
    if isinstance(element, list):
        inside = [padded(one) for one in element]
        return inside if any(one not in ("", None) for one in inside) else []
    if isinstance(element, dict):
        return {
            key: [_number(one) for one in value]
            if key == "Value" and element.get("vr") in {"DS", "IS"}
            else padded(value)
            for key, value in element.items()
        }
    return element.rstrip(" \0") if isinstance(element, str) else element


def _number(value: Any) -> Any:
    return None if value in (None, "") else float(value)


def test_a_name_in_a_member_that_is_none_of_a_names_is_refused() -> None:
    """Texts could not be cleaned of it."""
    dataset: JSONDataSet = {
        "00100010": {"vr": "PN", "Value": [{"Al": "Zebrowski"}]},
        "00080010": {"vr": "LO", "Value": ["of Zebrowski"]},
    }
    with pytest.raises(EngineError, match="PatientName"):
        deidentify_metadata([dataset], preset("default"))
