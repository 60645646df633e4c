"""How a problem is written."""

from __future__ import annotations

from dicomveil_engine import Problem


def test_a_problem_is_one_line() -> None:
    """Tag, keyword and VR, then where it is, what is wrong, and by which rule."""
    problem = Problem(
        0x00081155, "ReferencedSOPInstanceUID", "UI", "is not a UID", "ReferencedSeriesSequence[1]", "rule 1"
    )

    assert str(problem) == (
        "(0008,1155) ReferencedSOPInstanceUID UI in ReferencedSeriesSequence[1]: is not a UID (by rule 1)"
    )


def test_what_is_unknown_is_left_out() -> None:
    """A private element has no keyword, and without a policy there is no rule."""
    assert str(Problem(0x00091001, "", "LO", "is too long")) == "(0009,1001) LO: is too long"
