"""Text is found in what is drawn, and nothing where nothing is; what cannot be decoded is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.pixel_drawing import Page, instances
from bench.pixel_scores import score
from dicomveil_engine import DeidentificationError, InvalidDataSetError, load_policy
from dicomveil_engine.configuration.pixels import PixelSettings, read_pixels
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.find import Read
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.looker import Looker, _is_block, _Look, _tiles
from dicomveil_engine.pixels.release import released_instance
from engine.pixel_instances import CT, JPEG_LS, NATIVE, RLE, SC, instance, written

CLEAN = read_pixels("clean")
EMPTY = np.full((128, 320), 20, np.uint8)


@pytest.fixture(scope="module")
def looker() -> Looker:
    return Looker()


def boxes(looker: Looker, data: bytes, settings: PixelSettings = CLEAN) -> Boxes:
    elements = read_instance(data)
    assert elements is not None
    return looker.boxes(data, gate(PixelHeader.from_elements(elements), settings), settings)


def test_a_line_is_found(looker: Looker) -> None:
    """All of its ink, and little else."""
    picture = written()
    found = boxes(looker, instance([picture])).every
    inside = np.zeros(picture.shape, bool)
    for box in found:
        inside[box.y : box.bottom, box.x : box.right] = True

    assert inside[picture > 60].all()
    assert inside.mean() < 0.25


def test_text_elsewhere_than_in_the_first_frame(looker: Looker) -> None:
    """A cine is covered in every frame, pages each for itself."""
    frames = [EMPTY] * 4 + [written()] + [EMPTY] * 4
    cine = boxes(looker, instance(frames, syntax=RLE))
    pages = boxes(looker, instance(frames, SOPClassUID=SC + ".2"))

    assert cine.every
    assert not pages.every
    assert list(pages.single) == [5]


def test_nothing_is_found_in_nothing(looker: Looker) -> None:
    """An even ground, and noise."""
    noise = np.random.default_rng(4).integers(0, 80, (128, 320), np.uint8)

    assert not boxes(looker, instance([EMPTY]))
    assert not boxes(looker, instance([noise]))


def test_what_is_not_looked_at(looker: Looker) -> None:
    """A verdict of masks needs no pixels, one of refusal has no boxes, slices without strokes are not searched."""
    masks = PixelVerdict(PixelAction.MASKS, "a device", (Box(1, 2, 3, 4),))
    broken = b"not an instance"
    slices = instance([EMPTY.astype(np.uint16)], SOPClassUID=CT, Modality="CT")

    assert looker.boxes(broken, masks, CLEAN) == Boxes(masks.masks)
    with pytest.raises(DeidentificationError, match="why"):
        looker.boxes(broken, PixelVerdict(PixelAction.REFUSE, "why"), CLEAN)
    assert not boxes(looker, slices, read_pixels({"gate": "strokes"}))


def test_limits(looker: Looker) -> None:
    """Above one of them an instance is refused."""
    data = instance([EMPTY] * 3, SOPClassUID=SC)
    elements = read_instance(data)
    assert elements is not None
    verdict = gate(PixelHeader.from_elements(elements), CLEAN)
    for limits, name in (
        (PixelLimits(frame_samples=100), "samples"),
        (PixelLimits(frames=2), "frames"),
        (PixelLimits(decoded_bytes=1000), "bytes"),
        (PixelLimits(pages=2), "pages"),
    ):
        limited = Looker.__new__(Looker)
        limited.limits = limits
        limited._finder = looker._finder
        with pytest.raises(DeidentificationError, match=name):
            limited.boxes(data, verdict, CLEAN)


@pytest.mark.parametrize("syntax", [NATIVE, RLE, JPEG_LS])
def test_broken_pixels_are_refused(looker: Looker, syntax: str) -> None:
    """Bytes that are not frame."""
    data = instance([written()], syntax=syntax)
    at = len(data) - 60

    with pytest.raises(InvalidDataSetError):
        boxes(looker, data[:at])


def test_technique_is_kept_in_sensitive_mode(looker: Looker) -> None:
    """What the header says of the patient goes, a unit stays."""
    settings = read_pixels({"text": "sensitiveText"})
    kept = boxes(looker, instance([written(text="Gain 62 dB")]), settings)
    gone = boxes(looker, instance([written(text="Jane 62 dB")]), settings)

    assert not kept
    assert gone


def test_a_sample_of_the_bench(looker: Looker) -> None:
    """One of each kind: all identifying lines are covered, nothing else changes, no claim is false."""
    policy = load_policy({"profile": "basic", "pixels": {"gate": "look"}}, b"k" * 32)
    drawn = [one for one in instances(20) if one.name[:3] in {"000", "006", "007", "010", "012", "014", "015", "016"}]
    scores = [score(one.name, one.data, released_instance(one.data, policy, looker), one.lines) for one in drawn]

    assert [line.text for result in scores for line in result.missed] == []
    assert sum(len(result.covered) for result in scores) > 25
    assert [result.changed_elsewhere for result in scores] == [0] * len(scores)
    assert [result.faults for result in scores] == [[]] * len(scores)
    assert max(result.needless for result in scores) < 0.02


def test_a_block_is_no_line() -> None:
    """Two lungs are read as 09 in both polarities; letters that fill the frame are wider than high."""
    assert _is_block(Box(46, 46, 440, 366), 512, 512)
    assert _is_block(Box(46, 46, 300, 400), 512, 512)
    assert not _is_block(Box(0, 100, 500, 120), 512, 512)
    assert not _is_block(Box(0, 0, 90, 80), 512, 512)


class Reader:
    """Reads what it was given, one after the other."""

    def __init__(self, *readings: Read) -> None:
        self._readings = list(readings)

    def read(self, picture: object, boxes: list[Box]) -> list[Read]:
        del picture
        return [self._readings.pop(0) for _ in boxes]


@pytest.mark.parametrize(
    ("box", "readings", "is_text"),
    [
        (Box(0, 0, 300, 90), [Read("MORKOVIN", 0.95)], True),
        (Box(0, 0, 200, 90), [Read("LEO", 0.95), Read("l e o", 0.95)], True),
        (Box(0, 0, 200, 90), [Read("LEO", 0.95), Read("LE", 0.95)], False),
        (Box(0, 0, 200, 90), [Read("LEO", 0.95), Read("LEO", 0.5)], False),
        (Box(0, 0, 300, 90), [Read("MORKOVIN", 0.5)], False),
    ],
)
def test_what_could_be_anatomy_is_read_twice(box: Box, readings: list[Read], is_text: bool) -> None:
    """A tall box that is not as wide as lines are must be read alike in both polarities."""
    look = _Look(Reader(*readings), PixelHeader(), PixelVerdict(PixelAction.LOOK, "a test"), PixelSettings(), None)  # type: ignore[arg-type]

    assert look._is_text(np.zeros((100, 400, 3), np.uint8), box) is is_text


@pytest.mark.parametrize("area", [Box(0, 0, 412, 416), Box(7, 9, 256, 100), Box(0, 0, 448, 449), Box(3, 0, 20, 20)])
def test_tiles_cover_an_area_and_none_lies_in_another(area: Box) -> None:
    """Each pixel is in a tile; a tile that holds nothing new costs models' runs and finds nothing."""
    tiles = list(_tiles(area, 256))
    inside = np.zeros((area.bottom, area.right), bool)
    for tile in tiles:
        inside[tile.y : tile.bottom, tile.x : tile.right] = True

    assert inside[area.y :, area.x :].all()
    assert not any(one.contains(other) for one in tiles for other in tiles if one != other)


