"""Instances with burnt-in text, made from nothing: backgrounds that look like anatomy, invented people, many faces.

Every instance comes with the truth about its lines. The same seed gives the same instances on a machine with the same
fonts; the DejaVu family (Debian: fonts-dejavu) is the least that is needed, Hershey strokes and a bitmap face come with
the libraries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO

from bench.pixel_scores import TrueLine
from dicomveil_engine.pixels.codecs import encode_frame
from dicomveil_engine.pixels.layout import FrameLayout

Array = npt.NDArray[Any]
Random = np.random.Generator

NATIVE, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
RLE, JPEG, JPEG_12, LOSSLESS = "1.2.840.10008.1.2.5", *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 70))
JPEG_LS, J2K = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
LOSSLESS_SYNTAXES = (NATIVE, IMPLICIT, RLE, LOSSLESS, JPEG_LS, J2K)

FAMILIES = ("Morkovin", "Vandersloot", "Achterberg", "Quisenberry", "Ostrander", "Bellweather", "Haverkamp", "Zielonka")
GIVEN = ("Theodora", "Ignatius", "Perpetua", "Leopold", "Wilhelmina", "Casimir", "Ottoline", "Ambrose")
PLACES = ("St. Elsewhere Hospital", "Nordstadt Klinik", "County General", "Clinica del Valle", "Mercy Imaging")
TECHNIQUE = (
    ("kVp 110", "mA 180", "SL 2.5 mm", "R"),
    ("Gain 54", "DR 62 dB", "FR 28 Hz", "Depth 16 cm"),
    ("TE 22 ms", "TR 540 ms", "W 350 C 50", "L"),
    ("AP SUPINE", "Zoom 120%", "MI 0.8", "TIS 0.4"),
)
_FONT_FOLDER = Path("/usr/share/fonts/truetype")
_HERSHEY = {
    "hershey simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "hershey plain": cv2.FONT_HERSHEY_PLAIN,
    "hershey duplex": cv2.FONT_HERSHEY_DUPLEX,
    "hershey complex": cv2.FONT_HERSHEY_COMPLEX,
}


@dataclass(frozen=True)
class Drawn:
    """One instance, and the truth about it."""

    name: str
    data: bytes
    lines: list[TrueLine]


def faces() -> list[str]:
    """The faces at hand: outlines, Hershey strokes, and a bitmap."""
    wanted = ("DejaVu", "Liberation", "FreeSans", "FreeSerif", "FreeMono", "Lato-Regular", "Lato-Bold", "Hack")
    found = sorted(_FONT_FOLDER.rglob("*.ttf")) if _FONT_FOLDER.is_dir() else []
    outlines = [str(path) for path in found if path.name.startswith(wanted) and "Math" not in path.name]
    return [*outlines, *_HERSHEY, "bitmap"]


_VISIBLE = 0.02
"""Share of the range by which ink must differ from its ground to be seen."""
_LEGIBLE = 0.2
"""Share of a line's ink that must be seen, for the line to be judged."""


