"""The attributes of an instance that describe its pixels, for the gate, the codecs and the cover.

They are read from Part 10 or from the DICOM JSON model. None identifies the patient. This module does not need numpy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.elements import InstanceElements
from dicomveil_engine.pixels.layout import FrameLayout

_BIG = 1 << 31


@dataclass(frozen=True)
class PixelHeader:
    """The attributes of the image modules (PS3.3 Section C.7.6) that determine how pixels are treated."""

    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    conversion_type: str = ""
    burned_in_annotation: str = ""
    manufacturer: str = ""
    manufacturer_model_name: str = ""
    software_versions: str = ""
    photometric_interpretation: str = ""
    samples_per_pixel: int = 1
    planar_configuration: int = 0
    rows: int = 0
    columns: int = 0
    frames: int = 1
    bits_allocated: int = 0
    bits_stored: int = 0
    high_bit: int = 0
    is_signed: bool = False
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    windows: tuple[tuple[float, float], ...] = ()
    """Centre and width, in the order of the instance."""
    padding: int | None = None
    """(0028,0120) Pixel Padding Value."""
    smallest: int | None = None
    regions: tuple[Box, ...] = ()
    """(0018,6011) of ultrasound, unchecked: they may exceed the image."""
    has_pixel_data: bool = False
    has_float_pixels: bool = False
    mime_type: str = ""
    """(0042,0012) of an encapsulated document."""
    lossy: str = ""
    """(0028,2110) Lossy Image Compression."""
    lossy_methods: int = 0
    """How many values (0028,2114) Lossy Image Compression Method has."""
    lossy_ratios: int = 0
    """How many values (0028,2112) Lossy Image Compression Ratio has."""
    palette: tuple[tuple[int, int, int], ...] = ()
    """Entries, first mapped value and bits of the red, green and blue lookup tables' descriptors."""

    @classmethod
    def from_elements(cls, instance: InstanceElements) -> PixelHeader:
        """The header of a Part 10 instance."""
        pixel = instance.pixel_data
        values = {tag: instance.values(tag) for tag in _READ if tag in instance.elements}

        def texts(tag: int) -> list[str]:
            found = values.get(tag, [])
            return [] if isinstance(found, bytes) else [str(value).strip(" \0") for value in found]

        return cls._read(
            texts,
            has_pixel_data=pixel is not None and pixel.tag == 0x7FE00010,
            has_float_pixels=pixel is not None and pixel.tag != 0x7FE00010,
            transfer_syntax_uid=instance.meta.transfer_syntax_uid,
            sop_class_uid=instance.meta.sop_class_uid,
            regions=_regions(instance),
        )

    @classmethod
    def from_json(cls, dataset: Mapping[str, object], transfer_syntax_uid: str = "") -> PixelHeader:
        """The header of a data set in the DICOM JSON model (PS3.18 Annex F)."""

        def texts(tag: int) -> list[str]:
            return [str(value).strip() for value in _json_values(dataset, tag) if value is not None]

        available = texts(0x00083002)
        return cls._read(
            texts,
            has_pixel_data="7FE00010" in dataset,
            has_float_pixels="7FE00008" in dataset or "7FE00009" in dataset,
            transfer_syntax_uid=transfer_syntax_uid or (available[0] if available else ""),
            sop_class_uid="",
            regions=_json_regions(dataset),
        )

    @classmethod
    def _read(
        cls,
        texts: Callable[[int], list[str]],
        *,
        has_pixel_data: bool,
        has_float_pixels: bool,
        transfer_syntax_uid: str,
        sop_class_uid: str,
        regions: tuple[Box, ...],
    ) -> PixelHeader:
        def text(tag: int) -> str:
            found = texts(tag)
            return found[0] if found else ""

        def number(tag: int, default: int = 0) -> int:
            return _whole(text(tag), default)

        centres, widths = texts(0x00281050), texts(0x00281051)
        windows = [(_real(centre), _real(width)) for centre, width in zip(centres, widths, strict=False)]
        signed = number(0x00280103) == 1
        descriptors = [tuple(_whole(value, 0) for value in texts(tag)[:3]) for tag in _PALETTE]
        return cls(
            sop_class_uid=text(0x00080016) or sop_class_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            modality=text(0x00080060).upper(),
            image_type=tuple(value.upper() for value in texts(0x00080008)),
            conversion_type=text(0x00080064).upper(),
            burned_in_annotation=text(0x00280301).upper(),
            manufacturer=text(0x00080070),
            manufacturer_model_name=text(0x00081090),
            software_versions="\\".join(texts(0x00181020)),
            photometric_interpretation=text(0x00280004).upper(),
            samples_per_pixel=number(0x00280002, 1),
            planar_configuration=number(0x00280006),
            rows=number(0x00280010),
            columns=number(0x00280011),
            frames=number(0x00280008, 1),
            bits_allocated=number(0x00280100),
            bits_stored=number(0x00280101),
            high_bit=number(0x00280102, number(0x00280101) - 1),
            is_signed=signed,
            rescale_slope=_real(text(0x00281053), 1.0) or 1.0,
            rescale_intercept=_real(text(0x00281052)),
            windows=tuple((centre, width) for centre, width in windows if width > 0),
            padding=_signed(text(0x00280120), signed),
            smallest=_signed(text(0x00280106), signed),
            regions=regions,
            has_pixel_data=has_pixel_data,
            has_float_pixels=has_float_pixels,
            mime_type=text(0x00420012).lower(),
            lossy=text(0x00282110),
            lossy_methods=sum(map(bool, texts(0x00282114))),
            lossy_ratios=sum(map(bool, texts(0x00282112))),
            palette=tuple((entry[0], entry[1], entry[2]) for entry in descriptors if len(entry) == 3),
        )


