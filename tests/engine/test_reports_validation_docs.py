"""The page on validation says what the engine finds."""

from __future__ import annotations

import re
from pathlib import Path

from dicomveil_engine import validate_output
from dicomveil_engine.reports.validation.value import LONGEST
from engine.datasets import CT_IMAGE, element, instance, rule, rules

PAGE = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")


def problems(*elements: bytes) -> list[str]:
    """What is wrong with an instance that keeps its Modality by a rule."""
    policy = rules(rule("Modality", "keep"))
    identity = (element(0x00080016, "UI", CT_IMAGE), element(0x00080018, "UI", "1.2.3"))
    return [str(problem) for problem in validate_output(instance(*identity, *elements), policy)]


def test_the_message_of_the_page() -> None:
    """As it stands there."""
    match = re.search(r"```text\n(.*?)\n```", PAGE)

    assert match
    assert problems(element(0x00080060, "CS", "ct")) == [match[1]]


def test_the_examples_are_not_legal() -> None:
    """Each is one problem."""
    tags = {"DA": 0x00080020, "AS": 0x00101010, "TM": 0x00080030}
    examples = re.findall(r"`([^`]+)` as (DA|AS|TM)", PAGE)

    assert len(examples) == 3
    for example, vr in examples:
        assert len(problems(element(tags[vr], vr, example))) == 1


def test_the_longest_values() -> None:
    """The numbers of the page are those of the code."""
    (line,) = re.findall(r"^\| Longest value \| (.*?) characters;", PAGE, re.MULTILINE)
    documented = {vr: int(number) for part in line.split(", ") for *vrs, number in [part.split()] for vr in vrs}

    assert documented == LONGEST
