"""UID."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=8))
def test_uids(parts: list[int]) -> None:
    """Five components and more, whole."""
    uid = "1." + ".".join(map(str, parts))

    assert found("uids", f"study {uid}, merged") == [uid]
    assert left("uids", uid) == ""


@pytest.mark.parametrize("text", ["2.25.123456789", "urn:oid:1.2.840.113619.2.5"])
def test_short_roots_and_urns(text: str) -> None:
    """2.25 has one component behind it."""
    assert found("uids", text) == [text]


@pytest.mark.parametrize("text", ["1.2.3.4", "1.2", "v1.2.3", "3.1.2.3.4.5", "10.0.12.5", "0.5.1"])
def test_versions_stay(text: str) -> None:
    """Up to four numbers, and roots that there are not."""
    assert found("uids", text) == []