_PALETTE = (0x00281101, 0x00281102, 0x00281103)
_READ = frozenset(
    (
        *(0x00080008, 0x00080016, 0x00080060, 0x00080064, 0x00080070, 0x00081090, 0x00181020),
        *(0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101),
        *(0x00280102, 0x00280103, 0x00280106, 0x00280120, 0x00280301, 0x00281050, 0x00281051, 0x00281052),
        *(0x00281053, 0x00282110, 0x00282112, 0x00282114, 0x00420012, *_PALETTE),
    )
)
_NUMBER = re.compile(r"\s*[+-]?\d{1,12}(\.0*)?\s*")


def _whole(text: str, default: int) -> int:
    return int(float(text)) if _NUMBER.fullmatch(text) else default


def _real(text: str, default: float = 0.0) -> float:
    try:
        value = float(text)
    except ValueError:
        return default
    return value if -_BIG < value < _BIG else default


def _signed(text: str, signed: bool) -> int | None:
    """A value of "US or SS": PixelRepresentation tells which, because implicit VR does not."""
    if not _NUMBER.fullmatch(text):
        return None
    value = _whole(text, 0)
    return value - 0x10000 if signed and value >= 0x8000 else value


_REGIONS = 0x00186011
JSON_KEYS = frozenset(f"{tag:08X}" for tag in (*_READ, 0x00083002, _REGIONS))
"""The keys of a data set on whose elements `PixelHeader.from_json` depends."""
PIXEL_KEYS = ("7FE00008", "7FE00009", "7FE00010")
"""Those of which it only matters whether the data set has them: their URIs differ between instances."""
_CORNERS = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
"""RegionLocationMinX0, MinY0, MaxX1, MaxY1 (PS3.3 Section C.8.5.5), the last column and row included."""


def _box(corners: list[int]) -> Box | None:
    left, top, right, bottom = corners
    return Box(left, top, right - left + 1, bottom - top + 1) if right >= left and bottom >= top else None


def _regions(instance: InstanceElements) -> tuple[Box, ...]:
    """The regions, from the corners (UL) that are found by their encoded tags in the value of the sequence."""
    value, encoding = instance.value(_REGIONS), instance.encoding
    heads = [encoding.element_head(encoding.key_of(tag, "UL"), 4) for tag in _CORNERS]
    boxes: list[Box] = []
    position = 0
    while (position := value.find(heads[0], position)) >= 0:
        corners = []
        for head in heads:
            position = value.find(head, position)
            if position < 0 or position + len(head) + 4 > len(value):
                return tuple(boxes)
            position += len(head)
            corners.append(encoding.u32.unpack_from(value, position)[0])
        if (box := _box(corners)) is not None:
            boxes.append(box)
    return tuple(boxes)


def _json_values(dataset: Mapping[str, object], tag: int) -> list[object]:
    element = dataset.get(f"{tag:08X}")
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values if isinstance(values, list) else []


def _json_regions(dataset: Mapping[str, object]) -> tuple[Box, ...]:
    boxes = []
    for item in _json_values(dataset, _REGIONS):
        if isinstance(item, Mapping):
            corners = [_json_values(item, tag)[:1] for tag in _CORNERS]
            numbers = [value for values in corners for value in values if isinstance(value, int)]
            if len(numbers) == len(_CORNERS) and (box := _box(numbers)) is not None:
                boxes.append(box)
    return tuple(boxes)


def frame_layout(header: PixelHeader) -> FrameLayout:
    """The layout of each frame, for the codecs.

    Raises InvalidDataSetError if the values are not in the lowest bits, because the search would not see the pixels
    that are displayed.
    """
    if header.bits_stored and header.high_bit != header.bits_stored - 1:
        raise InvalidDataSetError("(0028,0102) HighBit is not BitsStored - 1, as PS3.5 Section 8.1.1 has it")
    return FrameLayout(
        rows=header.rows,
        columns=header.columns,
        samples=header.samples_per_pixel,
        bits_allocated=header.bits_allocated,
        bits_stored=header.bits_stored or header.bits_allocated,
        pixel_representation=int(header.is_signed),
        planar_configuration=header.planar_configuration if header.samples_per_pixel > 1 else 0,
        photometric_interpretation=header.photometric_interpretation,
    )


def describe(header: PixelHeader) -> str:
    """The size and the transfer syntax, for a message; nothing that identifies."""
    size = f"{header.columns} x {header.rows}"
    return size if header.frames == 1 else f"{header.frames} frames of {size}"


assert all(dictionary.vr_of(tag) for tag in _READ)
