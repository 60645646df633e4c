"""Bytes and numbers are searched for the instance's own words: "kept" does not mean unread."""

from __future__ import annotations

import pytest

from dicomveil_engine import deidentify_instance, deidentify_metadata
from engine.datasets import BIG, EXPLICIT, element, instance, preset
from engine.test_json_model_commutation import to_json

DEFAULT = preset("default")
NAME = "Zebrowski^Quillon"
WIDE = "of ZEBROWSKI.".encode("utf-16-le")
OTHER = "of SOMEBODY. ".encode("utf-16-le")
CODES, OTHER_CODES = list(b"ZEBROWSKI"), list(b"SOMEBODY.")


def rewritten_both(*elements: bytes, syntax: str = EXPLICIT) -> tuple[bytes, dict[str, dict[str, object]]]:
    """An instance of the patient with these elements, de-identified as Part 10 and as JSON."""
    others = (element(0x00100010, "PN", NAME, syntax), element(0x0020000D, "UI", "1.2.3", syntax))
    data = instance(*others, *elements, syntax=syntax)
    (model,) = deidentify_metadata([to_json(data)], DEFAULT)
    return deidentify_instance(data, DEFAULT), model


@pytest.mark.parametrize(
    ("value", "stays"),
    [
        (b"\0\1\2Zebrowski\0\xff", False),
        (b"\0\1\2Somebody\0\xff\0", True),
        (WIDE, False),
        (OTHER, True),
        (b"\x1b" + WIDE + b"\x80", False),
        ("Zebrowski, J\xe4ne ".encode("latin-1"), False),
        (bytes(range(256)), True),
    ],
)
@pytest.mark.parametrize(("tag", "vr"), [(0x00282000, "OB"), (0x54001010, "OW"), (0x00283006, "OW")])
def test_a_name_within_bytes(tag: int, vr: str, value: bytes, stays: bool) -> None:
    """A colour profile, a waveform or a table that holds the patient's name is emptied, and no other one."""
    output, model = rewritten_both(element(tag, vr, value))

    assert (value in output) is stays
    assert ("InlineBinary" in model[f"{tag:08X}"]) is stays


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
@pytest.mark.parametrize(("codes", "stays"), [(CODES, False), (OTHER_CODES, True), ([7, 0, *CODES, 0, 9], False)])
@pytest.mark.parametrize("vr", ["SS", "US"])
def test_a_name_as_numbers_of_characters(vr: str, codes: list[int], stays: bool, syntax: str) -> None:
    """One number for each character, with other numbers around them or without."""
    raw = element(0x00283006, vr, codes, syntax)
    output, model = rewritten_both(raw, syntax=syntax)

    assert (raw in output) is stays
    assert ("Value" in model["00283006"]) is stays
