"""IP_ADDRESS and MAC_ADDRESS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, infotypes, left


@given(st.ip_addresses(v=4))
def test_ipv4(address: object) -> None:
    """Those that begin with one digit need a cue: versions look like them."""
    written = str(address)
    is_version = written.index(".") == 1

    assert found("net_addresses", f"from {written}, refused") == ([] if is_version else [written])
    assert found("net_addresses", f"ip {written}") == [written]
    left("net_addresses", f"ip {written}")


@given(st.ip_addresses(v=6))
def test_ipv6(address: object) -> None:
    """In full and shortened, but for the shortest."""
    written = str(address)

    assert found("net_addresses", f"[{written}]") == ([written] if len(written) >= 6 else [])


@given(st.lists(st.integers(0, 255), min_size=6, max_size=6), st.sampled_from(":-"))
def test_mac(parts: list[int], separator: str) -> None:
    """With colons or hyphens."""
    written = separator.join(f"{part:02x}" for part in parts)

    assert "MAC_ADDRESS" in infotypes("net_addresses", f"detector {written}") or not any(map(str.isdigit, written))


@pytest.mark.parametrize(
    "text", ["v1.2.3.4", "3.0.12.1", "1.2.3", "999.999.1.1", "12:30:45", "a::b", "12-34-56", "1.2.3.4.5"]
)
def test_versions_and_times_stay(text: str) -> None:
    """Four small numbers, two numbers above 255, a time of day, five numbers."""
    assert found("net_addresses", text) == []
