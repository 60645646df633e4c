"""The gate: decides from the header alone how text in the pixels of an instance is treated.

    nothing   the pixels pass unchanged
    masks     boxes that are known from the header are covered
    look      the pixels are searched for text, and the text found is covered
    refuse    no safe output exists

(0028,0301) Burned In Annotation is trusted if it is YES, never if it is NO. No pixel is read here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from importlib.util import find_spec

from dicomveil_engine.attributes._standard import DEFINED_TERM_WORDS
from dicomveil_engine.configuration.pixels import Documents, Faces, PixelSettings, PixelText, SliceGate
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.mask_file import read_table, shipped_table
from dicomveil_engine.pixels.masks import DeviceTable
from dicomveil_engine.pixels.regions import outside

INSTALL = "install the extra (pip install 'dicomveil-engine[pixels]')"


class PixelAction(Enum):
    """The treatment of an instance's pixels."""

    NOTHING = "nothing"
    MASKS = "masks"
    LOOK = "look"
    REFUSE = "refuse"


class Condition(Enum):
    """The condition under which an instance is searched."""

    ALWAYS = "always"
    SAMPLE = "sample"
    """Only if it is a sample of its series, or if a sample of the series holds text."""
    STROKES = "strokes"
    """Only if the fast test of `strokes` finds any."""


@dataclass(frozen=True)
class PixelVerdict:
    """The treatment of an instance's pixels, and the reason."""

    action: PixelAction
    reason: str
    """For messages and reports: names attributes and settings, never a value that identifies."""
    masks: tuple[Box, ...] = ()
    """Covered in every frame, in addition to text that is found."""
    condition: Condition = Condition.ALWAYS
    claims: bool = False
    """Whether the released instance declares cleaned pixels: (0028,0301) NO, and 113101 in (0012,0064)."""
    is_document: bool = False
    """Whether the pixels are the pages of an encapsulated PDF."""
    rotated: bool = True
    """Whether the picture is also searched turned by 90 degrees."""
    has_face: bool = False
    """Whether a face could be reconstructed from the series, so that (0028,0302) becomes YES."""


SLICE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
"""CT, MR and PET Image Storage: one frame each."""
_NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
_SMALL = 128
"""Rows and columns up to which nuclear medicine counts as slices: legible text hardly fits in."""
_ENHANCED = {
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.130",
}
_NO_PICTURE = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation holds no picture",
    "1.2.840.10008.5.1.4.1.1.66.7": "a label map holds no picture",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose distribution holds no picture",
}
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_VIDEO = "1.2.840.10008.1.2.4.10"
"""MPEG-2, MPEG-4 and HEVC: 1.2.840.10008.1.2.4.100 to 108."""
_HEAD_MODALITIES = frozenset(("CT", "MR", "PT"))


def gate(header: PixelHeader, settings: PixelSettings) -> PixelVerdict:
    """The treatment of an instance's pixels under these settings.

    Every header gets a verdict, and pixels never count as safe because an attribute is missing.
    """
    if settings.faces is Faces.REFUSE and _may_show_face(header):
        return PixelVerdict(PixelAction.REFUSE, 'a face could be made from these slices, and "faces" is "refuse"')
    verdict = _gate(header, settings)
    if settings.faces is Faces.FLAG and _may_show_face(header):
        verdict = replace(verdict, has_face=True)
    if settings.text is PixelText.REFUSE and verdict.action in {PixelAction.MASKS, PixelAction.LOOK}:
        return PixelVerdict(
            PixelAction.REFUSE,
            f'{verdict.reason}, and "pixels" is "refuse"; to have text covered, {INSTALL} and write "pixels": "clean"',
        )
    if verdict.action in {PixelAction.MASKS, PixelAction.LOOK} and not can_clean():
        return PixelVerdict(
            PixelAction.REFUSE,
            f"{verdict.reason}, and what covers text is not installed; {INSTALL}, or write "
            '"pixels": "keep" to let text in pixels pass',
        )
    return verdict


@lru_cache(1)
def can_clean() -> bool:
    """Whether the extra `pixels` is installed, without importing it."""
    return all(find_spec(name) is not None for name in ("numpy", "imagecodecs", "onnxruntime", "rapidocr", "cv2"))


def _gate(header: PixelHeader, settings: PixelSettings) -> PixelVerdict:
    if settings.text is PixelText.KEEP:
        return PixelVerdict(PixelAction.NOTHING, '"pixels" is "keep": text in pixels passes')
    if not header.has_pixel_data:
        return _without_pixels(header, settings)
    if (reason := _NO_PICTURE.get(header.sop_class_uid)) is not None:
        return PixelVerdict(PixelAction.NOTHING, reason)
    if header.transfer_syntax_uid.startswith(_VIDEO):
        return PixelVerdict(PixelAction.REFUSE, "text in video cannot be covered without decoding it as a whole")
    if header.sop_class_uid == _WHOLE_SLIDE:
        return _whole_slide(header, settings)
    return _by_device(header, settings) or _by_kind(header, settings)


def _without_pixels(header: PixelHeader, settings: PixelSettings) -> PixelVerdict:
    if header.has_float_pixels:
        return PixelVerdict(PixelAction.NOTHING, "floating point pixels hold no picture")
    if header.sop_class_uid == _PDF or "pdf" in header.mime_type:
        if settings.documents is Documents.CLEAN:
            return PixelVerdict(
                PixelAction.LOOK, 'an encapsulated PDF, and "documents" is "clean"', claims=True, is_document=True
            )
        return PixelVerdict(PixelAction.NOTHING, "an encapsulated document is left to the profile, which removes it")
    return PixelVerdict(PixelAction.NOTHING, "there are no pixels")