def ink(text: str, face: str, height: int) -> Array:
    """A text as a mask of 0 to 255, cut to its ink; letters about so many pixels high."""
    if face in _HERSHEY:
        scale = height / 22
        thickness = max(1, round(scale * 1.3))
        (width, above), below = cv2.getTextSize(text, _HERSHEY[face], scale, thickness)
        mask = np.zeros((above + below + 8, width + 8), np.uint8)
        cv2.putText(mask, text, (4, above + 4), _HERSHEY[face], scale, 255, thickness, cv2.LINE_AA)
    else:
        font = ImageFont.load_default_imagefont() if face == "bitmap" else ImageFont.truetype(face, height * 4 // 3)
        left, top, right, bottom = (int(value) for value in font.getbbox(text))
        picture = Image.new("L", (right - min(left, 0) + 4, bottom - min(top, 0) + 4), 0)
        ImageDraw.Draw(picture).text((2 - min(left, 0), 2 - min(top, 0)), text, fill=255, font=font)
        mask = np.asarray(picture)
        if face == "bitmap" and height > 14:
            mask = np.kron(mask, np.ones((2, 2), np.uint8))
    rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
    return np.ascontiguousarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


class Page:
    """A frame of grey values from 0 to 1, and the lines drawn on it."""

    def __init__(self, ground: Array, random: Random) -> None:
        self.values = ground.astype(np.float64)
        self.lines: list[TrueLine] = []
        self._random = random

    def write(
        self,
        text: str,
        kind: str,
        at: tuple[int, int],
        face: str,
        height: int,
        *,
        value: float = 1.0,
        turn: int = 0,
        anchor: str = "left",
        conditions: tuple[str, ...] = (),
    ) -> int:
        """Draw a line with its upper left (or right) corner at a place; its height comes back."""
        mask = np.rot90(ink(text, face, height), turn)
        x, y = at
        x = x - mask.shape[1] if anchor == "right" else x
        x = max(0, min(x, self.values.shape[1] - mask.shape[1]))
        y = max(0, min(y, self.values.shape[0] - mask.shape[0]))
        mask = mask[: self.values.shape[0], : self.values.shape[1]]
        rows, columns = mask.shape
        area = self.values[y : y + rows, x : x + columns]
        seen = (mask > 127) & (np.abs(value - area) > _VISIBLE)
        if seen.sum() < _LEGIBLE * (mask > 127).sum():
            seen[:] = False
        area += (value - area) * (mask / 255)
        name = Path(face).stem
        box = {0: (x, y, columns, rows)}
        self.lines.append(TrueLine(text, kind, "pixel", box, (name, f"{height} px", *conditions), seen))
        return int(rows)


def _ellipse(shape: tuple[int, int], middle: tuple[float, float], axes: tuple[float, float]) -> Array:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(
        ((rows / shape[0] - middle[0]) / axes[0]) ** 2 + ((columns / shape[1] - middle[1]) / axes[1]) ** 2
    )


def _blurred(random: Random, shape: tuple[int, int], size: float) -> Array:
    noise = random.normal(size=shape).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), size)
    return np.asarray(smooth / (np.abs(smooth).max() + 1e-9))


def head(random: Random, shape: tuple[int, int]) -> Array:
    """A head CT: skull, brain, ventricles."""
    body = _ellipse(shape, (0.5, 0.5), (0.36, 0.29))
    ground = np.where(body < 1.0, 0.95, 0.02)
    brain = 0.45 + 0.06 * _blurred(random, shape, 6) + 0.03 * _blurred(random, shape, 2)
    ground = np.where(body < 0.85, brain, ground)
    for side in (-1, 1):
        ventricle = _ellipse(shape, (0.46, 0.5 + side * 0.06), (0.11, 0.03))
        ground = np.where(ventricle < 1, 0.33, ground)
    return np.asarray(np.clip(cv2.GaussianBlur(ground, (0, 0), 1) + 0.012 * random.normal(size=shape), 0, 1))


def chest(random: Random, shape: tuple[int, int]) -> Array:
    """A chest radiograph: lungs, ribs, heart."""
    ground = np.full(shape, 0.62) + 0.1 * _blurred(random, shape, shape[0] / 20)
    for side in (-1, 1):
        lung = _ellipse(shape, (0.45, 0.5 + side * 0.2), (0.32, 0.15))
        ground = np.where(lung < 1, 0.28 + 0.08 * _blurred(random, shape, 9), ground)
    rows = np.arange(shape[0])[:, None]
    columns = np.arange(shape[1])[None, :]
    ribs = np.sin((rows + 60 * np.abs(columns / shape[1] - 0.5)) / shape[0] * 70)
    ground = ground + 0.05 * np.where(ribs > 0.7, 1, 0) * (np.abs(columns / shape[1] - 0.5) < 0.36)
    heart = _ellipse(shape, (0.6, 0.56), (0.16, 0.13))
    ground = np.where(heart < 1, 0.7, ground)
    return np.asarray(np.clip(cv2.GaussianBlur(ground, (0, 0), 2) + 0.01 * random.normal(size=shape), 0, 0.93))


