"""remove."""

from __future__ import annotations

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.remove import Remove


def test_the_element_goes() -> None:
    """None stands for no element, also for a sequence."""
    remove = Remove()

    assert remove.apply(Element(0x00100010, "PN", ["Doe^Jane"]), Context()) is None
    assert remove.supports("SQ")
