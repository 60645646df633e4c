"""Judge covered instances against the truth about their lines of text.

A line counts as covered when at least 95 % of its ink, in every frame that has it, has changed by more than 35 % of its
contrast or lies in an area that is flat now, and its shape is gone. Also judged: pixels that changed outside filled
areas, the share of the picture that was covered needlessly, whether the result is valid, and its claims.

The judge decodes with pydicom and imagecodecs by itself, so that it shares no code with what it judges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filebase import DicomBytesIO

Array = npt.NDArray[Any]
_LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
_JPEG = {*_LOSSY}
_JPEG_LOSSLESS = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
_JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
_JPEG_2000 = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}


@dataclass(frozen=True)
class TrueLine:
    """One line of text that was drawn."""

    text: str
    kind: str
    """`header`: a value of the header; `third`: another person; `tech`: technique or orientation."""
    place: str = "pixel"
    boxes: Mapping[int, tuple[int, int, int, int]] = field(default_factory=dict)
    """By frame, the first is 0: x, y, width, height."""
    conditions: tuple[str, ...] = ()
    ink: npt.NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)
    """Where in the boxes the line can be seen, where it is known: half a line may be black upon black."""

    @property
    def identifies(self) -> bool:
        """Whether the line must be covered in every mode."""
        return self.kind != "tech"


@dataclass
class Score:
    """What came of one instance."""

    name: str
    covered: list[TrueLine] = field(default_factory=list)
    missed: list[TrueLine] = field(default_factory=list)
    kept_technique: int = 0
    technique: int = 0
    changed_elsewhere: int = 0
    """Pixels that changed though no filled area holds them."""
    needless: float = 0.0
    """Share of the picture that is filled, away from all text."""
    faults: list[str] = field(default_factory=list)
    """What is invalid."""
    false_claim: bool = False
    """Whether it says that burnt-in text was cleaned, though a line that identifies is left."""
    invisible: int = 0
    """Lines that were drawn in the colour of their ground: nobody can read them, and they are not judged."""
    refused: str = ""
    seconds: float = 0.0
    is_control: bool = False


def truth_of(entries: Iterable[Mapping[str, Any]]) -> list[TrueLine]:
    """Lines as truth files write them."""
    return [
        TrueLine(
            entry["text"],
            entry["class"],
            entry["where"],
            {int(frame): tuple(box) for frame, box in entry["boxes"].items()},
            tuple(entry.get("conditions", ())),
        )
        for entry in entries
    ]


def frames_of(dataset: Dataset) -> list[Array]:
    """The stored values of each frame; colours by pixel."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    count = int(dataset.get("NumberOfFrames") or 1)
    if syntax in _JPEG | _JPEG_LOSSLESS | _JPEG_LS | _JPEG_2000:
        decode = (
            imagecodecs.jpeg8_decode
            if syntax in _JPEG
            else imagecodecs.jpegls_decode
            if syntax in _JPEG_LS
            else imagecodecs.jpeg2k_decode
            if syntax in _JPEG_2000
            else imagecodecs.ljpeg_decode
        )
        frames = [decode(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=count)]
    else:
        pixels = dataset.pixel_array
        frames = [pixels] if count == 1 else list(pixels)
    stored, signed = int(dataset.BitsStored), int(dataset.PixelRepresentation)
    if frames[0].ndim == 2 and frames[0].dtype.itemsize * 8 > stored:
        unused = frames[0].dtype.itemsize * 8 - stored
        kind = np.dtype(f"{'i' if signed else 'u'}{frames[0].dtype.itemsize}")
        frames = [(frame.view(kind) << unused) >> unused for frame in frames]
    elif signed:
        frames = [frame.view(f"i{frame.dtype.itemsize}") for frame in frames]
    return frames


