"""A claim about pixels that nobody has checked is emptied; a warning is kept."""

from __future__ import annotations

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.unchecked import EmptyUnchecked

BURNED_IN_ANNOTATION = 0x00280301


@pytest.mark.parametrize(
    ("values", "outcome"), [(["YES"], ["YES"]), (["YES "], ["YES "]), (["NO"], []), ([], []), (["YES", "NO"], [])]
)
def test_only_yes_is_kept(values: list[str], outcome: list[str]) -> None:
    """Devices write NO by default."""
    assert EmptyUnchecked().apply(Element(BURNED_IN_ANNOTATION, "CS", values), Context()) == outcome


@pytest.mark.parametrize("profile", ["basic", "default", "tcia", "safe-harbor", "limited-data-set"])
def test_under_every_profile(profile: str) -> None:
    """Not under rules alone, which promise nothing."""
    assert load_policy({"profile": profile}, bytes(32)).decide(BURNED_IN_ANNOTATION, "CS").method == EmptyUnchecked()
    kept = load_policy({"profile": "microsoft"}, bytes(32)).decide(BURNED_IN_ANNOTATION, "CS")
    assert kept.method != EmptyUnchecked()
