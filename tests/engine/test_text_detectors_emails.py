"""EMAIL_ADDRESS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left

NAMES = st.from_regex(r"[a-z][a-z0-9._+\-]{0,30}[a-z0-9]", fullmatch=True)


@given(NAMES, st.from_regex(r"[a-z]{2,12}(\.[a-z]{2,10}){1,2}", fullmatch=True))
def test_addresses(name: str, domain: str) -> None:
    """Whole, wherever they stand."""
    address = f"{name}@{domain}"

    assert found("emails", f"write to {address}, please") == [address]
    assert left("emails", f"({address})") == "()"


@pytest.mark.parametrize("text", ["3 ml @ 2 ml/s", "@ 5 mm", "b@ ", "TE@TR? no @", "5@"])
def test_at_signs_alone_stay(text: str) -> None:
    """Rates are written with one."""
    assert [one for one in found("emails", text) if "." in one] == []
