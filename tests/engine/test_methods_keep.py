"""keep."""

from __future__ import annotations

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.keep import Keep


def test_values_stay_as_they_came() -> None:
    """The very same values come back, of whatever VR."""
    keep = Keep()
    element = Element(0x00080060, "CS", ["MR"])

    assert keep.apply(element, Context()) is element.values
    assert keep.supports("SQ")
