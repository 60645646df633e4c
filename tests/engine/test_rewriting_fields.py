"""Elements of our own making."""

from __future__ import annotations

from dicomveil_engine.rewriting.fields import Field, code_item


def test_code_item() -> None:
    """Value, scheme and meaning (PS3.3 Section 8), in tag order."""
    assert code_item("113100", "DCM", "Meaning") == (
        Field(0x00080100, "SH", ["113100"]),
        Field(0x00080102, "SH", ["DCM"]),
        Field(0x00080104, "LO", ["Meaning"]),
    )
