"""Find lines of text in a picture, and read them: a detector and a recogniser that run on the CPU, offline.

The models are those of PP-OCR (Apache-2.0) in the package `rapidocr`. They are run with onnxruntime directly, because
the code of the package downloads missing models and writes log messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.boxes import Box

Picture = npt.NDArray[np.uint8]
"""Rows, columns and three colours."""

_MULTIPLE = 32
"""The sides of a picture must be multiples of this: the detector halves it five times."""
TILE = 1024
"""Larger pictures are searched in tiles of this size, to bound memory (about 500 MB for 1024 x 1024)."""
_OVERLAP = 160
_LINE_PIXELS = 0.3
"""Probability from which a pixel belongs to a line of text, as in PP-OCR."""
_END_PIXELS = 0.1
"""The same for the ends of a line, where letters fade or overlap an edge."""
_LONGEST_END = 3
"""The most by which such pixels extend a line on each side, in heights of the line."""
_UNCLIP = 1.6
"""How much larger a line is than the core that the detector marks, as in PP-OCR."""
_SMALLEST = 3
_READ_HEIGHT = 48
_LONGEST_READ = 48 * 40
_READ_AT_ONCE = 6


class Found(NamedTuple):
    """A line of text in a picture."""

    box: Box
    score: float
    """The certainty of the detector, 0 to 1."""


class Read(NamedTuple):
    """The text of a line, if it is text at all."""

    text: str
    score: float
    """The mean certainty of its characters, 0 to 1; 0 without characters."""


class TextFinder:
    """The two models, loaded once. Raises DeidentificationError if they are missing."""

    def __init__(self, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # The arena never frees the memory of the largest picture.
        options.enable_cpu_mem_arena = False
        self._detector = _session("det", options)
        self._recogniser = _session("rec", options)
        characters = self._recogniser.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *characters, " "]
        """The first stands for "no character", the last for a blank."""

    def find(
        self, picture: Picture, *, at_least: float = 0.5, is_wanted: Callable[[Picture], bool] = lambda _: True
    ) -> list[Found]:
        """The lines in a picture of any size, in its own pixels."""
        rows, columns = picture.shape[:2]
        if max(rows, columns) <= TILE + _OVERLAP:
            return self._find(picture, at_least)
        found = []
        for top in _starts(rows):
            for left in _starts(columns):
                tile = picture[top : top + TILE, left : left + TILE]
                if not is_wanted(tile):
                    continue
                for (x, y, width, height), score in self._find(tile, at_least):
                    found.append(Found(Box(x + left, y + top, width, height), score))
        return found

    def _find(self, picture: Picture, at_least: float) -> list[Found]:
        rows, columns = picture.shape[:2]
        padded = _padded(picture)
        values = padded.astype(np.float32)
        values *= 1 / 127.5
        values -= 1
        [answer] = self._detector.run(None, {"x": np.ascontiguousarray(values.transpose(2, 0, 1)[None])})
        certainty = answer[0, 0, :rows, :columns]
        return _lines(certainty, at_least)

    def read(self, picture: Picture, boxes: Sequence[Box]) -> list[Read]:
        """The text in each box."""
        crops = [_crop(picture, box) for box in boxes]
        order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1])
        answers = [Read("", 0.0)] * len(crops)
        for start in range(0, len(order), _READ_AT_ONCE):
            batch = order[start : start + _READ_AT_ONCE]
            for index, answer in zip(batch, self._read([crops[index] for index in batch]), strict=True):
                answers[index] = answer
        return answers

    def _read(self, crops: list[Picture]) -> list[Read]:
        width = max(160, *(crop.shape[1] for crop in crops))
        values = np.zeros((len(crops), 3, _READ_HEIGHT, width), np.float32)
        for row, crop in enumerate(crops):
            values[row, :, :, : crop.shape[1]] = crop.transpose(2, 0, 1) / np.float32(127.5) - 1
        [answer] = self._recogniser.run(None, {"x": values})
        best = answer.argmax(axis=2)
        certain = answer.max(axis=2)
        return [self._decoded(characters, scores) for characters, scores in zip(best, certain, strict=True)]

    def _decoded(self, characters: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]) -> Read:
        """The text, with a character that spans several columns only once (connectionist temporal classification)."""
        first = np.ones(len(characters), bool)
        first[1:] = characters[1:] != characters[:-1]
        first &= characters > 0
        if not first.any():
            return Read("", 0.0)
        return Read("".join(self._characters[index] for index in characters[first]), float(scores[first].mean()))


def _session(kind: str, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    package = find_spec("rapidocr")
    folders = package.submodule_search_locations if package is not None else None
    models = [path for folder in folders or () for path in Path(folder).glob(f"models/*_{kind}_*.onnx")]
    if not models:
        raise DeidentificationError(
            "the models that find text in pictures are missing; "
            "install the extra: pip install 'dicomveil-engine[pixels]'"
        )
    return onnxruntime.InferenceSession(str(min(models)), options, providers=["CPUExecutionProvider"])


def _starts(length: int) -> range:
    """The starts of the tiles, which overlap so that each line of text is whole in one of them."""
    return range(0, max(length - _OVERLAP, 1), TILE - _OVERLAP)


def _padded(picture: Picture) -> Picture:
    """The picture with its last row and column repeated, up to a multiple of `_MULTIPLE`."""
    rows, columns = picture.shape[:2]
    below, right = -rows % _MULTIPLE, -columns % _MULTIPLE
    if not below and not right:
        return picture
    return np.pad(picture, ((0, below), (0, right), (0, 0)), mode="edge")


def _lines(certainty: npt.NDArray[np.float32], at_least: float) -> list[Found]:
    """The boxes around connected areas of pixels that belong to text."""
    rows, columns = certainty.shape
    core = (certainty > _LINE_PIXELS).astype(np.uint8)
    core = cv2.dilate(core, np.ones((2, 2), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core, connectivity=8)
    found = []
    for label in range(1, min(count, 2000)):
        x, y, width, height, area = (int(value) for value in stats[label])
        if min(width, height) < _SMALLEST:
            continue
        part = labels[y : y + height, x : x + width] == label
        score = float(certainty[y : y + height, x : x + width][part].mean())
        if score < at_least:
            continue
        # Polygon offsetting by area x factor / perimeter, as the detector was trained for; for a slanted line the
        # area is that of the line, not of its bounding box.
        distance = round(max(area, 1) * _UNCLIP / (2 * (width + height)))
        box = _with_ends(Box(x, y, width, height), certainty).grown(distance + 1).within(columns, rows)
        assert box is not None
        found.append(Found(box, score))
    return found


def _with_ends(box: Box, certainty: npt.NDArray[np.float32]) -> Box:
    """A line with the less certain pixels at both of its ends, as far as they are without a gap."""
    if box.height > box.width:
        x, y, width, height = _with_ends(Box(box.y, box.x, box.height, box.width), certainty.T)
        return Box(y, x, height, width)
    most = _LONGEST_END * box.height
    left = max(box.x - most, 0)
    is_text = certainty[box.y : box.bottom, left : box.right + most].max(axis=0) > _END_PIXELS
    before, behind = is_text[: box.x - left][::-1], is_text[box.right - left :]
    longer = [int(np.argmin(end)) if not end.all() else len(end) for end in (before, behind)]
    return Box(box.x - longer[0], box.y, box.width + sum(longer), box.height)


def _crop(picture: Picture, box: Box) -> Picture:
    """A line, turned upright and scaled to the height of the recogniser's input."""
    crop: npt.NDArray[np.uint8] = picture[box.y : box.bottom, box.x : box.right]
    if crop.shape[0] > 1.5 * crop.shape[1]:
        crop = np.asarray(np.rot90(crop), np.uint8)
    width = max(8, min(round(crop.shape[1] * _READ_HEIGHT / crop.shape[0]), _LONGEST_READ))
    return np.asarray(cv2.resize(np.ascontiguousarray(crop), (width, _READ_HEIGHT)), np.uint8)
