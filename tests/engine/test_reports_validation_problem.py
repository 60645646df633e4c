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
    """Without a policy there is no rule, and an unknown tag or VR may be bytes of a value: it is not shown."""
    assert str(Problem(0x00091001, "", "LO", "is too long")) == "a private element: is too long"
    assert str(Problem(0x00089999, "", "LO", "is too long")) == "an unknown element: is too long"
    assert str(Problem(0x00080070, "Manufacturer", "DO", "has an unknown VR")).endswith(
        "Manufacturer: has an unknown VR"
    )
    assert str(Problem(0x00091001, "", "LO", "is too long", rule="rule 1")) == "(0009,1001) LO: is too long (by rule 1)"
