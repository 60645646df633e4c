"""URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left


@given(
    st.sampled_from(["http", "https", "ftp"]),
    st.from_regex(r"[a-z]{3,12}\.(org|example|de)(/[a-z0-9]{1,9}){0,3}", fullmatch=True),
)
def test_with_a_scheme_and_without(scheme: str, rest: str) -> None:
    """Whole, up to the blank."""
    for url in (f"{scheme}://{rest}", f"www.{rest}", rest):
        assert found("urls", f"see {url} for it") == [url]
        assert left("urls", url) == ""


@pytest.mark.parametrize("text", [r"\\server01\share", "pacs.example.org", "http://10.4.8.2:8080/ui"])
def test_servers(text: str) -> None:
    """The name of a file server goes; its path is looked at part by part."""
    assert found("urls", text) == [text.removesuffix("\\share")]


@pytest.mark.parametrize("text", ["T1.ax", "3.5mm", "e.g. this", "L4.L5", "and/or", "a.b", "http", "www"])
def test_full_stops_stay(text: str) -> None:
    """Without a domain that there is."""
    assert found("urls", text) == []
