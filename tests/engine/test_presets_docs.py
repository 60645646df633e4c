"""The pages on presets and on coarser values say what the engine does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.attributes.dictionary import tag_of, vr_of
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.configuration.presets import PRESETS
from engine.datasets import KEY, element, instance, read

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "presets.md").read_text(encoding="utf-8")
_, _, COARSER = (DOCS / "policy.md").read_text(encoding="utf-8").partition("### Coarser values\n")

_SAMPLE = re.compile(r"```json\n(.*?)```", re.DOTALL)
_ROW = re.compile(r"^\| (\w+) \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)


def test_every_preset_has_its_row() -> None:
    """In the order of the code."""
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE) == list(PRESETS)


@pytest.mark.parametrize("sample", _SAMPLE.findall(PAGE))
def test_every_sample_loads(sample: str) -> None:
    """Without a warning."""
    document = jsonc.parse(sample)
    assert isinstance(document, dict)

    assert load_policy(document, KEY).warnings == ()


def test_an_address_keeps_three_digits() -> None:
    """By the rule that the page gives."""
    document = jsonc.parse(_SAMPLE.findall(PAGE)[-1])
    assert isinstance(document, dict)
    data = instance(element(0x00080008, "CS", "A\\B"), element(0x00101040, "LO", "1 Main Street, Boston MA 02115"))

    assert read(deidentify_instance(data, load_policy(document, KEY))).PatientAddress == "021"


def test_coarser_values() -> None:
    """Each row of the page's table, by the rules above it."""
    document = jsonc.parse(_SAMPLE.findall(COARSER)[0])
    assert isinstance(document, dict)
    rows = _ROW.findall(COARSER)
    attributes = {tag_of(keyword) or 0: before for keyword, before, _ in rows} | {0x00080020: "20240229"}
    data = instance(*(element(tag, vr_of(tag) or "", value) for tag, value in sorted(attributes.items())))
    output = read(deidentify_instance(data, load_policy(document, KEY)))

    assert len(rows) == 6
    assert {keyword: str(output[keyword].value) for keyword, _, _ in rows} == {row[0]: row[2] for row in rows}