def score(name: str, before: bytes, after: bytes, lines: list[TrueLine]) -> Score:
    """Judge one instance."""
    original, result = dcmread(DicomBytesIO(before)), dcmread(DicomBytesIO(after))
    outcome = Score(name, is_control=not lines)
    try:
        old, new = frames_of(original), frames_of(result)
    except Exception as error:  # noqa: BLE001 - decoders raise anything
        outcome.faults.append(f"does not decode: {type(error).__name__}")
        outcome.missed += [line for line in lines if line.identifies]
        return outcome
    outcome.faults += _faults(result, new, old)
    old, new = (
        [_as_shown(frame, data.PhotometricInterpretation, str(data.file_meta.TransferSyntaxUID)) for frame in frames]
        for data, frames in ((original, old), (result, new))
    )
    if outcome.faults and len(new) != len(old):
        return outcome
    lossy_colours = str(original.file_meta.TransferSyntaxUID) in _LOSSY or (
        original.PhotometricInterpretation != result.PhotometricInterpretation
    )
    needless = []
    for index, (first, last) in enumerate(zip(old, new, strict=True)):
        changed = _changed(first, last, tolerance=3 if lossy_colours else 0)
        filled = _filled(last) & _grown(changed, 1)
        outcome.changed_elsewhere += int((changed & ~_grown(filled, 1)).sum())
        text = np.zeros(changed.shape, bool)
        for line in lines:
            if line.place == "pixel" and index in line.boxes:
                x, y, width, height = line.boxes[index]
                margin = max(8, height)
                text[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin] = True
        needless.append(float((filled & changed & ~text).mean()))
    outcome.needless = max(needless)
    for line in lines:
        _judge(outcome, line, result, old, new)
    outcome.false_claim = bool(outcome.missed) and result.get("BurnedInAnnotation") == "NO"
    return outcome


def _as_shown(frame: Array, interpretation: str, syntax: str) -> Array:
    """YBR_FULL as RGB; JPEG's decoder has done so already."""
    if frame.ndim != 3 or not interpretation.startswith("YBR_FULL") or syntax in _JPEG:
        return frame
    y, blue, red = (frame[..., index].astype(np.float64) for index in range(3))
    blue, red = blue - 128, red - 128
    rgb = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], axis=-1)
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)


def _judge(outcome: Score, line: TrueLine, result: Dataset, old: list[Array], new: list[Array]) -> None:
    if line.place == "pixel" and (
        not all(_has_ink(old[frame], box) for frame, box in line.boxes.items())
        or (line.ink is not None and not line.ink.any())
    ):
        outcome.invisible += 1  # drawn in the colour of its ground
        return
    if line.place == "icon":
        gone = "IconImageSequence" not in result
    elif line.place == "overlay":
        gone = not any(element.tag.group & 0xFF00 == 0x6000 for element in result)
    elif line.place == "overlay_high":
        gone = not any(element.tag.group & 0xFF00 == 0x6000 for element in result) and not _has_unused_bits(result)
    else:
        gone = all(is_covered(old[frame], new[frame], box, line.ink) for frame, box in line.boxes.items())
    if not line.identifies:
        outcome.technique += 1
        outcome.kept_technique += not gone
    elif gone:
        outcome.covered.append(line)
    else:
        outcome.missed.append(line)


def _has_ink(frame: Array, box: tuple[int, int, int, int]) -> bool:
    x, y, width, height = box
    values = _grey(frame[y : y + height, x : x + width])
    return bool(values.size) and float(np.ptp(values)) > 0


def is_covered(
    old: Array, new: Array, box: tuple[int, int, int, int], known: npt.NDArray[np.bool_] | None = None
) -> bool:
    """Whether the ink in a box is gone; it is what stands out from the ground, unless it is known."""
    x, y, width, height = box
    before, after = (_grey(frame[y : y + height, x : x + width]) for frame in (old, new))
    if not before.size:
        return True
    around = _grey(old[max(y - 3, 0) : y + height + 3, max(x - 3, 0) : x + width + 3])
    ground = float(np.median(np.concatenate([around[:2].ravel(), around[-2:].ravel()])))
    contrast = np.abs(before - ground)
    ink = contrast > 0.5 * max(float(np.percentile(contrast, 99)), 1e-6)
    if known is not None:
        ink = known[: before.shape[0], : before.shape[1]]
    elif not ink.any():
        ink = contrast == contrast.max()
    strength = contrast[ink]
    changed = (np.abs(after - before)[ink] > 0.35 * strength) & (strength > 0)
    flat = _filled(new)[y : y + height, x : x + width][ink]
    if (changed | flat).mean() < 0.95:
        return False
    # The shape is gone: what is left does not follow the ink any more.
    if float(after.std()) < 1e-6:
        return True
    shape = float(np.corrcoef(ink.ravel(), after.ravel())[0, 1]) if 0 < ink.sum() < ink.size else 0.0
    return math.isnan(shape) or abs(shape) < 0.5 or bool(flat.mean() > 0.95)


