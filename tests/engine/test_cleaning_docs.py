"""The page on cleaning says what the engine does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.configuration import jsonc
from engine.datasets import KEY, element, instance, read

PAGE = (Path(__file__).parents[2] / "docs" / "cleaning.md").read_text(encoding="utf-8")
CLEAN = load_policy({"profile": "basic", "options": ["cleanDescriptors"]}, KEY)

_SAMPLE = re.compile(r"```json\n(.*?)```", re.DOTALL)
_TWO = re.compile(r"^\| `([^|`]+)` \| `([^|`]+)` \|$", re.MULTILINE)
_THREE = re.compile(r"^\| `([^|`]+)` \| `([^|`]+)` \| `([^|`]+)` \|$", re.MULTILINE)


def described(patient: str, description: str) -> str:
    """The StudyDescription that is left."""
    data = instance(
        element(0x00080020, "DA", "20240229"),
        element(0x00081030, "LO", description),
        element(0x00100010, "PN", patient),
        element(0x0020000D, "UI", "1.2.3"),
    )
    return str(read(deidentify_instance(data, CLEAN)).StudyDescription)


@pytest.mark.parametrize("sample", _SAMPLE.findall(PAGE))
def test_every_sample_loads(sample: str) -> None:
    """Without a warning."""
    document = jsonc.parse(sample)
    assert isinstance(document, dict)

    assert load_policy(document, KEY).warnings == ()


@pytest.mark.parametrize(("before", "after"), _TWO.findall(PAGE))
def test_texts(before: str, after: str) -> None:
    """For the study that the page speaks of."""
    assert described("Doe^Jane", before) == after


@pytest.mark.parametrize(("patient", "before", "after"), _THREE.findall(PAGE))
def test_names_that_are_words(patient: str, before: str, after: str) -> None:
    """They go, and descriptions stay."""
    assert described(patient, before) == after


def test_the_page_has_samples() -> None:
    """The patterns above still find them."""
    assert (len(_SAMPLE.findall(PAGE)), len(_TWO.findall(PAGE)), len(_THREE.findall(PAGE))) == (6, 5, 5)