def _whole_slide(header: PixelHeader, settings: PixelSettings) -> PixelVerdict:
    """PS3.3 Section C.8.12.4.1.1: Image Type value 3 is VOLUME, LABEL, OVERVIEW or THUMBNAIL."""
    flavour = header.image_type[2] if len(header.image_type) > 2 else ""
    if flavour in {"LABEL", "OVERVIEW"}:
        return PixelVerdict(PixelAction.REFUSE, f"a whole-slide {flavour} image shows the label of the slide")
    if flavour == "VOLUME" and _says_yes(header) is False and settings.gate is SliceGate.TRUST:
        return PixelVerdict(PixelAction.NOTHING, 'tiles of a slide\'s tissue pass under "gate": "trust"')
    return PixelVerdict(PixelAction.LOOK, "a whole-slide image", claims=True)


def _by_device(header: PixelHeader, settings: PixelSettings) -> PixelVerdict | None:
    boxes: tuple[Box, ...] = ()
    if "ultrasoundRegions" in settings.masks:
        boxes = outside(header)
    if "devices" not in settings.masks:
        return (
            PixelVerdict(PixelAction.LOOK, "everything outside the ultrasound regions", boxes, claims=True)
            if (boxes)
            else None
        )
    table = _table(settings.device_table)
    device = table.find(header)
    if device is not None:
        fits = device.fits(header)
        if not fits and table.unmatched == "refuse":
            return PixelVerdict(
                PixelAction.REFUSE,
                f'boxes of the device table\'s entry "{device.name}" are outside this frame, '
                'and the table says unmatched = "refuse"',
            )
        # If a box lies outside the frame, the entry was written for another kind of frame.
        action = PixelAction.MASKS if fits and not device.look else PixelAction.LOOK
        reason = f'the device table has an entry: "{device.name}"'
        return PixelVerdict(action, reason, (*boxes, *device.boxes(header)), claims=True)
    if table.unmatched == "refuse" and table.knows_other_size(header):
        return PixelVerdict(
            PixelAction.REFUSE,
            'the device table knows the device, but no frames of this size, and says unmatched = "refuse"',
        )
    if boxes:
        return PixelVerdict(PixelAction.LOOK, "everything outside the ultrasound regions", boxes, claims=True)
    return None


@lru_cache(16)
def _table(text: str) -> DeviceTable:
    return read_table(text).over(shipped_table()) if text else shipped_table()


def _by_kind(header: PixelHeader, settings: PixelSettings) -> PixelVerdict:
    if _says_yes(header):
        return _look("(0028,0301) BurnedInAnnotation says YES")
    if header.conversion_type:
        return _look("(0008,0064) ConversionType says that the image was scanned or captured")
    if is_slice(header):
        return _slice(settings)
    if header.sop_class_uid in SLICE_CLASSES or header.sop_class_uid in _ENHANCED:
        rotated = not _is_original(header)
        kind = "multi-frame" if header.frames > 1 or header.sop_class_uid in _ENHANCED else "derived or secondary"
        return PixelVerdict(PixelAction.LOOK, f"a {kind} {_named(header, 'image')}", claims=True, rotated=rotated)
    missing = "an image without (0008,0060) Modality" if not header.modality else "an image of an unknown modality"
    return _look(f"{_named(header, missing)} often holds text")


def _named(header: PixelHeader, otherwise: str) -> str:
    """The modality if it is a word of the standard's terms: reasons are in messages, and the value may be any text."""
    return header.modality if header.modality in DEFINED_TERM_WORDS else otherwise


def _look(reason: str) -> PixelVerdict:
    return PixelVerdict(PixelAction.LOOK, reason, claims=True)


def _slice(settings: PixelSettings) -> PixelVerdict:
    what = "ORIGINAL\\PRIMARY single-frame CT, MR and PT"
    if settings.gate is SliceGate.TRUST:
        return PixelVerdict(PixelAction.NOTHING, f'{what} pass under "gate": "trust"')
    condition = {
        SliceGate.SAMPLE: Condition.SAMPLE,
        SliceGate.STROKES: Condition.STROKES,
    }.get(settings.gate, Condition.ALWAYS)
    return PixelVerdict(
        PixelAction.LOOK,
        f'{what} are searched under "gate": "{settings.gate.value}"',
        condition=condition,
        claims=True,
        rotated=False,
    )


def is_slice(header: PixelHeader) -> bool:
    """Whether text is unlikely: an original single-frame CT, MR or PT image, or nuclear medicine up to 128 x 128."""
    is_kind = SLICE_CLASSES.get(header.sop_class_uid) == header.modality and header.frames == 1
    is_small = max(header.rows, header.columns) <= _SMALL
    return (
        (is_kind or (header.sop_class_uid == _NUCLEAR_MEDICINE and header.modality == "NM" and is_small))
        and header.samples_per_pixel == 1
        and header.bits_allocated == 16
        and _is_original(header)
        and not header.conversion_type
        and header.burned_in_annotation in {"", "NO"}
    )


def _is_original(header: PixelHeader) -> bool:
    """ORIGINAL in (0008,0008) Image Type (PS3.3 Section C.7.6.1.1.2), and no sign of a screen capture."""
    screen = any("SCREEN" in value or "SECONDARY" in value or "DOSE" in value for value in header.image_type)
    return header.image_type[:2] == ("ORIGINAL", "PRIMARY") and not screen


def _says_yes(header: PixelHeader) -> bool:
    """Whether (0028,0301) declares text: any value but NO counts as YES."""
    return header.burned_in_annotation not in {"", "NO"}


def _may_show_face(header: PixelHeader) -> bool:
    return header.modality in _HEAD_MODALITIES and header.sop_class_uid in {*SLICE_CLASSES, *_ENHANCED}