def _grey(frame: Array) -> Array:
    values = frame.astype(np.float64)
    return values.mean(axis=2) if values.ndim == 3 else values


def _changed(old: Array, new: Array, *, tolerance: int) -> npt.NDArray[np.bool_]:
    if old.shape != new.shape:
        return np.ones(old.shape[:2], bool)
    difference = np.abs(old.astype(np.int64) - new.astype(np.int64))
    changed = difference > tolerance
    return np.asarray(changed.any(axis=2) if changed.ndim == 3 else changed)


def _filled(frame: Array) -> npt.NDArray[np.bool_]:
    """Pixels in an area of one value: a rectangle of 5 x 5 of it holds them."""
    values = frame if frame.ndim == 3 else frame[:, :, None]
    same_right = (values[:, 1:] == values[:, :-1]).all(axis=2)
    same_below = (values[1:] == values[:-1]).all(axis=2)
    rows, columns = frame.shape[:2]
    flat = np.zeros((rows, columns), bool)
    size = 5
    if rows < size or columns < size:
        return flat
    across = np.lib.stride_tricks.sliding_window_view(same_right, size - 1, axis=1).all(axis=2)
    down = np.lib.stride_tricks.sliding_window_view(same_below, size - 1, axis=0).all(axis=2)
    whole = np.lib.stride_tricks.sliding_window_view(across, size, axis=0).all(axis=2)
    whole &= np.lib.stride_tricks.sliding_window_view(down, size, axis=1).all(axis=2)
    for row in range(size):
        for column in range(size):
            flat[row : row + whole.shape[0], column : column + whole.shape[1]] |= whole
    return flat


def _grown(mask: npt.NDArray[np.bool_], by: int) -> npt.NDArray[np.bool_]:
    grown = mask.copy()
    for shift in range(1, by + 1):
        grown[shift:] |= mask[:-shift]
        grown[:-shift] |= mask[shift:]
    wide = grown.copy()
    for shift in range(1, by + 1):
        wide[:, shift:] |= grown[:, :-shift]
        wide[:, :-shift] |= grown[:, shift:]
    return wide


def _has_unused_bits(result: Dataset) -> bool:
    if result.BitsAllocated == result.BitsStored or result.file_meta.TransferSyntaxUID.is_encapsulated:
        return False
    values = np.frombuffer(result.PixelData, f"<u{result.BitsAllocated // 8}")
    return bool((values >> result.BitsStored).any())


def _faults(result: Dataset, new: list[Array], old: list[Array]) -> list[str]:
    faults = []
    if len(new) != len(old) or any(a.shape[:2] != b.shape[:2] for a, b in zip(new, old, strict=False)):
        faults.append("another number or size of frames")
    if result.file_meta.TransferSyntaxUID.is_encapsulated:
        if "ExtendedOffsetTable" in result and str(result.file_meta.TransferSyntaxUID) == "1.2.840.10008.1.2.4.80":
            faults.append("an Extended Offset Table of other frames")
        is_jpeg = "JPEG" in result.file_meta.TransferSyntaxUID.name
        if new[0].ndim == 3 and result.get("PlanarConfiguration") != 0 and is_jpeg:
            faults.append("a Planar Configuration that is not 0")
    elif "ExtendedOffsetTable" in result:
        faults.append("an Extended Offset Table on native pixels")
    if (new[0].ndim == 3) != (result.SamplesPerPixel == 3):
        faults.append("another number of samples")
    codes = [item.CodeValue for item in result.get("DeidentificationMethodCodeSequence", [])]
    if (result.get("BurnedInAnnotation") == "NO") != ("113101" in codes):
        faults.append("(0028,0301) and 113101 disagree")
    return faults


def claims_clean(data: bytes) -> bool:
    """Whether the instance says that burnt-in text was removed."""
    return bool(dcmread(DicomBytesIO(data), stop_before_pixels=True).get("BurnedInAnnotation") == "NO")


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson)."""
    if not of:
        return 0.0, 1.0
    z, rate = 1.96, hits / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(middle - half, 0.0), min(middle + half, 1.0)
