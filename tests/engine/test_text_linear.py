"""No text makes a detector slow: no pattern has a repeat within a repeat, and a megabyte is read to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from time import process_time
from typing import Any

import pytest

from dicomveil_engine import text
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors import detect
from dicomveil_engine.text.patterns import LatePattern
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
    """Every pattern of the package, compiled or not yet, in its modules or in tuples and lists of them."""
    for module in walk_packages(text.__path__, f"{text.__name__}."):
        for name, value in vars(import_module(module.name)).items():
            yield from ((f"{module.name}.{name}", one) for one in _inside(value))


def _inside(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, LatePattern):
        yield value.compile()
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
    assert len(list(patterns())) > 150
    assert _nested(parser.parse(r"(?:a+b*)+c"))
    assert not _nested(parser.parse(r"(?:a{1,9}b*){0,4}c+"))


def test_no_repeat_within_a_repeat() -> None:
    """Nothing without a bound is repeated without a bound."""
    assert [name for name, pattern in patterns() if _nested(parser.parse(pattern.pattern))] == []


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte(piece: str) -> None:
    """Pieces of which each could begin a finding: a pattern that took quadratic time would not come to an end."""
    most = 1_000_000 if piece in {"1 ", "a1-", "月1日"} else 120_000

    detect(AnalysedText((piece * most)[:most] + "\0"))


def test_names_in_a_long_word() -> None:
    """Looking for names within long words is linear, too."""
    words = IdentifyingWords()
    words.add("Roedoemann^Janetta", "PN")

    assert words.findings("roedoemannjanetta" * 20_000)


SHORTER, LONGER = 16_000, 32_000
"""Characters of a worst case; quadratic time takes half a second for the longer one, linear time a few milliseconds."""
SLACK = 0.04
"""Seconds of the processor, which short runs may differ by."""
_CATEGORIES = {
    "CATEGORY_DIGIT": "1",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "-",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
}


def _sample(tree: Any) -> str:
    """A short text that a parsed pattern, or a part of one, would match, as far as that is easy to say."""
    pieces = []
    for operation, argument in tree:
        kind = str(operation)
        if kind == "LITERAL":
            pieces.append(chr(argument))
        elif kind in {"NOT_LITERAL", "ANY"}:
            pieces.append("a" if argument != ord("a") else "b")
        elif kind == "IN":
            pieces.append(_of_set(argument))
        elif kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            pieces.append(_sample(argument[2]) * max(int(argument[0]), 1))
        elif kind in {"SUBPATTERN", "ATOMIC_GROUP"}:
            pieces.append(_sample(argument[-1] if kind == "SUBPATTERN" else argument))
        elif kind == "BRANCH":
            pieces.append(_sample(argument[1][0]))
    return "".join(pieces)


def _of_set(members: Any) -> str:
    negated = [str(operation) for operation, _ in members][:1] == ["NEGATE"]
    if negated:
        excluded = re.compile("[^\\W\\d_]")
        pattern = [member for member in members if str(member[0]) != "NEGATE"]
        has_words = any(str(operation) == "CATEGORY" and "NOT_WORD" in str(value) for operation, value in pattern)
        return "a" if has_words or not any(excluded.match(_of_set([member])) for member in pattern) else "-"
    operation, value = members[0]
    if str(operation) == "CATEGORY":
        return _CATEGORIES.get(str(value), "a")
    return chr(value[0] if str(operation) == "RANGE" else value)


def _worst(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """What stands before each repeat without a bound, and what it repeats; for each pattern as a whole, too."""
    for at, (operation, argument) in enumerate(tree):
        kind = str(operation)
        if kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            _, most, repeated = argument
            if int(most) > MANY:
                yield before + _sample(tree[:at]), _sample(repeated)
            yield from _worst(repeated, before + _sample(tree[:at]))
        elif kind == "SUBPATTERN":
            yield from _worst(argument[-1], before + _sample(tree[:at]))
        elif kind == "BRANCH":
            for branch in argument[1]:
                yield from _worst(branch, before + _sample(tree[:at]))


def worst_cases(pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    """Beginnings and what is repeated behind them, by the pattern's own structure."""
    tree = parser.parse(pattern.pattern, pattern.flags)
    whole = _sample(tree)
    cases = {("", whole), ("", whole[:-1]), *_worst(tree)}
    return {(before, unit) for before, unit in cases | {("", unit) for _, unit in cases} if unit}


def _seconds(pattern: re.Pattern[str], before: str, unit: str, length: int) -> float:
    text = before + (unit * (length // len(unit) + 1))[:length] + "\0"
    start = process_time()
    for _ in pattern.finditer(text):
        pass
    return process_time() - start


def is_linear(pattern: re.Pattern[str], before: str, unit: str) -> bool:
    """Whether twice as much takes about twice the time of the processor, of three tries."""
    for _ in range(3):
        short = _seconds(pattern, before, unit, SHORTER)
        if _seconds(pattern, before, unit, LONGER) <= 3 * short + SLACK:
            return True
    return False


def test_worst_cases_are_found() -> None:
    """Of a pattern in quadratic time the worst case is made, and seen for what it is."""
    slow = re.compile(r"[a-z]+@")

    assert ("", "a") in worst_cases(slow)
    assert not is_linear(slow, "", "a")
    assert is_linear(re.compile(r"(?<![a-z])[a-z]{1,64}@"), "", "a")


def test_each_pattern_on_its_own_worst_cases() -> None:
    """Twice the text takes twice the time, whatever a text repeats."""
    slow = {
        (name, before, unit)
        for name, pattern in patterns()
        for before, unit in worst_cases(pattern)
        if not is_linear(pattern, before, unit)
    }

    assert slow == set()
