"""From findings to a clean text."""

from __future__ import annotations

import pytest

from dicomveil_engine.text.cleaning import remove, replace, resolve
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood


def finding(
    start: int, end: int, infotype: Infotype = Infotype.DATE, likelihood: Likelihood = Likelihood.LIKELY
) -> Finding:
    return Finding(start, end, infotype, likelihood, "because")


def test_what_overlaps_becomes_one() -> None:
    """It covers both, and the more likely one says what it is."""
    name = finding(5, 12, Infotype.PERSON_NAME, Likelihood.VERY_LIKELY)

    [one] = resolve([finding(0, 8), name])

    assert (one.start, one.end, one.infotype) == (0, 12, Infotype.PERSON_NAME)


def test_of_two_equally_likely_ones_the_longer_counts() -> None:
    """A date in a file's name is a part of it."""
    [one] = resolve([finding(3, 5), finding(0, 9, Infotype.URL)])

    assert one.infotype is Infotype.URL


def test_findings_stay_in_order_and_empty_ones_go() -> None:
    """Side by side they are two."""
    assert resolve([finding(4, 6), finding(2, 2), finding(0, 4)]) == [finding(0, 4), finding(4, 6)]


@pytest.mark.parametrize(
    ("text", "spans", "left"),
    [
        ("T1 Doe ax", [(3, 6)], "T1 ax"),
        ("Doe, Jane T1", [(0, 3), (5, 9)], "T1"),
        ("T1Doeax", [(2, 5)], "T1 ax"),
        ("a\nDoe\nb", [(2, 5)], "a\n\nb"),
        ("Doe", [(0, 3)], ""),
        ("(Doe)", [(1, 4)], "()"),
    ],
)
def test_remove(text: str, spans: list[tuple[int, int]], left: str) -> None:
    """One blank stays where there was any, or where two words would meet; line breaks stay."""
    assert remove(text, [finding(*span) for span in spans]) == left


def test_replace() -> None:
    """What a transformation gives stands in the finding's place; nothing removes it."""
    findings = [finding(0, 3, Infotype.PERSON_NAME), finding(7, 11)]

    assert replace("Doe on 2020 x", findings, lambda _, one: f"[{one.infotype}]") == "[PERSON_NAME] on [DATE] x"
    assert replace("Doe on 2020 x", findings, lambda text, _: "*" * len(text)) == "*** on **** x"
    assert replace("Doe on 2020 x", findings, lambda text, one: "" if one.start else text) == "Doe on x"
