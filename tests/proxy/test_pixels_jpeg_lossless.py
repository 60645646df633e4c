"""JPEG Lossless: what a plain encoder writes is read back, and what none writes is refused."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import get_frame

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels.frame import decode_frame
from dicomveil_proxy.pixels.jpeg_lossless import decode
from proxy.pictures import GREY

JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


def encode(samples: Any, precision: int, predictor: int = 1, transform: int = 0, rows_together: int = 0) -> bytes:
    """Written from ISO/IEC 10918-1 Annex H, apart from the decoder: bit by bit, all codes of five bits."""
    rows, columns, components = samples.shape
    frame = struct.pack(">BHHB", precision, rows, columns, components)
    frame += b"".join(bytes((number, 0x11, 0)) for number in range(components))
    table = bytes((0, 0, 0, 0, 0, 17)) + bytes(11) + bytes(range(17))
    scan = bytes((components, *(byte for number in range(components) for byte in (number, 0)), predictor, 0, transform))
    head = b"\xff\xd8" + _segment(0xC4, table) + _segment(0xC3, frame)
    step = rows_together or rows
    if rows_together:
        head += _segment(0xDD, struct.pack(">H", step * columns))
    strips = [
        _strip(samples[row : row + step] >> transform, precision - transform, predictor) for row in range(0, rows, step)
    ]
    data = strips[0] + b"".join(bytes((0xFF, 0xD0 + number % 8)) + strip for number, strip in enumerate(strips[1:]))
    return head + _segment(0xDA, scan) + data + b"\xff\xd9"


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _strip(samples: Any, precision: int, predictor: int) -> bytes:
    bits = ""
    for row, column, component in np.ndindex(samples.shape):
        value = samples[:, :, component].tolist()
        predicted = _prediction(value, row, column, predictor, precision)
        difference = (value[row][column] - predicted + 32767) % 65536 - 32767
        category = abs(difference).bit_length()
        bits += f"{category:05b}"
        if category and category < 16:
            bits += f"{difference if difference > 0 else difference + (1 << category) - 1:0{category}b}"
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def _prediction(value: list[list[int]], row: int, column: int, predictor: int, precision: int) -> int:
    if not row:
        return value[0][column - 1] if column else 1 << (precision - 1)
    above = value[row - 1][column]
    if not column:
        return above
    left, corner = value[row][column - 1], value[row - 1][column - 1]
    predictions = (
        left,
        above,
        corner,
        left + above - corner,
        left + (above - corner >> 1),
        above + (left - corner >> 1),
    )
    return (*predictions, left + above >> 1)[predictor - 1]


def noise(*shape: int, bits: int = 16) -> Any:
    """The same each time."""
    return np.random.default_rng(5).integers(0, 1 << bits, shape)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("components", [1, 3])
def test_every_selection_value(predictor: int, components: int) -> None:
    """There and back, whatever is predicted from what."""
    samples = noise(9, 11, components)
    found, precision = decode(encode(samples, 16, predictor), samples.size)

    assert precision == 16
    assert np.array_equal(found, samples)


@pytest.mark.parametrize("rows_together", [1, 2, 4])
def test_restart_intervals(rows_together: int) -> None:
    """Each is predicted for itself."""
    samples = noise(10, 7, 1, bits=12)

    assert np.array_equal(decode(encode(samples, 12, 4, rows_together=rows_together), 70)[0], samples)


def test_point_transform() -> None:
    """The lowest bits are gone; the others are where they were."""
    samples = noise(5, 5, 1, bits=12)

    assert np.array_equal(decode(encode(samples, 12, transform=3), 25)[0], samples >> 3 << 3)


def test_the_largest_difference() -> None:
    """32768 is a code of its own, with no bits behind it (Table H.2)."""
    samples = np.array([[[0], [32768], [0], [65535]]])

    assert np.array_equal(decode(encode(samples, 16), 4)[0], samples)


@given(st.data())
def test_damaged_code_streams(data: st.DataObject) -> None:
    """Whatever is changed or cut off: samples of the right size, or ValueError."""
    whole = bytearray(encode(noise(6, 6, 1, bits=8), 8, rows_together=2))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        samples, _ = decode(bytes(whole[: data.draw(st.integers(0, len(whole)))]), 36)
    except ValueError:
        return
    assert samples.size <= 36


def test_a_picture_that_is_larger_than_allowed() -> None:
    """Refused before anything is decoded."""
    with pytest.raises(ValueError, match="another size"):
        decode(encode(noise(4, 4, 1), 16), 15)


def test_signs() -> None:
    """Of signed values the highest stored bit is the sign, and fills what lies above."""
    signed = replace(GREY, rows=1, columns=2, pixel_representation=1, frames=1)
    frame, _ = decode_frame(encode(np.array([[[0xFFF], [0x7FF]]]), 12), JPEG_LOSSLESS, signed)

    assert frame == struct.pack("<2h", -1, 0x7FF)


@pytest.mark.parametrize("described", [replace(GREY, rows=3), replace(GREY, photometric_interpretation="YBR_FULL_422")])
def test_attributes_that_say_something_else(described: Any) -> None:
    """Refused."""
    with pytest.raises(NotAcceptable, match="cannot be decoded here"):
        decode_frame(encode(noise(32, 40, 1, bits=12), 12), JPEG_LOSSLESS, described)


def test_as_another_decoder(shared: Path) -> None:
    """Instances of the corpus: the samples that DCMTK finds (`dcmdjpeg --conv-never`, 3.6.7), by their digest."""
    answers = {
        "1d69ae32f389.dcm": "82dde994d59e4385",
        "6d79a32a6c0a.dcm": "38a8a367bc91744f",
        "86a79b70ae5a.dcm": "e7855e7dc4921c57",
        "cd3adca021b0.dcm": "1add6ede29758c6f",
    }
    for name, digest in answers.items():
        dataset = dcmread(shared / "corpus" / name, force=True)
        samples, _ = decode(get_frame(dataset.PixelData, 0, number_of_frames=1), dataset.Rows * dataset.Columns)
        found = samples.astype(f"<u{dataset.BitsAllocated // 8}").tobytes()
        assert hashlib.sha256(found).hexdigest()[:16] == digest, name
