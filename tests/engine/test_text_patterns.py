"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from dicomveil_engine.text import patterns
from dicomveil_engine.text.patterns import compile_all, late_pattern


@pytest.fixture(autouse=True)
def only_those_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns that a test makes are not compiled with the engine's own."""
    monkeypatch.setattr(patterns, "_MADE", [])


def test_a_pattern_does_what_a_compiled_one_does() -> None:
    """Each method, the first time and later, and attributes."""
    late, compiled = late_pattern(r"(?P<a>\d+)b", re.IGNORECASE), re.compile(r"(?P<a>\d+)b", re.IGNORECASE)
    for _ in range(2):
        for method in ("match", "search", "fullmatch"):
            assert getattr(late, method)("12B").span("a") == getattr(compiled, method)("12B").span("a")
        assert [found.span() for found in late.finditer("1b 22b")] == [(0, 2), (3, 6)]
        assert (late.findall("1b 2B"), late.split("x1by"), late.sub("-", "1b")) == (["1", "2"], ["x", "1", "y"], "-")
        assert (late.pattern, late.flags, late.groupindex) == (compiled.pattern, compiled.flags, compiled.groupindex)


def test_nothing_is_compiled_before_it_is_used() -> None:
    """A pattern that is wrong says so then."""
    late = late_pattern("(")

    with pytest.raises(re.error):
        late.search("")


def test_all_are_compiled_when_that_is_asked_for() -> None:
    """What is asked for afterwards compiles nothing."""
    late = late_pattern("a")
    compile_all()

    assert "finditer" in vars(late)


def test_the_engines_own_patterns_compile() -> None:
    """All of them: no text may be the first to find a fault. And their import compiles none."""
    program = (
        "from dicomveil_engine.text import detectors, patterns\n"
        "print(sum('finditer' in vars(each) for each in patterns._MADE))\n"
        "patterns.compile_all()\n"
        "print(len(patterns._MADE) > 50)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["0", "True"]
