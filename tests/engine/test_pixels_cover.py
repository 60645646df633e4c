"""Covering native bytes while they pass gives what covering the array gives, however the bytes are cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.cover import NativeCover, NativeLayout, black_of, cover_frame
from dicomveil_engine.pixels.elements import InstanceElements, read_instance
from dicomveil_engine.pixels.frames import InstanceFrames
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.layout import PixelLimits
from engine.pixel_instances import BIG, CT, IMPLICIT, instance

RANDOM = np.random.default_rng(3)
GREY = [RANDOM.integers(0, 200, (12, 17), np.uint8) for _ in range(3)]
WORDS = [RANDOM.integers(0, 4095, (12, 17), np.uint16) for _ in range(2)]
SIGNED = [RANDOM.integers(-900, 900, (12, 17)).astype(np.int16)]
COLOURS = [RANDOM.integers(0, 255, (12, 18, 3), np.uint8) for _ in range(2)]
PLANAR = [np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in COLOURS]
BOXES = Boxes((Box(3, 2, 5, 4), Box(-2, 9, 400, 100)), {2: (Box(10, 0, 3, 3),)})

INSTANCES = {
    "grey": instance(GREY),
    "words": instance(WORDS, BitsStored=12, HighBit=11),
    "big": instance(WORDS, syntax=BIG, BitsStored=12, HighBit=11),
    "implicit": instance(WORDS, syntax=IMPLICIT),
    "signed": instance(SIGNED, SOPClassUID=CT, Modality="CT"),
    "colours": instance(COLOURS),
    "planar": instance(PLANAR, Rows=12, Columns=18, SamplesPerPixel=3, PlanarConfiguration=1,
                       PhotometricInterpretation="RGB"),
    "subsampled": instance([frame[..., :2] for frame in COLOURS], Rows=12, Columns=18, SamplesPerPixel=3,
                           PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=0),
}  # fmt: skip


def read(name: str) -> tuple[InstanceElements, PixelHeader]:
    elements = read_instance(INSTANCES[name])
    assert elements is not None
    return elements, PixelHeader.from_elements(elements)


@pytest.mark.parametrize("name", INSTANCES)
def test_as_in_the_array(name: str) -> None:
    """Every arrangement of samples, each byte order."""
    elements, header = read(name)
    pixel = elements.pixel_data
    assert pixel is not None
    cover = NativeCover(NativeLayout.of(header, elements), BOXES)
    value = bytes(cover.feed(elements.buffer[pixel.value : pixel.end]))
    covered = replace(elements, buffer=elements.buffer[: pixel.value] + value + elements.buffer[pixel.end :])

    before, after = (InstanceFrames(data, header, PixelLimits()) for data in (elements, covered))

    for number in range(1, header.frames + 1):
        expected = before.decoded(number)[0].copy()
        boxes = BOXES.of(number)
        if name == "subsampled":
            # Two pixels share their chroma, so boxes begin and end with a pair.
            boxes = tuple(Box(box.x - box.x % 2, box.y, box.width + box.x % 2, box.height) for box in boxes)
            boxes = tuple(Box(box.x, box.y, box.width + box.width % 2, box.height) for box in boxes)
        black = black_of(
            replace(header, photometric_interpretation=after.decoded(number)[1].photometric_interpretation)
        )
        cover_frame(expected, boxes, black)
        assert (after.decoded(number)[0] == expected).all()


@given(st.sampled_from(sorted(INSTANCES)), st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_however_the_bytes_are_cut(name: str, sizes: list[int]) -> None:
    """One feed or many give the same bytes."""
    elements, header = read(name)
    pixel = elements.pixel_data
    assert pixel is not None
    value = elements.buffer[pixel.value : pixel.end]
    layout = NativeLayout.of(header, elements)
    whole = bytes(NativeCover(layout, BOXES).feed(value))
    cover, pieces, position = NativeCover(layout, BOXES), [], 0
    for size in [*sizes, len(value)]:
        pieces.append(bytes(cover.feed(value[position : position + size])))
        position += size

    assert b"".join(pieces) == whole


def test_bytes_in_swapped_words() -> None:
    """Big endian OW holds bytes of 8 bits two by two (PS3.5 Annex A.3)."""
    elements, header = read("grey")
    pixel = elements.pixel_data
    assert pixel is not None
    value = elements.buffer[pixel.value : pixel.value + 204]
    swapped = bytes(value[index ^ 1] for index in range(len(value)))
    layout = NativeLayout.of(header, elements)
    plain = bytes(NativeCover(replace(layout, frames=1), BOXES).feed(value))
    cover = NativeCover(replace(layout, frames=1, swaps_bytes=True), BOXES)
    out = b"".join(bytes(cover.feed(swapped[at : at + 7])) for at in range(0, len(swapped), 7))

    assert bytes(out[index ^ 1] for index in range(len(out))) == plain


@pytest.mark.parametrize("signed", [False, True])
def test_unused_bits_are_cleared(signed: bool) -> None:
    """Overlays were kept there; of signed values these bits repeat the sign."""
    values = np.array([[0x0FFF, 0x7123, 0x1800, 0x0001]], np.uint16)
    data = instance([values], BitsStored=12, HighBit=11, PixelRepresentation=int(signed))
    elements = read_instance(data)
    assert elements is not None
    header = PixelHeader.from_elements(elements)
    out = NativeCover(NativeLayout.of(header, elements), Boxes()).feed(values.tobytes())
    expected = [0xFFFF, 0x0123, 0xF800, 0x0001] if signed else [0x0FFF, 0x0123, 0x0800, 0x0001]

    assert np.frombuffer(out, "<u2").tolist() == expected


@pytest.mark.parametrize(
    ("changes", "black"),
    [
        ({}, (0,)),
        ({"photometric_interpretation": "MONOCHROME1"}, (4095,)),
        ({"photometric_interpretation": "MONOCHROME1", "is_signed": True}, (2047,)),
        ({"is_signed": True, "modality": "CT"}, (-1000,)),
        ({"is_signed": True, "modality": "CT", "rescale_intercept": -1024.0}, (24,)),
        ({"is_signed": True, "smallest": -55}, (-55,)),
        ({"is_signed": True, "padding": -9999, "smallest": None}, (0,)),
        ({"samples_per_pixel": 3, "photometric_interpretation": "RGB"}, (0, 0, 0)),
        ({"samples_per_pixel": 3, "bits_stored": 8, "photometric_interpretation": "YBR_FULL"}, (0, 128, 128)),
        ({"photometric_interpretation": "PALETTE COLOR"}, (0,)),
    ],
)
def test_black(changes: dict[str, object], black: tuple[int, ...]) -> None:
    """What is shown black, from the header alone."""
    header = PixelHeader(bits_allocated=16, bits_stored=12, photometric_interpretation="MONOCHROME2")

    assert black_of(replace(header, **changes)) == black  # type: ignore[arg-type]


def test_the_darkest_index_of_a_palette() -> None:
    """Index 0 may be any colour."""
    table = np.array([60000, 500, 40000, 30000], "<u2").tobytes()
    descriptors: dict[str, Any] = {
        f"{name}PaletteColorLookupTableDescriptor": [4, 0, 16] for name in ("Red", "Green", "Blue")
    }
    tables: dict[str, Any] = {f"{name}PaletteColorLookupTableData": table for name in ("Red", "Green", "Blue")}
    data = instance(GREY[:1], PhotometricInterpretation="PALETTE COLOR", **descriptors, **tables)
    elements = read_instance(data)
    assert elements is not None

    assert black_of(PixelHeader.from_elements(elements), elements) == (1,)
