"""No text makes a detector slow: no pattern has a repeat within a repeat, and a megabyte is read to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

from dicomveil_engine import text
from dicomveil_engine.text.detectors import detect
from dicomveil_engine.text.reading import Reading
from dicomveil_engine.text.words import IdentifyingWords

parser: Any = import_module("re._parser")

MANY = 1_000
"""Repeats up to this are bounded by the pattern itself."""
PIECES = [
    "1 ",
    "a1-",
    "12. ",
    "(1) ",
    "x@",
    "1:",
    "Mr. A",
    "tel 1 ",
    "rue Doe ",
    "Hospital ",
    "J. Doe/",
    "月1日",
    "김 ",
]


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern of the package, in its modules or in tuples and lists of them."""
    for module in walk_packages(text.__path__, f"{text.__name__}."):
        for name, value in vars(import_module(module.name)).items():
            yield from ((f"{module.name}.{name}", one) for one in _inside(value))


def _inside(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _inside(one)


def _nested(tree: Any, within: bool = False) -> bool:
    """Whether a repeat without a bound stands within another."""
    for operation, argument in tree:
        kind = str(operation)
        if kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            _, most, repeated = argument
            is_open = int(most) > MANY
            if (within and is_open) or _nested(repeated, within or is_open):
                return True
        elif kind == "SUBPATTERN":
            if _nested(argument[-1], within):
                return True
        elif kind == "BRANCH" and any(_nested(branch, within) for branch in argument[1]):
            return True
    return False


def test_there_are_patterns() -> None:
    """The walk finds them, and the check sees what it looks for."""
    assert len(list(patterns())) > 60
    assert _nested(parser.parse(r"(?:a+b*)+c"))
    assert not _nested(parser.parse(r"(?:a{1,9}b*){0,4}c+"))


def test_no_repeat_within_a_repeat() -> None:
    """Nothing without a bound is repeated without a bound."""
    assert [name for name, pattern in patterns() if _nested(parser.parse(pattern.pattern))] == []


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte(piece: str) -> None:
    """Pieces of which each could begin a finding: a pattern that took quadratic time would not come to an end."""
    most = 1_000_000 if piece in {"1 ", "a1-", "月1日"} else 120_000

    detect(Reading((piece * most)[:most] + "\0"))


def test_names_in_a_long_word() -> None:
    """Looking for names within long words is linear, too."""
    words = IdentifyingWords()
    words.add("Roedoemann^Janetta", "PN")

    assert words.findings("roedoemannjanetta" * 20_000)
