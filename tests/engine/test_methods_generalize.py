"""generalize: settings, and which of them counts for which VR."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.errors import ConfigurationError, DeidentificationError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.generalize import Generalize
from dicomveil_engine.pseudonyms.keys import Keys
from engine.datasets import KEY, element, instance, read, rule, rules

KEYS = Keys(KEY)
IN_2020 = Context(study_date="20200301")
OURS = Context(was_deidentified=True)


def generalized(
    vr: str, values: Values, settings: Mapping[str, object] | None = None, context: Context = IN_2020
) -> Values | None:
    """What becomes of one element."""
    return Generalize.from_settings(settings or {}, KEYS).apply(Element(0x00101010, vr, values), context)


def refusal(**settings: object) -> str:
    """Why settings are refused."""
    with pytest.raises(ConfigurationError) as caught:
        Generalize.from_settings(settings, KEYS)
    return str(caught.value)


def test_without_settings_dates_are_years_and_ages_five() -> None:
    """What HIPAA's safe harbor lets pass, and a little less."""
    assert generalized("DA", ["20200229", "", "noon"]) == ["20200101", "", ""]
    assert generalized("DT", ["20200229101530"]) == ["2020"]
    assert generalized("AS", ["043Y", "099Y"]) == ["040Y", "090Y"]


@pytest.mark.parametrize(
    ("settings", "vr", "values", "left"),
    [
        ({"dateTo": "quarter"}, "DA", ["20200229"], ["20200101"]),
        ({"dateTo": "Month"}, "DA", ["20200229"], ["20200201"]),
        ({"DATETO": "WEEK"}, "DA", ["20200229"], ["20200224"]),
        ({"ageBin": 10, "ageCap": 80}, "AS", ["079Y", "085Y"], ["070Y", "080Y"]),
        ({"step": 5}, "DS", ["72.4", "1E2", "Doe", ""], ["70", "100", "", ""]),
        ({"step": "0.1"}, "DS", ["1.73"], ["1.7"]),
        ({"step": 5}, "IS", ["72", "2147483647"], ["70", "2147483645"]),
        ({"step": 100}, "US", [151, 65_535], [200, 65_500]),
        ({"bins": [0, 50, 100]}, "DS", ["-1", "72", "250"], ["0", "50", "100"]),
        ({"bins": [0, 50]}, "SL", [-7, 70], [0, 50]),
        ({"step": 0.5}, "FD", [1.3], [1.5]),
        ({"zipCodes": True}, "LO", ["02115", "Doe"], ["021", ""]),
        ({"zipCodes": True, "restrictedZipCodeTabulationAreas": ["021"]}, "SH", ["02115"], ["000"]),
        ({"values": {"knee": "LEG", "Hip": "LEG"}}, "LO", ["KNEE ", "leg", "LEG", "head"], ["LEG", "", "LEG", ""]),
        ({"values": {"knee": "LEG"}, "otherValues": "keep"}, "CS", ["KNEE", "HEAD"], ["LEG", "HEAD"]),
        ({"values": {"knee": "LEG", "*": "OTHER"}}, "CS", ["KNEE", "HEAD", ""], ["LEG", "OTHER", ""]),
        ({"values": {"043Y": "040Y"}}, "AS", ["043Y"], ["040Y"]),
        ({"values": {"a\\b": " c\\d "}}, "LT", ["A\\B"], ["c\\d"]),
    ],
)
def test_settings(settings: dict[str, object], vr: str, values: Values, left: Values) -> None:
    """Each by its VR; several values keep their places."""
    assert generalized(vr, values, settings) == left


def test_nothing_left_is_zero_length() -> None:
    """Not a row of empty values."""
    assert generalized("AS", ["Doe", "Roe"]) == []


def test_a_long_decimal_fits_its_vr() -> None:
    """At most 16 characters (PS3.5 Table 6.2-1)."""
    assert generalized("DS", ["1E300"], {"step": 7}) == ["1E+300"]
    assert generalized("DS", ["123456789.123456"], {"step": "0.000001"}) == ["123456789.123456"]


def test_numbers_that_are_none_stay() -> None:
    """Infinity says nothing of anybody."""
    assert generalized("FD", [float("inf")], {"step": 1}) == [float("inf")]


def test_single_precision_ends_of_bins() -> None:
    """0.7 in 32 bits is less than 0.7, and still in the bin that begins with it."""
    (seven,) = struct.unpack("<f", struct.pack("<f", 0.7))

    assert generalized("FL", [seven], {"bins": [0, 0.7]}) == [seven]


