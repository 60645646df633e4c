"""What stands in the place of findings: by infotype, by attribute, legal for the VR, and the same when done twice."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, deidentify_metadata, load_policy

KEY = b"k" * 32
HEADER: dict[str, Any] = {
    "00080020": {"vr": "DA", "Value": ["20200312"]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
}


def changed(
    text: str, choices: list[dict[str, object]], keyword: str = "00081030", vr: str = "LO", **more: object
) -> Any:
    """The data set, de-identified, and the text."""
    document = {"profile": "default", "options": ["cleanDescriptors"], "text": {"transformations": choices, **more}}
    policy = load_policy(document, KEY)
    [dataset] = deidentify_metadata([{**HEADER, keyword: {"vr": vr, "Value": [text]}}], policy)
    [again] = deidentify_metadata([dict(dataset)], policy)
    assert again == dataset, "twice is once"
    element: Any = dataset[keyword]
    return dataset, str(element["Value"][0]) if "Value" in element else ""


@pytest.mark.parametrize(
    ("choices", "text", "expected"),
    [
        ([{"method": "remove"}], "CT Jane Doe head", "CT head"),
        ([{"method": "infoType"}], "CT Jane Doe head", "CT [PERSON_NAME] head"),
        ([{"method": "mask"}], "CT Jane Doe head", "CT ******** head"),
        ([{"method": "mask", "maskWith": "#"}], "head Doe", "head ###"),
        (
            [{"infoTypes": ["PERSON_NAME"], "method": "keep"}, {"method": "infoType"}],
            "CT Doe 2020-01-02",
            "CT Doe [DATE]",
        ),
        ([{"infoTypes": ["CTX"], "method": "infoType"}], "CT Jane Doe 2021-01-02", "CT [CTX]"),
        (
            [{"tags": ["StudyDescription"], "method": "mask"}, {"method": "infoType"}],
            "CT Doe",
            "CT ***",
        ),
        ([{"tags": ["SeriesDescription"], "method": "mask"}], "CT Doe", "CT"),
        ([{"tags": ["SH"], "method": "infoType"}, {"tags": ["LO"], "method": "mask"}], "CT Doe", "CT ***"),
        ([{"tags": ["LO"], "method": "mask"}, {"tags": ["StudyDescription"], "method": "remove"}], "CT Doe", "CT"),
        ([{"method": "redact"}], "CT Doe", "CT"),
        ([{"method": "substitute", "replaceWith": "NAME"}], "CT Doe 2020-01-02", "CT NAME NAME"),
        ([{"infoTypes": ["DATE"], "method": "generalize"}], "CT 12 Mar 2020", "CT 2020"),
        ([{"infoTypes": ["DATE"], "method": "generalize", "dateTo": "Month"}], "CT 03/12/2020", "CT 2020-03"),
        ([{"infoTypes": ["DATE"], "method": "generalize", "dateTo": "Week"}], "CT 20200312", "CT 2020-03-09"),
        ([{"infoTypes": ["DATE"], "method": "generalize", "dateTo": "Quarter"}], "CT 2020-03-12", "CT 2020-01"),
        ([{"infoTypes": ["AGE"], "method": "generalize"}], "CT 97 y/o", "CT 90 y/o"),
    ],
)
def test_each_way(choices: list[dict[str, object]], text: str, expected: str) -> None:
    """As the policy says, and removed where it says nothing."""
    assert changed(text, choices)[1] == expected


def test_dates_move_with_the_instance() -> None:
    """By the days of the study's own dates, in the notation that they have."""
    dataset, text = changed("CT 12 Mar 2020, 20200312", [{"infoTypes": ["DATE"], "method": "dateShift"}])
    element: Any = dataset["00080020"]
    day = element["Value"][0]

    assert text.endswith(day)
    assert re.fullmatch(r"CT \d\d [A-Z][a-z]{2} 20(19|20), \d{8}", text)


def test_hash_is_shortened_or_removed() -> None:
    """A value stays legal for its VR."""
    hashes: list[dict[str, object]] = [{"method": "cryptoHash"}]
    _, whole = changed("CT Doe", hashes)
    _, short = changed("CT Doe, Jane Doe then 2020-01-02 and 2020-01-03", hashes)
    _, none = changed("SE Doe 2020-01-02", hashes, "00180024", "SH")

    assert re.fullmatch(r"CT [A-Za-z0-9+/]{43}=", whole)
    assert re.search(r"#[A-Z2-7]{10}", short)
    assert len(short) <= 64
    assert len(none) <= 16


def test_brackets_of_a_patient_are_not_believed() -> None:
    """Only infotypes in brackets are left alone."""
    assert changed("CT [DOE] [DATE]", [{"method": "infoType"}])[1] == "CT [[PERSON_NAME]] [DATE]"


def test_kept_infotype_protects_no_more_than_itself() -> None:
    """What is found beside it and reaches further is removed as a whole."""
    _, text = changed("Dr Doe 2020-01-02 jane.doe@example.org", [{"infoTypes": ["PERSON_NAME"], "method": "keep"}])

    assert "@" not in text
    assert "2020" not in text


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"method": "shout"},
        {"method": "mask", "maskWith": "ab"},
        {"method": "mask", "maskWith": "\\"},
        {"method": "remove", "maskWith": "#"},
        {"method": "dateShift"},
        {"method": "dateShift", "infoTypes": ["PERSON_NAME"]},
        {"method": "remove", "infoTypes": ["PERSON_NAMES"]},
        {"method": "remove", "tags": ["LX"]},
        {"method": "perturb", "infoTypes": ["DATE"]},
        {"method": "perturb"},
        {"method": "generalize", "infoTypes": ["PERSON_NAME"]},
        {"method": "generalize", "infoTypes": ["DATE"], "dateTo": "Century"},
        {"method": "encrypt", "encryptKey": "short"},
        {"method": "substitute", "replaceWith": ""},
        {"method": "substitute", "span": 1},
        {"method": "remove", "tag": ["LO"]},
    ],
)
def test_wrong_choices_are_refused(choice: dict[str, object]) -> None:
    """With the setting's name."""
    with pytest.raises(ConfigurationError, match=r'"text"'):
        changed("CT", [choice])


def test_own_infotypes() -> None:
    """Words, and patterns in linear time; what is not an expression of RE2 is refused."""
    words = {"name": "PROJECT", "words": ["Blue Whale"]}
    pattern = {"name": "CODE", "regex": r"XY-(\d+)", "groups": [1]}
    _, text = changed("CT blue whale XY-77 \u00e4 XY-78", [{"method": "infoType"}], customInfoTypes=[words, pattern])

    assert text == "CT [PROJECT] XY-[CODE] \u00e4 XY-[CODE]"
    for wrong in (
        {"name": "A", "regex": "("},
        {"name": "A", "regex": r"(a)\1"},
        {"name": "a", "words": ["b"]},
        {"name": "A"},
        {"name": "A", "words": ["-"]},
        {"name": "A", "regex": "a", "groups": [2]},
        {"name": "A", "list": "/nowhere"},
    ):
        with pytest.raises(ConfigurationError, match="customInfoTypes"):
            changed("CT", [], customInfoTypes=[wrong])
