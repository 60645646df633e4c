"""Values as DICOM JSON writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.json_model.values import decode, encode, passed
from dicomveil_engine.methods.base import Values

PAIRS: list[tuple[str, list[object], Values]] = [
    ("LO", ["A", None, "B"], ["A", "", "B"]),
    ("PN", [{"Alphabetic": "Doe^Jane", "Phonetic": "C"}], ["Doe^Jane==C"]),
    ("PN", [{"Ideographic": "B"}, None], ["=B", ""]),
    ("AT", ["00100010"], [0x00100010]),
    ("US", [1, 2], [1, 2]),
    ("FD", [0.5], [0.5]),
    ("IS", [7], ["7"]),
    ("DS", [1.5], ["1.5"]),
    ("DS", [2], ["2"]),
    ("UI", ["1.2.3"], ["1.2.3"]),
]


@pytest.mark.parametrize(("vr", "written", "values"), PAIRS)
def test_both_ways(vr: str, written: list[object], values: Values) -> None:
    """PS3.18 Section F.2.3: numbers as numbers, names in groups, tags in hexadecimal, null for an empty one."""
    assert decode({"vr": vr, "Value": written}, vr, ()) == values
    assert encode(vr, values) == {"vr": vr, "Value": written}


@pytest.mark.parametrize(
    ("vr", "element", "values"),
    [
        ("PN", {"Value": ["Doe^Jane"]}, ["Doe^Jane"]),
        ("IS", {"Value": ["7"]}, ["7"]),
        ("US", {"Value": ["7"]}, [7]),
        ("LO", {"Value": [1.5]}, ["1.5"]),
        ("LO", {"Value": [""]}, []),
        ("LO", {"Value": ["A  "]}, ["A"]),
        ("LO", {}, []),
        ("OB", {}, b""),
        ("OB", {"InlineBinary": "AAE="}, b"\0\1"),
        ("US", {"InlineBinary": "AQACAA=="}, [1, 2]),
        ("LO", {"InlineBinary": "RG9l"}, ["Doe"]),
    ],
)
def test_what_servers_write(vr: str, element: dict[str, object], values: Values) -> None:
    """Plain strings for names and numbers, numbers for texts, Base64 for what they could not read."""
    assert decode({"vr": vr, **element}, vr, ("iso8859",)) == values


@pytest.mark.parametrize(
    ("vr", "element"),
    [
        ("LO", {"Value": "A"}),
        ("LO", {"Value": [{"A": 1}]}),
        ("LO", {"Value": [True]}),
        ("US", {"Value": ["A"]}),
        ("AT", {"Value": ["PatientName"]}),
        ("OB", {"Value": [{"A": 1}]}),
        ("OB", {"InlineBinary": "?"}),
        ("PN", {"Value": [{"Alphabetic": 1.5, "Ideographic": []}]}),
    ],
)
def test_no_values(vr: str, element: dict[str, object]) -> None:
    """What is none of the VR is an error."""
    with pytest.raises(ValueError, match=r"."):
        decode({"vr": vr, **element}, vr, ())


def test_empty() -> None:
    """Without values, an element has only its VR (PS3.18 Section F.2.5)."""
    assert encode("LO", []) == encode("LO", b"") == {"vr": "LO"}
    assert encode("OB", b"\0\1") == {"vr": "OB", "InlineBinary": "AAE="}


@pytest.mark.parametrize(
    ("vr", "element"),
    [
        ("LO", {"Value": ["A", None, "B"]}),
        ("US", {"Value": [1, "2"]}),
        ("FD", {"Value": [float("inf"), "-Infinity"]}),
        ("PN", {"Value": [{"Alphabetic": "Doe^Jane"}, "Doe", None]}),
        ("OB", {"InlineBinary": "AAE="}),
        ("LO", {}),
    ],
)
def test_passed(vr: str, element: dict[str, object]) -> None:
    """What is kept is given back itself."""
    element = {"vr": vr, **element}

    assert passed(element, vr) is element


def test_passed_without_strangers() -> None:
    """Members that the model does not know are left out."""
    assert passed({"vr": "CS", "Value": ["CT"], "keyword": "Doe", "BulkDataURI": "http://"}, "CS") == {
        "vr": "CS",
        "Value": ["CT"],
    }


@pytest.mark.parametrize(
    ("vr", "element"),
    [
        ("CS", {"Value": [{"00100010": {}}]}),
        ("CS", {"Value": {"00100010": {}}}),
        ("CS", {"Value": [["A"]]}),
        ("US", {"Value": ["Doe"]}),
        ("FL", {"Value": ["Doe"]}),
        ("AT", {"Value": ["PatientName"]}),
        ("PN", {"Value": [{"Alphabetic": "A", "Other": "Doe"}]}),
        ("PN", {"Value": [{"Alphabetic": ["Doe"]}]}),
        ("OB", {"InlineBinary": ["Doe"]}),
    ],
)
def test_not_passed(vr: str, element: dict[str, object]) -> None:
    """An object in the place of a text, or a text in that of a number, could be anything."""
    with pytest.raises(ValueError, match=r"."):
        passed({"vr": vr, **element}, vr)


@pytest.mark.parametrize("vr", ["OB", "OD", "OW", "UN"])
def test_a_binary_value_that_is_written_as_numbers_is_left_out(vr: str) -> None:
    """Some servers write them so; what they mean cannot be said, and the rest of the metadata is of use without it."""
    assert decode({"vr": vr, "Value": [1.5, "2"]}, vr, ()) == b""
    assert passed({"vr": vr, "Value": [1.5, "2"]}, vr) == {"vr": vr}
    with pytest.raises(ValueError, match="objects"):
        decode({"vr": vr, "Value": [{"00100010": {"vr": "PN"}}]}, vr, ())


@pytest.mark.parametrize(("written", "values"), [([None], []), ([None, None], ["", ""]), ([""], []), ([], [])])
def test_empty_values(written: list[object], values: Values) -> None:
    """One empty value is none; several have their number."""
    assert decode({"vr": "LO", "Value": written}, "LO", ()) == values


@given(st.text("AB^= \0", max_size=12))
def test_a_name_of_one_group(text: str) -> None:
    """It is read by a shorter way than a name of which other groups are empty, with the same result."""
    values = [
        decode({"vr": "PN", "Value": [name, "X"]}, "PN", ())
        for name in ({"Alphabetic": text}, {"Alphabetic": text, "Phonetic": None}, {"Phonetic": "", "Alphabetic": text})
    ]
    assert values[1:] == [values[0]] * 2


@given(st.text("AB \0", max_size=5), st.sampled_from(["CS", "LO", "PN", "UI", "US", "FD", "AT", "OB"]))
def test_one_text(text: str, vr: str) -> None:
    """It is read by a shorter way than the first of several, in VRs of text only."""
    by_itself: dict[str, object] = {"vr": vr, "Value": [text], "InlineBinary": None}
    one, several = ({"vr": vr, "Value": [text, "B"][:count]} for count in (1, 2))
    results = []
    for element in (one, by_itself, several):
        try:
            results.append(decode(element, vr, ()))
        except ValueError:
            results.append(b"refused")
    assert results[0] == results[1]
    if vr in {"CS", "LO", "PN", "UI"}:
        assert results[0] == [each for each in results[2][:1] if each]


def test_numbers_as_they_are_written() -> None:
    """A whole number is written without a point, as long as it is exact."""
    written = encode("DS", ["2", "100", "-1", "1.5", "1e300", str(2**53)])["Value"]
    assert isinstance(written, list)

    assert [type(number) for number in written] == [int, int, int, float, float, float]


@pytest.mark.parametrize("vr", ["AS", "CS", "DS", "FD", "IS", "LO", "PN", "TM", "UI", "US"])
@pytest.mark.parametrize("inline", ["QUFB", ""])
def test_two_values_are_refused(vr: str, inline: str) -> None:
    """PS3.18 Section F.2.2 allows one of Value and InlineBinary: if both were kept, one would not have been read."""
    element: dict[str, object] = {"vr": vr, "Value": ["Doe"], "InlineBinary": inline}
    with pytest.raises(ValueError, match="InlineBinary and Value"):
        decode(element, vr, ())
    with pytest.raises(ValueError, match="InlineBinary and Value"):
        passed(element, vr)