def test_a_disc_costs_few_runs_of_the_detector(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice that every picture shows as one shape is looked at in tiles, and no picture twice."""
    rows, columns = np.mgrid[:512, :512]
    noise = np.random.default_rng(1).normal(0, 8, (512, 512))
    disc = np.where(np.hypot(rows - 256, columns - 256) < 200, 1040, 24) + noise
    data = instance([disc.clip(0, 4095).astype(np.uint16)], SOPClassUID=CT, Modality="CT")
    find = looker._finder.find
    sizes: list[int] = []
    pictures: set[bytes] = set()

    def counted(picture: np.ndarray, **options: Any) -> object:
        sizes.append(picture.shape[0] * picture.shape[1])
        pictures.add(picture.tobytes())
        return find(picture, **options)

    monkeypatch.setattr(looker._finder, "find", counted)
    assert boxes(looker, data, read_pixels({"gate": "look"})).every == ()

    assert len(sizes) > 10  # it is looked at in tiles
    assert sum(sizes) < 2_600_000
    assert len(pictures) == len(sizes)


def faint(contrast: float, text: str = "Theodora Morkovin 1950") -> bytes:
    """A line that stands out by a share of the range, over an even ground with a bright disc beside it."""
    random = np.random.default_rng(4)
    page = Page(np.full((256, 384), 0.2) + random.normal(0, 0.004, (256, 384)), random)
    rows, columns = np.mgrid[:256, :384]
    page.values[np.hypot(rows - 180, columns - 280) < 60] = 1.0
    if text:
        page.write(text, "header", (20, 30), "hershey simplex", 16, value=0.2 + contrast)
    return instance([np.asarray(page.values * 255, np.uint8).clip(0, 255)], Modality="DX")


@pytest.mark.parametrize(("contrast", "leaves_doubt"), [(0.8, False), (0.08, True)])
def test_faint_text_leaves_a_doubt(looker: Looker, contrast: float, leaves_doubt: bool) -> None:
    """It is covered, to its end; but where one line is faint another could have been missed, and nothing is claimed."""
    found = boxes(looker, faint(contrast))

    assert any(box.x < 20 and box.right > 200 for box in found.every)
    assert found.leaves_doubt is leaves_doubt


def test_an_even_frame_leaves_no_doubt(looker: Looker) -> None:
    """Nothing is there that could be text."""
    assert boxes(looker, faint(0, "")) == Boxes()


def test_what_is_not_believed_leaves_a_doubt(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that is not covered because nothing legible is in it may still be text."""
    monkeypatch.setattr(_Look, "_is_believed", lambda *_: False)
    found = boxes(looker, instance([written()]))

    assert not found.every
    assert found.leaves_doubt


def test_small_text_in_a_large_frame(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found; parts of the frame that have no strokes are not looked at in its own size."""
    picture = np.full((2400, 2600), 20, np.uint8)
    line = written()
    picture[2200 : 2200 + line.shape[0], 2200 : 2200 + line.shape[1]] = line
    detect = looker._finder._find
    runs: list[int] = []

    def counted(part: np.ndarray, at_least: float) -> object:
        runs.append(part.size)
        return detect(part, at_least)

    monkeypatch.setattr(looker._finder, "_find", counted)
    found = boxes(looker, instance([picture])).every
    inside = np.zeros(picture.shape, bool)
    for box in found:
        inside[box.y : box.bottom, box.x : box.right] = True

    assert inside[picture > 60].all()
    assert inside.mean() < 0.01
    assert len(runs) < 40
