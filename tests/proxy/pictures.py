"""Instances with pixels in any transfer syntax that can be written here; nothing in them comes from a patient."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset
from pydicom.encaps import encapsulate

from dicomveil_proxy.pixels.frame import ENCODABLE, NATIVE, PixelDescription, encode_frame
from proxy.fakes import INSTANCE, SERIES, STUDY, instance

GREY = PixelDescription(
    rows=32,
    columns=40,
    samples=1,
    bits_allocated=16,
    bits_stored=12,
    pixel_representation=0,
    planar_configuration=0,
    frames=2,
    photometric_interpretation="MONOCHROME2",
)
COLOUR = PixelDescription(
    rows=32,
    columns=40,
    samples=3,
    bits_allocated=8,
    bits_stored=8,
    pixel_representation=0,
    planar_configuration=0,
    frames=1,
    photometric_interpretation="RGB",
)


def raw(described: PixelDescription) -> list[bytes]:
    """Frames that fit the description, all different."""
    width = described.bits_allocated // 8
    count = described.frame_bytes // width
    top = 1 << min(described.bits_stored, 15)
    return [
        b"".join(((37 * place + 5 * frame) % top).to_bytes(width, "little") for place in range(count))
        for frame in range(described.frames)
    ]


def picture(
    syntax: str,
    described: PixelDescription = GREY,
    *,
    frames: list[bytes] | None = None,
    uids: tuple[str, str, str] = (STUDY, SERIES, INSTANCE),
) -> bytes:
    """An instance with these frames, encoded here where it can be; `frames` are encoded already."""
    if syntax in ENCODABLE and frames is None:
        frames = [encode_frame(frame, syntax, described) for frame in raw(described)]
    given = raw(described) if frames is None else frames

    def describe(dataset: Dataset) -> None:
        values: dict[str, Any] = described.options() | {"high_bit": described.bits_stored - 1}
        values["number_of_frames"] = described.frames
        if described.samples == 1:
            del values["planar_configuration"]
        for name, value in values.items():
            setattr(dataset, "".join(word.capitalize() for word in name.split("_")), value)
        pixels = b"".join(given) if syntax in NATIVE else encapsulate(given)
        dataset.add_new(0x7FE00010, "OW" if syntax in NATIVE and described.bits_allocated > 8 else "OB", pixels)
        dataset["PixelData"].is_undefined_length = syntax not in NATIVE

    return instance(*uids, transfer_syntax=syntax, pixels=None, change=describe)