@pytest.mark.parametrize(
    ("birth", "left"), [("19320615", ["19320101"]), ("19310615", []), ("20250101", ["20250101"]), ("18500101", [])]
)
def test_a_year_that_shows_an_age_over_the_cap_goes(birth: str, left: list[str]) -> None:
    """45 CFR 164.514(b)(2)(i)(C), reckoned at the study; 999 means that no age is too high."""
    assert generalized("DA", [birth]) == left
    assert generalized("DA", [birth], {"ageCap": 999}) == [f"{birth[:4]}0101"]


def test_without_a_study_date_no_date_stays() -> None:
    """No age can be reckoned."""
    assert generalized("DA", ["20200229"], context=Context()) == []
    assert generalized("DT", ["20200229"], context=Context(study_date="noon")) == []


@pytest.mark.parametrize("period", ["Year", "Quarter", "Month", "Week"])
@given(day=st.dates(), study=st.dates(), vr=st.sampled_from(["DA", "DT"]))
def test_a_second_pass_over_dates_changes_nothing(day: object, study: object, vr: str, period: str) -> None:
    """Also where the first one took the StudyDate."""
    context = Context(study_date=str(study).replace("-", ""))
    first = generalized(vr, [str(day).replace("-", "")], {"dateTo": period}, context)

    assert first is not None
    assert generalized(vr, first, {"dateTo": period}, context) == first
    assert generalized(vr, first, {"dateTo": period}, OURS) == first


@given(st.floats(-(2.0**99), 2.0**99, width=32), st.sampled_from([{"step": 0.1}, {"bins": [-0.7, 0.1, 1e7]}]))
def test_a_second_pass_over_numbers_changes_nothing(number: float, settings: dict[str, object]) -> None:
    """Whatever 32 bits make of them."""
    first = generalized("FL", [number], settings)

    assert first is not None
    assert generalized("FL", first, settings) == first


def test_a_second_pass_over_a_chain_changes_nothing() -> None:
    """Where one mapping leads into another, only the first is taken."""
    chain: Mapping[str, object] = {"values": {"A": "B", "B": "C"}}

    assert generalized("LO", ["A"], chain) == ["B"]
    assert generalized("LO", ["B"], chain, OURS) == ["B"]
    assert generalized("LO", ["A"], chain, OURS) == ["B"]


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"dateTo": "Decade"}, '"dateTo" must be one of Year, Quarter, Month, Week'),
        ({"ageBin": -1}, '"ageBin" must be a whole number from 0 to 999'),
        ({"ageBin": 50, "ageCap": 40}, '"ageBin" is wider than "ageCap" is high'),
        ({"step": 0}, '"step" must be more than 0'),
        ({"step": "Doe"}, '"step" must be a number'),
        ({"step": "1e999"}, '"step" must be a number'),
        ({"step": True}, '"step" must be a number'),
        ({"bins": 5}, '"bins" must be an array of numbers'),
        ({"bins": [0]}, '"bins" must have two numbers or more'),
        ({"bins": []}, '"bins" must have two numbers or more'),
        ({"bins": [0, 0]}, 'the numbers in "bins" must rise'),
        ({"bins": [0, "x"]}, '"bins" must be an array of numbers'),
        ({"bins": [0, 1], "step": 1}, '"step" and "bins" are given both; give one'),
        ({"zipCodes": "maybe"}, '"zipCodes" must be true or false'),
        ({"restrictedZipCodeTabulationAreas": ["36"]}, "must hold codes of three digits"),
        ({"restrictedZipCodeTabulationAreas": [36]}, "must be an array of strings"),
        ({"values": {}}, '"values" is empty'),
        ({"values": ["A"]}, '"values" must be an object of strings'),
        ({"values": {"A": 1}}, '"values" must be an object of strings'),
        ({"values": {"a": "B", "A ": "C"}}, "the same value twice"),
        ({"values": {"a": "B"}, "zipCodes": True}, '"values" and "zipCodes" are given both'),
        ({"values": {"*": "B"}, "otherValues": "keep"}, '"otherValues" keeps them'),
        ({"otherValues": "B"}, '"otherValues" must be one of redact, keep'),
    ],
)
def test_nonsense_is_refused(settings: dict[str, object], mend: str) -> None:
    """With the setting, and how to mend it."""
    assert mend in refusal(**settings)


