"""Bytes and numbers are searched for the instance's own words: "kept" does not mean unread."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from dicomveil_engine import (
    DeidentificationError,
    InvalidDataSetError,
    Policy,
    deidentify_instance,
    deidentify_metadata,
    load_policy,
)
from engine.datasets import BIG, EXPLICIT, KEY, cut, element, instance, item, open_sequence, preset, rewritten
from engine.test_json_model_commutation import to_json

DEFAULT = preset("default")
STUDY = element(0x0020000D, "UI", "1.2.3")
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


def model_of(vr: str, value: bytes) -> dict[str, object]:
    """An element in DICOM JSON with these bytes."""
    return {"vr": vr, "InlineBinary": base64.b64encode(value).decode()}


def refused_by_both(tag: int, vr: str, value: bytes, *others: bytes, of: bytes | None = None) -> str:
    """Both messages, if both encodings refuse an element with these bytes; else empty."""
    others = (element(0x00100010, "PN", NAME), element(0x0020000D, "UI", "1.2.3"), *others)
    data = instance(*others, element(tag, vr, value) if of is None else of)
    model = {**to_json(instance(*others)), f"{tag:08X}": model_of(vr, value)}
    messages = []
    for run in (lambda: deidentify_instance(data, DEFAULT), lambda: deidentify_metadata([model], DEFAULT)):
        try:
            run()
        except DeidentificationError as error:
            messages.append(str(error))
    assert len(messages) in {0, 2}
    assert "ebrowski" not in str(messages)
    return " ".join(messages)


IMAGE = (
    element(0x00280002, "US", [1]),
    element(0x00280010, "US", [64]),
    element(0x00280011, "US", [64]),
    element(0x00280100, "US", [8]),
    element(0x00280101, "US", [8]),
)


@pytest.mark.parametrize("tag", [0x7FE00008, 0x7FE00009, 0x7FE00010])
@pytest.mark.parametrize("vr", ["AS", "CS", "DS", "FD", "SS", "TM", "US"])
def test_pixels_in_another_vr(vr: str, tag: int) -> None:
    """Nothing checks them, and no reader finds pixels in them."""
    assert "pixels cannot have this VR" in refused_by_both(tag, vr, b"Zebrowski Quill.")


JPEG_STREAM = b"\xff\xd8\xff\xe1\x00\x20Exif\0\0Zebrowski^Quillon".ljust(38, b"\0") + b"\xff\xd9"


@pytest.mark.parametrize("before", [b"", item(b"") + b"\xfe\xff\x00\xe0\x28\0\0\0"])
@pytest.mark.parametrize("image", [(), IMAGE])
def test_a_code_stream_in_native_pixels(before: bytes, image: tuple[bytes, ...]) -> None:
    """A value of defined length with a JPEG picture, or with its fragments, would pass with its EXIF."""
    data = instance(STUDY, *image, element(0x7FE00010, "OB", before + JPEG_STREAM))
    with pytest.raises(DeidentificationError, match="a code stream in the place of native pixels"):
        deidentify_instance(data, DEFAULT)
    with pytest.raises(DeidentificationError, match="a code stream in the place of native pixels"):
        rewritten(DEFAULT, cut(data, 1))
    if not before:
        assert "a code stream" in refused_by_both(0x7FE00010, "OB", JPEG_STREAM, *image)


@pytest.mark.parametrize("big", [0, 3_000_000])
@pytest.mark.parametrize("image", [(), IMAGE[:2], IMAGE])
def test_bytes_that_may_be_no_pixels(image: tuple[bytes, ...], big: int) -> None:
    """Where the attributes do not give the number of pixels, or give another one, pixels with a name are refused."""
    image = (*image[:1], element(0x00280010, "US", [60_000]), *image[2:]) if image else image
    other = bytes(big) + b"\x01Somebody and somebody else"
    assert refused_by_both(0x7FE00010, "OW", other, *image) == ""
    assert "an identifying word" in refused_by_both(0x7FE00010, "OW", bytes(big) + b"\x01Zebrowski ", *image)


@pytest.mark.parametrize("at", [0, (1 << 16) - 4, 1 << 16, 2_000_000])
def test_a_name_in_a_long_value(at: int) -> None:
    """A value of over a mebibyte is not held, but searched while it passes, however it is divided."""
    value = bytearray(2_100_000)
    assert refused_by_both(0x54001010, "OB", bytes(value)) == ""
    value[at : at + 9] = b"ZEBROWSKI"
    assert "an identifying word" in refused_by_both(0x54001010, "OB", bytes(value))
    data = instance(element(0x00100010, "PN", NAME), STUDY, element(0x54001010, "OB", bytes(value)))
    with pytest.raises(DeidentificationError, match="an identifying word"):
        rewritten(DEFAULT, cut(data, 9_999))


def test_a_data_set_in_a_long_value() -> None:
    """Items are not kept unread, however long they are."""
    value = item(element(0x00100010, "PN", "Roe^Ann") + element(0x00204000, "LT", "T1 " * 400) * 900)
    assert "a data set" in refused_by_both(0x54001010, "OB", value)


@pytest.mark.parametrize(
    ("tag", "value", "stays"),
    [
        (0x7FE00001, struct.pack("<3Q", 0, 100, 230), True),
        (0x7FE00002, struct.pack("<3Q", 92, 122, 40), True),
        (0x7FE00001, struct.pack("<2Q", 0, 100) + b"SOMEBODY", False),
        (0x7FE00001, struct.pack("<3Q", 0, 230, 100), False),
        (0x7FE00001, struct.pack("<Q", 8), False),
        (0x7FE00001, struct.pack("<Q", 0) + b"SOME", False),
        (0x7FE00002, b"SOMEBODY", False),
    ],
)
def test_extended_offset_tables_hold_offsets(tag: int, value: bytes, stays: bool) -> None:
    """As the Basic Offset Table: whatever else is in them is removed, whoever it names."""
    output, model = rewritten_both(element(tag, "OV", value))

    assert (value in output) is stays
    assert ("InlineBinary" in model[f"{tag:08X}"]) is stays


@pytest.mark.parametrize(
    ("vr", "text"), [("CS", "ZEBROWSKI"), ("DS", "Zebrowski"), ("TM", "Zebrowski"), ("IS", "771944")]
)
@pytest.mark.parametrize("key", ["00180015", "00180050", "00280010"])
def test_a_value_beside_another_one(key: str, vr: str, text: str) -> None:
    """In JSON, a value beside an InlineBinary is read by nobody, so that both are refused."""
    model = {**to_json(instance(STUDY)), key: {"vr": vr, "Value": [text], "InlineBinary": "MTIg"}}
    with pytest.raises(InvalidDataSetError, match="a value that is not of its VR"):
        deidentify_metadata([model], DEFAULT)


ICON = load_policy({"profile": "default", "pixels": "keep", "rules": [{"tag": "(0088,0200)", "method": "keep"}]}, KEY)
PLAIN_JPEG = b"\xff\xd8\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0\1\xff\xd9"


@pytest.mark.parametrize(("tag", "policy"), [(0x00880200, ICON), (0x00081140, DEFAULT)])
def test_pixels_in_items(tag: int, policy: Policy) -> None:
    """An icon that a rule keeps, and pixels in another sequence: bytes are checked, and fragments are cleaned."""
    dirty = open_sequence(0x7FE00010, item(b"") + item(JPEG_STREAM[:-2] + PLAIN_JPEG[2:]), vr="OB")
    for inside, is_kept in (
        (element(0x7FE00010, "OB", b"\0\1Somebody and\0"), True),
        (element(0x7FE00010, "OB", b"\0\1Zebrowski and\0"), False),
        (element(0x7FE00010, "OB", JPEG_STREAM), False),
        (dirty, False),
    ):
        others = (element(0x00100010, "PN", NAME), STUDY, element(tag, "SQ", [inside]))
        output = deidentify_instance(instance(*sorted(others)), policy)
        (model,) = deidentify_metadata([to_json(instance(*sorted(others)))], policy)

        assert (inside in output) is is_kept
        assert b"Zebrowski" not in output
        both: list[Any] = [to_json(output), model]
        written, again = (one[f"{tag:08X}"]["Value"][0]["7FE00010"] for one in both)
        before, after = (base64.b64decode(one.get("InlineBinary", "")) for one in (written, again))
        assert after == before + (bytes.fromhex("feffdde000000000") if inside is dirty else b"")
        assert (PLAIN_JPEG in output) is (inside is dirty)
