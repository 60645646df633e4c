"""cleanContent."""

from __future__ import annotations

from dicomveil_engine.methods.clean_content import CleanContent


def test_it_is_for_sequences() -> None:
    """It says only that the sequence stays."""
    method = CleanContent()

    assert method.name == "cleanContent"
    assert [vr for vr in ("SQ", "LO", "UN") if method.supports(vr)] == ["SQ"]