@pytest.mark.parametrize(
    ("tag", "settings", "mend"),
    [
        ("PatientWeight", {}, 'VR DS needs the setting "step" or "bins"'),
        ("Rows", {"step": 0.5}, 'VR US has whole numbers, so "step" and "bins" must be whole too'),
        ("StudyDescription", {"step": 5}, 'VR LO needs the setting "values", or "zipCodes": true'),
        ("PatientSex", {"values": {"M": "male"}}, '"values" has one that is not legal for the VR CS'),
        ("BodyPartExamined", {"values": {"KNEE": "LEG\\FOOT"}}, '"values" has one that is not legal for the VR CS'),
        ("StudyDescription", {"values": {"KNEE": "LEG\\FOOT"}}, '"values" has one that is not legal for the VR LO'),
        ("PatientName", {}, "generalize cannot be applied to VR PN"),
        ("StudyTime", {}, "generalize cannot be applied to VR TM"),
        ("SOPInstanceUID", {}, "generalize cannot be applied to VR UI"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(tag: str, settings: dict[str, object], mend: str) -> None:
    """At load, where its attribute is known."""
    with pytest.raises(ConfigurationError) as caught:
        rules(rule(tag, "generalize", **settings))

    assert mend in str(caught.value)


def test_a_mask_that_meets_what_it_cannot_do_is_refused() -> None:
    """When the instance comes, without its value."""
    with pytest.raises(DeidentificationError) as caught:
        generalized("DS", ["72"])

    assert "72" not in str(caught.value)
    assert 'needs the setting "step" or "bins"' in str(caught.value)


def test_a_bin_beyond_the_vr_is_refused() -> None:
    """The result is not a number of the VR."""
    with pytest.raises(DeidentificationError, match="the result is not a number of that VR"):
        generalized("US", [70_000], {"bins": [0, 66_000]})
    assert generalized("IS", ["3000000000"], {"bins": [0, 3_000_000_000]}) == []


def test_part_10_and_json_agree() -> None:
    """The same data set, whichever way it goes."""
    policy = rules(
        rule("DA", "generalize", dateTo="Month"),
        rule("PatientAge", "generalize"),
        rule("PatientWeight", "generalize", step=5),
        rule("Rows", "generalize", step=100),
    )
    data = instance(
        element(0x00080020, "DA", "20200229"),
        element(0x00101010, "AS", "043Y"),
        element(0x00101030, "DS", "72.4\\81"),
        element(0x00280010, "US", 512),
    )
    [metadata] = deidentify_metadata(
        [
            {
                "00080020": {"vr": "DA", "Value": ["20200229"]},
                "00101010": {"vr": "AS", "Value": ["043Y"]},
                "00101030": {"vr": "DS", "Value": [72.4, 81]},
                "00280010": {"vr": "US", "Value": [512]},
            }
        ],
        policy,
    )

    assert {tag: entry["Value"] for tag, entry in metadata.items()} == {
        "00080020": ["20200201"],
        "00101010": ["040Y"],
        "00101030": [70, 80],
        "00280010": [500],
    }
    assert read(deidentify_instance(data, policy)).to_json_dict() == metadata


def test_default_settings_and_case() -> None:
    """The rule language looks at the case of neither method nor setting."""
    policy = load_policy(
        {
            "profile": "none",
            "defaultSettings": {"GENERALIZE": {"DateTo": "month"}},
            "rules": [{"tag": "StudyDate", "method": "Generalize"}],
        },
        KEY,
    )
    data = instance(element(0x00080020, "DA", "20200229"))

    assert policy.warnings == ()
    assert read(deidentify_instance(data, policy)).StudyDate == "20200201"


@pytest.mark.parametrize(
    ("vr", "value", "left"),
    [
        ("LO", "head of Zebrowski", ""),
        ("LO", "head", "head"),
        ("CS", "ZEBROWSKI", ""),
        ("CS", "not a code", ""),
        ("CS", "HEAD", "HEAD"),
    ],
)
def test_other_values_are_kept_only_if_they_identify_nobody(vr: str, value: str, left: str) -> None:
    """Alike in both encodings, whichever rule keeps them."""
    settings = {"values": {"knee": "LEG"}, "otherValues": "keep"}
    tag = {"LO": 0x00181030, "CS": 0x00180015}[vr]
    policy = rules(rule(vr, "generalize", **settings), rule("PN", "redact"))
    name = element(0x00100010, "PN", "Zebrowski^Quillon")
    output = read(deidentify_instance(instance(name, element(tag, vr, value)), policy))
    (model,) = deidentify_metadata(
        [
            {
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zebrowski^Quillon"}]},
                f"{tag:08X}": {"vr": vr, "Value": [value]},
            }
        ],
        policy,
    )

    assert str(output[tag].value or "") == left
    assert model[f"{tag:08X}"].get("Value", [""]) == [left]