def fan(random: Random, shape: tuple[int, int]) -> Array:
    """An ultrasound sector: speckle between two lines, dark elsewhere."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    down, across = rows - 0.08 * shape[0], columns - 0.5 * shape[1]
    radius, angle = np.hypot(down, across), np.arctan2(across, down)
    inside = (np.abs(angle) < 0.62) & (radius > 0.08 * shape[0]) & (radius < 0.82 * shape[0])
    tissue = 0.3 + 0.25 * _blurred(random, shape, 18)
    speckle = random.rayleigh(0.5, shape)
    cyst = _ellipse(shape, (0.5, 0.47), (0.1, 0.08)) < 1
    values = tissue * speckle
    values[cyst] *= 0.15
    smooth = cv2.GaussianBlur(np.where(inside, values, 0), (0, 0), 1.1)
    return np.asarray(np.clip(smooth, 0, 0.85))


def breast(random: Random, shape: tuple[int, int]) -> Array:
    """A mammogram: a half ellipse at one side."""
    body = _ellipse(shape, (0.52, 0.0), (0.42, 0.72))
    tissue = 0.5 + 0.2 * _blurred(random, shape, 25) + 0.12 * _blurred(random, shape, 5)
    return np.asarray(np.clip(np.where(body < 1, tissue * np.clip(1.3 - body, 0, 1), 0.01), 0, 0.9))


def plain(random: Random, shape: tuple[int, int]) -> Array:
    """A dark screen."""
    return np.full(shape, 0.03) + 0.0 * random.random(shape)


def paper(random: Random, shape: tuple[int, int]) -> Array:
    """Scanned paper."""
    return np.asarray(np.clip(0.93 + 0.02 * random.normal(size=shape), 0, 1))


GROUNDS = {"head": head, "chest": chest, "fan": fan, "breast": breast, "plain": plain, "paper": paper}


@dataclass(frozen=True)
class Kind:
    """A sort of instance."""

    name: str
    modality: str
    sop_class: str
    shape: tuple[int, int]
    ground: str
    heights: tuple[int, ...]
    encodings: tuple[tuple[str, str, int], ...]
    """Transfer syntax, photometric interpretation, bits stored."""
    frames: int = 1
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY")
    special: str = ""
    over: bool = False
    """Whether a line is written over anatomy, too."""


_US, _USM, _SC = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.7"
_CT, _MR, _DX = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.1.1"
_MG, _XA, _VL = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.77.1.4"
_GREY8 = tuple((syntax, "MONOCHROME2", 8) for syntax in LOSSLESS_SYNTAXES)
_GREY12 = tuple((syntax, "MONOCHROME2", 12) for syntax in LOSSLESS_SYNTAXES)
_SECONDARY = ("DERIVED", "SECONDARY")
KINDS = (
    Kind(
        "US", "US", _US, (480, 640), "fan", (9, 11, 13, 16),
        (
            (NATIVE, "RGB", 8), (NATIVE, "RGB planar", 8), (BIG, "RGB", 8), (RLE, "RGB", 8), (J2K, "RGB", 8),
            (JPEG_LS, "RGB", 8), (NATIVE, "YBR_FULL", 8), (NATIVE, "YBR_FULL_422", 8), (JPEG, "YBR_FULL_422", 8),
            (JPEG, "MONOCHROME2", 8), (RLE, "PALETTE COLOR", 8), (NATIVE, "PALETTE COLOR", 8),
        ),
        over=True,
    ),
    Kind("US cine", "US", _USM, (480, 640), "fan", (10, 13), ((NATIVE, "RGB", 8), (RLE, "MONOCHROME2", 8),
         (JPEG, "YBR_FULL_422", 8)), frames=6),
    Kind("XA cine", "XA", _XA, (512, 512), "chest", (12, 16), ((LOSSLESS, "MONOCHROME2", 8), (BIG, "MONOCHROME2", 12)),
         frames=6),
    Kind("SC", "CT", _SC, (512, 512), "plain", (10, 13, 18), (*_GREY8, (NATIVE, "MONOCHROME1", 8), (RLE, "RGB", 8)),
         image_type=(*_SECONDARY, "SCREEN SAVE")),
    Kind("DX", "DX", _DX, (1400, 1150), "chest", (16, 24, 32), (*_GREY12, (JPEG_12, "MONOCHROME2", 12),
         (J2K, "MONOCHROME1", 12)), over=True),
    Kind("MG", "MG", _MG, (1664, 1280), "breast", (18, 26), ((JPEG_LS, "MONOCHROME2", 12),
         (NATIVE, "MONOCHROME1", 12))),
    Kind("CT", "CT", _CT, (512, 512), "head", (10, 12, 16), (*_GREY12, (NATIVE, "signed", 16), (JPEG_LS, "signed", 16),
         (BIG, "signed", 12)), over=True),
    Kind("MR", "MR", _MR, (256, 256), "head", (8, 9, 11), _GREY12),
    Kind("photo", "XC", _VL, (576, 768), "fan", (14, 18), ((JPEG, "YBR_FULL_422", 8), (NATIVE, "RGB", 8)), over=True),
    Kind("scan", "OT", _SC, (1100, 850), "paper", (11, 14), ((NATIVE, "MONOCHROME2", 8), (RLE, "MONOCHROME2", 8),
         (NATIVE, "bit", 1)), image_type=_SECONDARY),
    Kind("upside down", "SC", _SC, (512, 512), "plain", (12, 16), _GREY8[:2], special="upside down"),
    Kind("turned", "SC", _SC, (512, 512), "plain", (12, 16), _GREY8[2:4], special="turned"),
    Kind("faint", "CT", _CT, (512, 512), "head", (12, 16), _GREY12[:3], special="faint"),
    Kind("huge", "SC", _SC, (600, 800), "plain", (70, 110), _GREY8[:3], special="huge"),
    Kind("unused bits", "CT", _CT, (512, 512), "head", (12,), ((NATIVE, "high bits", 12), (JPEG_LS, "high bits", 12))),
    Kind("icon", "US", _US, (480, 640), "fan", (12,), ((JPEG, "YBR_FULL_422", 8),), special="icon"),
    Kind("control", "CT", _CT, (512, 512), "head", (), _GREY12[:4], special="control"),
    Kind("control", "DX", _DX, (1400, 1150), "chest", (), _GREY12[4:5], special="control"),
    Kind("control", "US", _US, (480, 640), "fan", (), ((NATIVE, "RGB", 8), (JPEG, "YBR_FULL_422", 8)),
         special="control"),
    Kind("control", "MG", _MG, (1664, 1280), "breast", (), _GREY12[:1], special="control"),
)  # fmt: skip


def instances(count: int, seed: int = 20, *, grounds: list[Array] | None = None) -> Iterator[Drawn]:
    """So many instances, each kind in turn and each of its encodings in turn.

    `grounds` are pictures of real anatomy, from 0 to 1, that are taken in the place of made ones.
    """
    for number in range(count):
        random = np.random.default_rng((seed, number))
        kind = KINDS[number % len(KINDS)]
        encoding = kind.encodings[number // len(KINDS) % len(kind.encodings)]
        ground = None
        if grounds is not None:
            kind = next(kind for kind in KINDS if kind.name == "CT")
            encoding = kind.encodings[number % len(kind.encodings)]
            ground = grounds[number % len(grounds)]
        yield _instance(f"{number:03d} {kind.name} {encoding[0][-5:]} {encoding[1]}", kind, encoding, random, ground)


def _instance(name: str, kind: Kind, encoding: tuple[str, str, int], random: Random, ground: Array | None) -> Drawn:
    made = GROUNDS[kind.ground](random, kind.shape) if ground is None else ground
    page = Page(made, random)
    person = _person(random)
    if kind.special != "control":
        _write(page, kind, person, random, over_real=ground is not None)
    elif kind.special == "control" and random.random() < 0.5:
        page.values = np.clip(page.values * random.uniform(0.6, 1.0), 0, 1)
    pages = [page.values]
    for _ in range(kind.frames - 1):
        moved = np.clip(np.roll(made, int(random.integers(-6, 7)), axis=0), 0, 1)
        text = np.abs(page.values - made) > 0.02
        pages.append(np.where(text, page.values, moved))
    lines = [replace(line, boxes=dict.fromkeys(range(kind.frames), line.boxes[0])) for line in page.lines]
    dataset = _dataset(kind, encoding, person)
    lines += _finish(dataset, kind, encoding, pages, person, random)
    stream = DicomBytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return Drawn(name, stream.getvalue(), lines)


def _person(random: Random) -> dict[str, str]:
    def pick(values: tuple[str, ...]) -> str:
        return values[int(random.integers(len(values)))]

    year, month, day = int(random.integers(1931, 2008)), int(random.integers(1, 13)), int(random.integers(1, 29))
    return {
        "family": pick(FAMILIES),
        "given": pick(GIVEN),
        "id": f"{int(random.integers(10**6, 10**7))}",
        "birth": f"{year:04d}{month:02d}{day:02d}",
        "date": f"20{int(random.integers(10, 26))}{month:02d}{day:02d}",
        "place": pick(PLACES),
        "third": f"{pick(GIVEN)[0]}. {pick(FAMILIES)}",
        "accession": f"A{int(random.integers(10**5, 10**6))}",
    }


def _write(page: Page, kind: Kind, person: dict[str, str], random: Random, *, over_real: bool) -> None:
    every = faces()

    def face() -> str:
        return every[int(random.integers(len(every)))]

    def height() -> int:
        return kind.heights[int(random.integers(len(kind.heights)))]

    def written(day: str) -> str:
        forms = (
            f"{day[6:]}.{day[4:6]}.{day[:4]}",
            f"{day[:4]}-{day[4:6]}-{day[6:]}",
            f"{day[4:6]}/{day[6:]}/{day[:4]}",
        )
        return forms[int(random.integers(3))]

    rows, columns = page.values.shape
    family, given = person["family"], person["given"]
    names = (f"{family.upper()}, {given}", f"{given} {family}", f"{family}^{given}", f"Name: {family}, {given}")
    name = names[int(random.integers(len(names)))]
    ink_value = 0.0 if kind.ground == "paper" or page.values[:40].mean() > 0.6 else 1.0
    if kind.special == "huge":
        page.write(f"{family}", "header", (10, 40), face(), kind.heights[0], value=1.0)
        page.write(person["id"], "header", (10, 330), face(), kind.heights[1], value=1.0)
        return
    header = [name, f"ID {person['id']}", f"DOB {written(person['birth'])}", person["place"], written(person["date"])]
    if kind.special in {"upside down", "turned", "faint"}:
        turn = {"upside down": 2, "turned": 1, "faint": 0}[kind.special]
        for index, text in enumerate(header[:3]):
            at = (60 + 120 * index, 60) if turn == 1 else (60, 60 + 120 * index)
            value = ink_value
            if kind.special == "faint":
                at = (12, 14 + 36 * index)
                value = float(page.values[: rows // 8, : columns // 4].mean()) + 0.11
            page.write(text, "header", at, face(), height(), value=value, turn=turn, conditions=(kind.special,))
        return
    size = height()
    chosen = face()
    y = 6
    for text in header[:2]:
        y += page.write(text, "header", (6, y), chosen, size, value=ink_value) + 8
    y = 6
    for text in header[3:]:
        y += page.write(text, "header", (columns - 6, y), face(), size, value=ink_value, anchor="right") + 8
    words = TECHNIQUE[int(random.integers(len(TECHNIQUE)))]
    y = rows // 3
    for text in words[:3]:
        y += page.write(text, "tech", (6, y), chosen, size, value=ink_value) + 8
    third = f"{('Tech:', 'Ref:', 'Dr.')[int(random.integers(3))]} {person['third']}"
    page.write(third, "third", (6, rows - 3 * size), face(), size, value=ink_value)
    if kind.over or over_real:
        for text, place in ((name, (0.3, 0.55)), (header[2], (0.35, 0.68))):
            at = (int(place[0] * columns), int(place[1] * rows))
            local = float(page.values[at[1] : at[1] + 20, at[0] : at[0] + 100].mean())
            value = 1.0 if local < 0.6 else 0.0
            page.write(text, "header", at, face(), size, value=value, conditions=("over anatomy",))


def _dataset(kind: Kind, encoding: tuple[str, str, int], person: dict[str, str]) -> Dataset:
    syntax, interpretation, stored = encoding
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind.sop_class, "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind.sop_class, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.5", "1.2.3.6"
    dataset.Modality, dataset.ImageType = kind.modality, list(kind.image_type)
    dataset.PatientName = f"{person['family']}^{person['given']}"
    dataset.PatientID, dataset.PatientBirthDate = person["id"], person["birth"]
    dataset.StudyDate, dataset.InstitutionName = person["date"], person["place"]
    dataset.AccessionNumber = person["accession"]
    dataset.Rows, dataset.Columns = kind.shape
    dataset.SamplesPerPixel = 3 if interpretation[:3] in {"RGB", "YBR"} else 1
    dataset.PhotometricInterpretation = {
        "signed": "MONOCHROME2", "high bits": "MONOCHROME2", "bit": "MONOCHROME2", "RGB planar": "RGB",
    }.get(interpretation, interpretation)  # fmt: skip
    dataset.BitsStored, dataset.HighBit = stored, stored - 1
    dataset.BitsAllocated = 1 if stored == 1 else 8 if stored <= 8 else 16
    dataset.PixelRepresentation = int(interpretation == "signed")
    if dataset.SamplesPerPixel == 3:
        dataset.PlanarConfiguration = int(interpretation == "RGB planar")
    if kind.frames > 1:
        dataset.NumberOfFrames = kind.frames
    if kind.modality == "CT" and interpretation == "signed":
        dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
        dataset.WindowCenter, dataset.WindowWidth = 40, 400
    return dataset


def _finish(
    dataset: Dataset,
    kind: Kind,
    encoding: tuple[str, str, int],
    pages: list[Array],
    person: dict[str, str],
    random: Random,
) -> list[TrueLine]:
    """Encode the pages; the lines that are written elsewhere than in the pixels come back."""
    syntax, interpretation, stored = encoding
    lines: list[TrueLine] = []
    if interpretation == "PALETTE COLOR":
        ramp = np.arange(256)
        for name, values in (("Red", ramp), ("Green", ramp * 0.9), ("Blue", np.sqrt(ramp / 255) * 255)):
            dataset.__setattr__(f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
            table = (values.astype("<u2") * 257).astype("<u2")
            dataset.__setattr__(f"{name}PaletteColorLookupTableData", table.tobytes())
    frames = [_stored(page, interpretation, stored) for page in pages]
    if interpretation == "high bits":
        mask = ink(f"{person['family']}", "hershey simplex", 18) > 128
        frames[0][30 : 30 + mask.shape[0], 60 : 60 + mask.shape[1]] |= np.where(mask, 1 << 13, 0).astype(np.uint16)
        box = {0: (60, 30, mask.shape[1], mask.shape[0])}
        lines.append(TrueLine(person["family"], "header", "overlay_high", box, ("overlay",)))
    if kind.special == "icon":
        icon = Dataset()
        small = cv2.resize((pages[0] * 255).astype(np.uint8), (160, 120), interpolation=cv2.INTER_AREA)
        icon.Rows, icon.Columns, icon.SamplesPerPixel = 120, 160, 1
        icon.PhotometricInterpretation, icon.BitsAllocated, icon.BitsStored, icon.HighBit = "MONOCHROME2", 8, 8, 7
        icon.PixelRepresentation, icon.PixelData = 0, small.tobytes()
        icon["PixelData"].VR = "OB"
        dataset.IconImageSequence = [icon]
        lines.append(TrueLine(person["family"], "header", "icon", {0: (0, 0, 80, 10)}, ("icon",)))
    _encode(dataset, syntax, interpretation, frames)
    return lines


def _stored(page: Array, interpretation: str, stored: int) -> Array:
    """Grey values from 0 to 1 as they are stored; colours by pixel."""
    if interpretation == "bit":
        return np.asarray(page > 0.5, np.uint8)
    if interpretation == "signed":
        # Hounsfield units from air to bone.
        return np.asarray(np.round(page * 2000 - 1000), np.int16)
    top = (1 << stored) - 1
    values = np.round((1 - page if interpretation == "MONOCHROME1" else page) * top)
    if stored > 8:
        return np.asarray(values, np.uint16)
    grey = np.asarray(values, np.uint8)
    if interpretation[:3] not in {"RGB", "YBR"}:
        return grey
    return np.stack([grey, grey, np.asarray(np.clip(grey * 0.94, 0, 255), np.uint8)], axis=-1)


def _encode(dataset: Dataset, syntax: str, interpretation: str, frames: list[Array]) -> None:
    layout = FrameLayout(
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.BitsStored,
        dataset.PixelRepresentation, 0, dataset.PhotometricInterpretation,
    )  # fmt: skip
    if syntax in {JPEG, JPEG_12}:
        bits: dict[str, Any] = {"bitspersample": 12} if syntax == JPEG_12 else {}
        colour: dict[str, Any] = {}
        if frames[0].ndim == 3:
            colour = {"colorspace": "RGB", "outcolorspace": "YCBCR", "subsampling": "422"}
        encoded = [bytes(imagecodecs.jpeg8_encode(frame, 92, **bits, **colour)) for frame in frames]
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionMethod = "ISO_10918_1"
    elif syntax in {NATIVE, IMPLICIT, BIG}:
        value = b"".join(_native(frame, interpretation, big=syntax == BIG) for frame in frames)
        dataset.PixelData = value + bytes(len(value) % 2)
        dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 or syntax in {IMPLICIT, BIG} else "OB"
        if syntax == BIG and dataset.BitsAllocated == 8:
            dataset["PixelData"].VR = "OB"
        return
    else:
        target = FrameLayout(**{name: getattr(layout, name) for name in layout.__slots__})
        encoded = [encode_frame(np.ascontiguousarray(frame), syntax, target) for frame in frames]
    dataset.PixelData = encapsulate(encoded)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _native(frame: Array, interpretation: str, *, big: bool) -> bytes:
    if interpretation == "bit":
        return np.packbits(frame.reshape(-1), bitorder="little").tobytes()
    if interpretation == "RGB planar":
        return np.ascontiguousarray(frame.transpose(2, 0, 1)).tobytes()
    if interpretation.startswith("YBR"):
        red, green, blue = (frame[..., index].astype(np.float64) for index in range(3))
        y = 0.299 * red + 0.587 * green + 0.114 * blue
        whole = np.stack([y, 128 + 0.564 * (blue - y), 128 + 0.713 * (red - y)], axis=-1)
        values = np.clip(np.round(whole), 0, 255).astype(np.uint8)
        if interpretation == "YBR_FULL":
            return values.tobytes()
        pairs = values.reshape(-1, 2, 3)
        return np.concatenate([pairs[:, :, 0], pairs[:, 0, 1:]], axis=1).tobytes()
    return frame.astype(frame.dtype.newbyteorder(">" if big else "<")).tobytes()
