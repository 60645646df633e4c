"""The key "text": how texts are looked at that are cleaned."""

from __future__ import annotations

from typing import Any

import pytest

from dicomveil_engine import deidentify_metadata, load_policy
from dicomveil_engine.configuration.text import read_cleaning
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.settings import DEFAULT, TextSettings

KEYS = Keys(bytes(32))


def described(text: str, **settings: object) -> str:
    """A description as it comes out under these settings."""
    policy = load_policy({"profile": "default", "options": ["cleanDescriptors"], "text": settings}, bytes(32))
    [dataset] = deidentify_metadata([{"00081030": {"vr": "LO", "Value": [text]}}], policy)
    element: Any = dataset["00081030"]
    return str(element["Value"][0])


def test_settings_are_read() -> None:
    """In any case, and over those of a preset."""
    assert read_cleaning({"Regions": ["de", "AT"]}, DEFAULT, KEYS) == TextSettings(regions=("DE", "AT"))
    assert read_cleaning({"ages": "all"}, TextSettings(regions=("FR",)), KEYS) == TextSettings(("FR",), all_ages=True)


@pytest.mark.parametrize(
    "value", [[], {"regions": "US"}, {"regions": []}, {"regions": ["XQ"]}, {"ages": 90}, {"age": 1}]
)
def test_what_is_wrong_is_refused(value: object) -> None:
    """With the setting's name."""
    with pytest.raises(ConfigurationError, match="text"):
        read_cleaning(value, DEFAULT, KEYS)


def test_regions_have_numbers_of_their_own() -> None:
    """What is a telephone number in Spain is three numbers in the United States."""
    assert described("CT 683 148 738", regions=["ES"]) == "CT"
    assert described("CT 683 148 738", regions=["US"]) == "CT 683 148 738"


def test_all_ages() -> None:
    """Those over 89 are removed anyway."""
    assert described("CT of 95-year-old") == "CT of -year-old"
    assert described("CT of 45-year-old") == "CT of 45-year-old"
    assert described("CT of 45-year-old", ages="all") == "CT of -year-old"
