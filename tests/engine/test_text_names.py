"""How names may be written in free text."""

from __future__ import annotations

import pytest

from dicomveil_engine.text.names import initials_of, joined, with_initials

INITIALS = initials_of(["doe", "jane", "rose"])


@pytest.mark.parametrize(
    ("text", "widened"),
    [
        ("ct j. doe ax", "j. doe"),
        ("ct doe, j r ax", "doe, j r"),
        ("j.r. doe", "j.r. doe"),
        ("doe jr.", "doe jr."),
        ("t1 doe x", "doe"),
        ("doe j2", "doe"),
        ("raj doe", "doe"),
    ],
)
def test_initials_beside_a_name(text: str, widened: str) -> None:
    """Whole tokens of up to three letters that are all initials, on either side."""
    at = text.index("doe")
    start, end = with_initials(text, (at, at + 3), INITIALS)

    assert text[start:end] == widened


def test_initials_of_parts() -> None:
    """The first letter of each part that begins with one."""
    assert initials_of(["doe", "jane", "3"]) == {"d", "j"}


def test_joined() -> None:
    """Any two parts run together; one of three letters and more with the initial of another."""
    assert set(joined(["doe", "li"])) == {"doeli", "lidoe", "doel", "ldoe"}
    assert set(joined(["doe", "c", "t"])) == {"doec", "cdoe", "doet", "tdoe"}
