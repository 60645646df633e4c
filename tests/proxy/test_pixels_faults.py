"""Small inputs that went wrong: their frames are found, decoded, transcoded and rendered."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_proxy.pixels.frames import StoredFrames
from dicomveil_proxy.pixels.instance import transcode_instance
from dicomveil_proxy.pixels.render import render
from engine.code_streams import value
from proxy.fakes import instance

EXPLICIT, JPEG, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1.99"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
POLICY = load_policy({"profile": "default", "pixels": "keep"}, b"k" * 32)
FAULTS = {
    "two_file_metas_jpeg": (JPEG, [10]),
    "bot_zero_offsets": (JPEG, [10, 120, 250]),
    "jpeg_empty_last_fragment": (JPEG, None),
    "deflated_raw": (DEFLATED, None),
    "vm_over": (EXPLICIT, None),
    "jpeg_exif_and_comment": (JPEG, [77]),
}
"""Transfer syntax, and the values of the frames, where all pixels of each are the same."""


def transcoded(data: bytes) -> bytes:
    target = BytesIO()
    transcode_instance(BytesIO(data), target, EXPLICIT, 1 << 24)
    return target.getvalue()


@pytest.mark.parametrize("is_deidentified", [False, True])
@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str, is_deidentified: bool, shared: Path) -> None:
    """As they are and de-identified: their own transfer syntax, decoded, transcoded, drawn."""
    data = (shared / "corpus" / "faults" / f"{name}.dcm").read_bytes()
    syntax, values = FAULTS[name]
    if is_deidentified:
        data = deidentify_instance(data, POLICY)
    frames = StoredFrames(BytesIO(data))
    decoded = dcmread(BytesIO(transcoded(data)))

    assert frames.transfer_syntax == syntax
    assert len(list(frames.frames())) == frames.count
    if values is not None:
        assert [set(frame) for frame in np.split(np.frombuffer(decoded.PixelData, "u1"), len(values))] == [
            {value} for value in values
        ]
    for number in range(1, frames.count + 1):
        picture = Image.open(BytesIO(render(BytesIO(data), number, "image/png", {})))
        assert picture.size == (decoded.Columns, decoded.Rows)


@pytest.mark.parametrize(
    ("fragments", "frames", "expected"),
    [
        ([b"one!", b"two!", b""], 2, [b"one!", b"two!"]),
        ([b"\xff\xd8\xff1", b"more", b"\xff\xd8\xff2"], 2, [b"\xff\xd8\xff1more", b"\xff\xd8\xff2"]),
        ([b"one!", b"two!"], 1, [b"one!two!"]),
    ],
)
def test_frames_without_a_table(fragments: list[bytes], frames: int, expected: list[bytes]) -> None:
    """By the number of fragments, and else by what they begin with."""
    pixels = value(*fragments)[:-8]
    data = instance(transfer_syntax=JPEG, pixels=pixels, NumberOfFrames=frames, change=lambda ds: opened(ds, frames))
    assert list(StoredFrames(BytesIO(data)).frames()) == expected


def opened(dataset: object, frames: int) -> None:
    dataset["PixelData"].is_undefined_length = True  # type: ignore[index]
    dataset.NumberOfFrames = frames  # type: ignore[attr-defined]


def test_without_pixel_representation() -> None:
    """Values are unsigned where nothing says what they are."""

    def change(dataset: object) -> None:
        del dataset.PixelRepresentation  # type: ignore[attr-defined]

    picture = Image.open(BytesIO(render(BytesIO(instance(change=change)), 1, "image/png", {})))
    assert picture.size == (4, 2)


def test_lossless_jpeg_is_drawn(shared: Path) -> None:
    """JPEG Lossless and JPEG of twelve bits are rendered."""
    for name in ("1d69ae32f389", "3a6d42cf5c97"):
        picture = render(BytesIO((shared / "corpus" / f"{name}.dcm").read_bytes()), 1, "image/png", {})
        assert np.asarray(Image.open(BytesIO(picture))).std() > 5
