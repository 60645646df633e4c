"""clean, where something has to stay."""

from __future__ import annotations

import pytest

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.clean_required import CleanRequired

METHOD = CleanRequired()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["knee of Doe"], ["knee of"]),
        (["Doe"], ["ANONYMOUS"]),
        (["Doe", "Doe, Jane"], ["ANONYMOUS"]),
        (["ANONYMOUS"], ["ANONYMOUS"]),
        ([], []),
    ],
)
def test_nothing_left(before: list[str], after: list[str]) -> None:
    """Where cleaning leaves nothing, a dummy stands; what was empty was so before."""
    context = Context()
    context.identifying.add("Doe^Jane", "PN")

    assert METHOD.apply(Element(0x00181400, "LO", before), context) == after


def test_it_is_for_free_text() -> None:
    """As clean."""
    assert [vr for vr in ("LO", "SH", "UN") if METHOD.supports(vr)] == ["LO", "SH"]
