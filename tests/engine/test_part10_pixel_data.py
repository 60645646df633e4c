"""Instances: what stands beside the pixels of Pixel Data does not come out, in Part 10 and in JSON."""

from __future__ import annotations

import base64
from typing import Any, Literal

import pytest

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from engine.code_streams import CORPUS
from engine.datasets import BIG, EXPLICIT, IMPLICIT, element, fragments, instance

SECRET = b"Doe^Jane"
JPEG = "1.2.840.10008.1.2.4.50"
POLICIES = {
    "default": load_policy({"profile": "default", "pixels": "keep"}, b"k" * 32),
    "nothing": load_policy({"profile": "none", "rules": [{"tag": "(xxxx,xxxx)", "method": "keep"}]}, b"k" * 32),
}
FRAME = b"\xff\xd8\xff\xda\0\2pixels\xff\xd9"


def image(*elements: bytes, syntax: str = EXPLICIT, bits: int = 12) -> bytes:
    """A picture of two pixels."""
    numbers = ((0x02, 1), (0x10, 1), (0x11, 2), (0x100, 16), (0x101, bits), (0x102, bits - 1), (0x103, 0))
    described = (element(0x00280000 | tag, "US", number.to_bytes(2, order(syntax)), syntax) for tag, number in numbers)
    return instance(element(0x00080018, "UI", "1.2.3", syntax), *described, *elements, syntax=syntax)


def order(syntax: str) -> Literal["big", "little"]:
    return "big" if syntax == BIG else "little"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_behind_the_last_pixel(syntax: str, policy: str) -> None:
    """Bytes behind the last pixel go, under every policy, and the length says so."""
    data = image(element(0x7FE00010, "OW", b"\0\1\0\2" + SECRET, syntax), syntax=syntax)
    output = deidentify_instance(data, POLICIES[policy])

    assert SECRET not in output
    assert output.endswith(element(0x7FE00010, "OW", b"\0\1\0\2", syntax))


def test_length_that_is_not_said() -> None:
    """Where the attributes do not say how long the pixels are, they pass as they are."""
    data = instance(element(0x00080018, "UI", "1.2.3"), element(0x7FE00010, "OW", b"abcdef"))
    assert deidentify_instance(data, POLICIES["default"]).endswith(element(0x7FE00010, "OW", b"abcdef"))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_unused_bits(syntax: str) -> None:
    """Bits above Bits Stored go where overlays do, and stay under a policy that keeps everything."""
    values, cleared = (
        b"".join(value.to_bytes(2, order(syntax)) for value in pair) for pair in ((0xF123, 0x0456), (0x0123, 0x0456))
    )
    data = image(element(0x7FE00010, "OW", values, syntax), syntax=syntax)

    assert deidentify_instance(data, POLICIES["default"]).endswith(cleared)
    assert deidentify_instance(data, POLICIES["nothing"]).endswith(values)


@pytest.mark.parametrize("policy", POLICIES)
def test_embedded_overlay(policy: str) -> None:
    """Bits in which an overlay stands go under every policy."""
    overlay = element(0x60000102, "US", b"\x0c\0")
    data = image(overlay, element(0x7FE00010, "OW", b"\x23\xf1\x56\x04"))
    assert deidentify_instance(data, POLICIES[policy]).endswith(b"\x23\x01\x56\x04")


@pytest.mark.parametrize("policy", POLICIES)
def test_code_streams(policy: str) -> None:
    """A comment in a frame goes, under every policy."""
    dirty = FRAME[:2] + b"\xff\xfe\0\x0a" + SECRET + FRAME[2:]
    data = instance(element(0x00080018, "UI", "1.2.3"), fragments(dirty), syntax=JPEG)
    output = deidentify_instance(data, POLICIES[policy])

    assert SECRET not in output
    assert output.endswith(fragments(FRAME + bytes(12)))


def test_unknown_code_stream() -> None:
    """Refused, unless a rule removes it."""
    data = instance(element(0x00080018, "UI", "1.2.3"), fragments(SECRET), syntax=JPEG)
    with pytest.raises(DeidentificationError, match="PixelData"):
        deidentify_instance(data, POLICIES["default"])
    removes = load_policy({"profile": "none", "rules": [{"tag": "PixelData", "method": "remove"}]}, b"k" * 32)
    assert SECRET not in deidentify_instance(data, removes)


def test_json() -> None:
    """Pixels that stand in JSON itself lose the same."""
    numbers = {"00280010": 1, "00280011": 2, "00280100": 16, "00280101": 12, "00280102": 11}
    dataset: dict[str, Any] = {tag: {"vr": "US", "Value": [number]} for tag, number in numbers.items()}
    for value, expected in (
        (b"\x23\xf1\x56\x04" + SECRET, b"\x23\x01\x56\x04"),
        (fragments(FRAME + SECRET)[12:], fragments(FRAME + bytes(8))[12:]),
        (fragments(SECRET)[12:], None),
    ):
        dataset["7FE00010"] = {"vr": "OW", "InlineBinary": base64.b64encode(value).decode()}
        [output] = deidentify_metadata([dataset], POLICIES["default"])
        inline = output["7FE00010"].get("InlineBinary")
        assert (base64.b64decode(str(inline)) if inline else None) == expected


@pytest.mark.skipif(not CORPUS.exists(), reason="no corpus")
def test_faults() -> None:
    """Small inputs that went wrong."""
    read = {path.stem: path.read_bytes() for path in (CORPUS / "faults").glob("*.dcm")}
    photograph = deidentify_instance(read["jpeg_exif_and_comment"], POLICIES["default"])
    start = read["jpeg_exif_and_comment"].index(b"Exif\0\0")

    assert b"Exif" not in photograph
    assert read["jpeg_exif_and_comment"][start + 6 : start + 60] not in photograph
    overlaid = deidentify_instance(read["embedded_overlay_high_bits"], POLICIES["default"])
    assert not any(byte & 0xF0 for byte in overlaid[-31::2])


@pytest.mark.parametrize("first", [0x7FE00008, 0x7FE00009, 0x7FE00010])
@pytest.mark.parametrize("policy", POLICIES)
def test_pixels_twice(first: int, policy: str) -> None:
    """A second element of pixels is refused: who looks for text in pixels has seen the first one only."""
    vr = {0x7FE00008: "OF", 0x7FE00009: "OD", 0x7FE00010: "OW"}[first]
    data = image(element(first, vr, bytes(16)), element(0x7FE00010, "OW", SECRET))
    with pytest.raises(InvalidDataSetError, match="several Pixel Data elements"):
        deidentify_instance(data, POLICIES[policy])
