"""What one detector finds in a text, for the tests of each."""

from __future__ import annotations

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.cleaning import remove, resolve
from dicomveil_engine.text.detectors import DETECTORS
from dicomveil_engine.text.finding import Finding
from dicomveil_engine.text.settings import DEFAULT, TextSettings


def findings(detector: str, text: str, settings: TextSettings = DEFAULT) -> list[Finding]:
    """The findings of a detector, in the text's order and without overlaps."""
    return resolve(DETECTORS[detector](AnalysedText(text, settings)))


def found(detector: str, text: str, settings: TextSettings = DEFAULT) -> list[str]:
    """What it finds, as it is written."""
    return [text[one.start : one.end] for one in findings(detector, text, settings)]


def infotypes(detector: str, text: str) -> list[str]:
    """As what it finds it."""
    return [str(one.infotype) for one in findings(detector, text)]


def left(detector: str, text: str, settings: TextSettings = DEFAULT) -> str:
    """The text without what it finds, until it finds nothing; what it finds in the text after the first time fails."""
    once = remove(text, findings(detector, text, settings))
    assert remove(once, findings(detector, once, settings)) == once, f"twice is not once: {text!r} {once!r}"
    return once
