"""Everything is covered but what is positively technique; what the header or a detector knows beats that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.configuration.pixels import read_pixels
from dicomveil_engine.pixels.judge import Words, is_technique, sensitive, words_of
from dicomveil_engine.text.spelling import fold
from engine.datasets import KEY
from engine.pixel_instances import instance, written

SENSITIVE = read_pixels({"text": "sensitiveText"})
WORDS = Words((("Doe^Jane", "PN"), ("PATIENT-1", "LO")), ("Head follow-up",))


@pytest.mark.parametrize(
    "text",
    ["kVp 120", "SL 5.0 mm", "SL5.0mm", "W 400 C 40", "L", "AP SUPINE", "Gain 62", "1.06 cm", "TE 14 ms", "FR 32Hz",
     "T1 SAG", "MI: 0.8", "Zoom 120%", "RCC"],
)  # fmt: skip
def test_technique(text: str) -> None:
    """Known words and units, with short numbers; blanks may be missing."""
    assert is_technique(fold(text))
    assert not sensitive([text], WORDS, SENSITIVE)


@pytest.mark.parametrize(
    "text",
    ["", "Doe, Jane", "DOEJANE", "PATIENT-1", "Op: R. Morkovin", "12.03.1950", "08:45:12", "1234567", "12345",
     "ID 7719934", "Smith", "kVp 120 Smith", "Mercy Imaging", "\u4e2d\u6587", "62"],
)  # fmt: skip
def test_everything_else_is_sensitive(text: str) -> None:
    """Names, numbers alone, dates, other scripts, and what could not be read."""
    assert sensitive([text], WORDS, SENSITIVE)


def test_one_reading_that_identifies_is_enough() -> None:
    """Readings of several pictures are weighed against the line."""
    assert not sensitive(["kVp 120", "kb 12o"], WORDS, SENSITIVE)
    assert sensitive(["kVp 120", "Jane 120"], WORDS, SENSITIVE)
    assert sensitive([], WORDS, SENSITIVE)


def test_settings() -> None:
    """Descriptions, patterns and infotypes of the policy."""
    descriptors = read_pixels({"text": "sensitiveTextCleanDescriptors"})
    pattern = read_pixels({"text": "sensitiveText", "customRegexes": [{"pattern": "k(V)p", "groupIndexes": [1]}]})
    dates = read_pixels({"text": "sensitiveText", "excludeInfoTypes": ["DATE"]})

    assert not sensitive(["HEAD"], WORDS, SENSITIVE)
    assert sensitive(["HEAD"], WORDS, descriptors)
    assert sensitive(["kVp 120"], WORDS, pattern)
    assert not sensitive(["Gain 5 dB"], WORDS, pattern)
    assert sensitive(["12.03.1950"], WORDS, SENSITIVE)
    assert not sensitive(["12.03.1950"], WORDS, dates)
    assert sensitive(["Doe 12.03.1950"], WORDS, dates)


def test_settings_for_texts() -> None:
    """Ages and the regions of telephone numbers are those of the policy's key "text"."""
    policy = load_policy({"profile": "PS3.15", "pixels": {"text": "sensitiveText"}, "text": {"ages": "all"}}, KEY)
    french = replace(SENSITIVE, regions=("FR",))

    assert sensitive(["SL 45 M"], WORDS, policy.pixels)
    assert not sensitive(["SL 45 M"], WORDS, SENSITIVE)
    assert WORDS.identifying(french).settings.regions == ("FR",)
    assert WORDS.identifying(SENSITIVE).settings.regions == ("US",)


def test_words_of_an_instance() -> None:
    """All names and identifiers of the header, at every depth."""
    words = words_of(instance([written()], StudyDescription="Head", OperatorsName="Roe^Richard"))

    assert ("Doe^Jane", "PN") in words.values
    assert ("Roe^Richard", "PN") in words.values
    assert words.descriptions == ("Head",)


def test_an_uncertain_reading_identifies_but_is_not_technical() -> None:
    """A name upside down is read as a few numbers; a name that is read badly is a name."""
    assert sensitive([], WORDS, SENSITIVE, ["kVp 120"])
    assert sensitive(["kVp 120"], WORDS, SENSITIVE, ["Jane 120"])
    assert not sensitive(["kVp 120"], WORDS, SENSITIVE, ["kb 12o"])
