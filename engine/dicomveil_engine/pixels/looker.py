"""Search the frames of an instance for text, and return the boxes to cover.

The models are loaded once, for any number of instances, one after the other. A looker reads originals, so run it in a
process that has neither the key nor the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.boxes import Box, Boxes, without_contained
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.find import Read, TextFinder
from dicomveil_engine.pixels.frames import InstanceFrames
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.judge import Words, sensitive, words_of
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.renderings import (
    Picture,
    Rendering,
    faint_renderings,
    inverted,
    is_faint,
    pictures_of,
    renderings,
    tile_of,
    tile_renderings,
)
from dicomveil_engine.pixels.strokes import LIMIT, could_have_strokes, has_strokes, stroke_score

_LINE = 0.5
"""Certainty of the detector from which a box counts as a line, as in PP-OCR."""
_TRACE = 0.4
"""Certainty of the detector from which a box could be a line, so that the instance makes no claim."""
_SURE = 0.6
"""Certainty of the detector from which a small line that was found in two renderings counts as text unread."""
_VERY_SURE = 0.85
_READABLE = 0.5
"""Mean certainty of the characters from which a box is a line of text."""
_FAIRLY_READ = 0.6
"""The same for a tall box that is as wide as a line."""
_CLEARLY_READ = 0.75
"""The same for a line that may remain because it is technical."""
_WELL_READ = 0.9
"""The same for a box so large that it could be anatomy."""
_OVERSIZE = 0.2
"""Share of the frame from which a box is not a line of text, unless it is read well."""
_TALL = 0.15
_LEAST_TALL = 48
_BLOCK = 2
_WIDE = 3
"""A tall line of text is at least this many times as wide as high."""
_BLIND = 0.4
"""Share of a tile from which a box is one shape that may hide text from the detector."""
_TILE = 256
_LEAST_TILE = 16
_PADDING = 0.15
"""Share of a line's height that is covered above and below it."""
_END_PADDING = 0.35
"""The same to the left and right of it."""
_LEAST_PADDING = 3
_GAP = 2.5
"""The largest gap between two pieces of a line, in heights of the line."""
_EACH_FRAME = 4
"""A cine of up to this many frames is searched frame by frame."""
_UNEVEN = frozenset(("US", "IVUS", "OCT", "IVOCT", "OPT", "OP", "XC", "GM", "SM", "ES"))
"""Modalities whose frames have strokes all over."""
_PAGES = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.77.1", "1.2.840.10008.5.1.4.1.1.104")
"""Classes whose frames are pages or photographs rather than a cine: secondary capture, visible light."""


@dataclass
class Line:
    """A line of text in a frame, in pixels of the frame."""

    box: Box
    score: float
    renderings: set[str] = field(default_factory=set)
    parts: list[Box] = field(default_factory=list)
    read: list[Read] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The text read, in each picture."""
        return [read.text for read in self.read]

    def boxes(self) -> list[Box]:
        """The boxes to cover, with a margin, because OCR boxes are tight and sometimes miss the last letter."""
        return [_padded(box) for box in (self.box, *self.parts)]


class Looker:
    """Finds the boxes to cover. Raises DeidentificationError if the models are missing."""

    def __init__(self, limits: PixelLimits | None = None, *, threads: int = 1) -> None:
        self.limits = limits or PixelLimits()
        self._finder = TextFinder(threads)

    def boxes(self, data: bytes, verdict: PixelVerdict, settings: PixelSettings, words: Words | None = None) -> Boxes:
        """The boxes to cover in an original instance under a verdict of the gate.

        `words` are the sensitive values; by default those of the instance's own header.

        Raises InvalidDataSetError if a frame cannot be decoded, DeidentificationError if text cannot be distinguished
        from anatomy, and above a limit.
        """
        if verdict.action is PixelAction.REFUSE:
            raise DeidentificationError(verdict.reason)
        if verdict.action is PixelAction.NOTHING:
            return Boxes()
        if verdict.action is PixelAction.MASKS:
            return Boxes(verdict.masks)
        instance = read_instance(data)
        assert instance is not None
        header = PixelHeader.from_elements(instance)
        frames = InstanceFrames(instance, header, self.limits)
        if settings.reads and words is None:
            words = words_of(data)
        look = _Look(self._finder, header, verdict, settings, words)
        boxes = Boxes(verdict.masks, clears_unused_bits=frames.has_unused_bits())
        return boxes.joined(look.at(frames, self.limits))

    def lines(self, data: bytes, verdict: PixelVerdict, number: int = 1) -> list[Line]:
        """The lines of one frame with their text, for reports that show which text is still legible."""
        instance = read_instance(data)
        assert instance is not None
        header = PixelHeader.from_elements(instance)
        frames = InstanceFrames(instance, header, self.limits)
        look = _Look(self._finder, header, verdict, PixelSettings(), None)
        found, picture = look.lines(frames.shown(number))
        look.read(found, picture)
        return found

    def of_picture(self, picture: Picture) -> Boxes:
        """The boxes of text in a picture that is not a frame, such as a page of a document."""
        verdict = PixelVerdict(PixelAction.LOOK, "a page")
        look = _Look(self._finder, PixelHeader(), verdict, PixelSettings(), None)
        found, _ = look.lines(picture)
        covered = tuple(_covered(found, picture.shape[1], picture.shape[0]))
        return Boxes(covered, leaves_doubt=look.is_doubtful(picture, found))


class _Look:
    """The search of one instance."""

    def __init__(
        self,
        finder: TextFinder,
        header: PixelHeader,
        verdict: PixelVerdict,
        settings: PixelSettings,
        words: Words | None,
    ) -> None:
        self._finder = finder
        self._header = header
        self._verdict = verdict
        self._settings = settings
        self._words = words
        self._traces: list[Box] = []
        """What could be text in the frame, but is not certain enough to be covered."""
        self._leaves_doubt = False

    def at(self, frames: InstanceFrames, limits: PixelLimits) -> Boxes:
        """The boxes of all frames."""
        found = self._at(frames, limits)
        return replace(found, leaves_doubt=self._leaves_doubt)

    def _at(self, frames: InstanceFrames, limits: PixelLimits) -> Boxes:
        header = self._header
        if header.frames == 1:
            return Boxes(self._boxes(frames.shown(1)))
        if header.sop_class_uid.startswith(_PAGES):
            if header.frames > limits.pages:
                raise DeidentificationError(f"the instance has more pages than the limit of {limits.pages}")
            single = {number: boxes for number, frame in enumerate(frames, 1) if (boxes := self._boxes(frame))}
            return Boxes((), single)
        every: list[Box] = []
        for frame in _of_cine(frames):
            every += self._boxes(frame)
        return Boxes(without_contained(every))

    def _boxes(self, frame: npt.NDArray[Any]) -> tuple[Box, ...]:
        if self._verdict.condition is Condition.STROKES and not has_strokes(frame):
            self._leaves_doubt = True  # the fast test never sees all text
            return ()
        lines, picture = self.lines(frame)
        rows, columns = frame.shape[:2]
        self._leaves_doubt |= self.is_doubtful(frame, lines)
        if self._settings.reads and lines:
            assert self._words is not None
            self.read(lines, picture)
            lines = [line for line in lines if self._is_sensitive(line, self._words)]
        return tuple(_covered(lines, columns, rows))

    def _is_sensitive(self, line: Line, words: Words) -> bool:
        certain = [read.text for read in line.read if read.score >= _CLEARLY_READ]
        uncertain = [read.text for read in line.read if read.score < _CLEARLY_READ]
        return sensitive(certain, words, self._settings, uncertain)

    def is_doubtful(self, frame: npt.NDArray[Any], lines: Sequence[Line]) -> bool:
        """Whether text could be left beside the lines: by a more sensitive measure than that by which it is covered."""
        rows, columns = frame.shape[:2]
        is_covered = np.zeros((rows, columns), bool)
        covered = _covered(lines, columns, rows)
        for box in covered:
            is_covered[box.y : box.bottom, box.x : box.right] = True
        for box in self._traces:
            if is_covered[box.y : box.bottom, box.x : box.right].mean() < 0.5:
                return True
        if is_faint(frame, [line.box for line in lines]):
            return True
        # Speckle and photographs are full of strokes, so that these say nothing there.
        is_tissue = frame.ndim == 2 and self._header.modality not in _UNEVEN
        return is_tissue and could_have_strokes(_without(frame, covered))

    def lines(self, frame: npt.NDArray[Any]) -> tuple[list[Line], Picture]:
        """The lines of a frame, and the picture in which they can be read."""
        rows, columns = frame.shape[:2]
        base, others = pictures_of(frame, self._header)
        lines: list[Line] = []
        self._traces = []
        doubts: dict[str, list[Box]] = {}
        for rendering in renderings(base, others, rotated=self._verdict.rotated):
            doubts[rendering.name] = self._add(lines, rendering, columns, rows)
        for rendering in faint_renderings(frame, [line.box for line in lines]):
            self._add(lines, rendering, columns, rows)
        lines = self._believed(lines, base)
        if (oversize := _unresolved(doubts)) is not None:
            self._look_again(lines, base, oversize)
        return lines, base

    def _add(self, lines: list[Line], rendering: Rendering, columns: int, rows: int) -> list[Box]:
        """Add the lines found in a rendering, and return the boxes that are too large for a line."""
        doubtful = []
        # Small text in a large frame has strokes; larger text is found at half of the size, too.
        is_wanted = could_have_strokes if rendering.scale == 1 else _is_any
        for found in self._finder.find(rendering.picture, at_least=_TRACE, is_wanted=is_wanted):
            if rendering.turned and found.box.width < 1.5 * found.box.height:
                continue  # a piece of an upright line
            box = rendering.in_frame(found.box, columns, rows)
            if box is None:
                continue
            if (
                found.score >= _LINE
                and _is_oversize(box, columns, rows)
                and (_is_block(box, columns, rows) or not self._is_text(rendering.picture, found.box))
            ):
                doubtful.append(box)
                continue
            if found.score < _LINE:
                self._traces.append(box)
                continue
            _join(lines, box, found.score, rendering)
        return doubtful

    def _believed(self, lines: Sequence[Line], base: Picture) -> list[Line]:
        """The lines that are text; the others are traces of it."""
        believed = []
        for line in lines:
            if self._is_believed(line, base):
                believed.append(line)
            else:
                self._traces.append(line.box)
        return believed

    def _is_believed(self, line: Line, base: Picture) -> bool:
        """Whether a box is text: found in two renderings, or with high certainty, or legible."""
        tall = min(line.box.width, line.box.height) > _LEAST_TALL
        if not tall and len(line.renderings) > 1 and line.score >= _SURE:
            return True
        if not tall and line.score >= _VERY_SURE:
            return True
        longest, least = max(line.box[2:]), min(line.box[2:])
        if tall and longest < _WIDE * least:
            return self._is_text(base, line.box)
        reads = self._finder.read(base, [line.box])
        if not any(_is_legible(read, tall=tall) for read in reads):
            turned = np.ascontiguousarray(base[::-1, ::-1])
            rows, columns = base.shape[:2]
            x, y, width, height = line.box
            reads = self._finder.read(turned, [Box(columns - x - width, rows - y - height, width, height)])
        line.read += reads
        return any(_is_legible(read, tall=tall) for read in reads)

    def _is_text(self, picture: Picture, box: Box) -> bool:
        """Whether a box that could be anatomy is a line of text.

        It must be read well and, unless it has the shape of a line, read the same in both polarities.
        """
        [read] = self._finder.read(picture, [box])
        if not _is_line_of_text(read, box):
            return False
        if max(box.width, box.height) >= _WIDE * min(box.width, box.height):
            return True
        [other] = self._finder.read(inverted(picture), [box])
        return _is_line_of_text(other, box) and _letters(other) == _letters(read)

    def read(self, lines: list[Line], picture: Picture) -> None:
        """Read each line, in the picture and in the inverted picture."""
        boxes = [line.box for line in lines]
        for reads in (self._finder.read(picture, boxes), self._finder.read(np.asarray(255 - picture, np.uint8), boxes)):
            for line, read in zip(lines, reads, strict=True):
                line.read.append(read)

    def _look_again(self, lines: list[Line], base: Picture, area: Box) -> None:
        """Search an area in tiles, because every rendering showed it as one box, which may hide lines of text.

        Raises DeidentificationError if a tile is one box again, and has strokes like those of text.
        """
        for tile in _tiles(area, _TILE):
            if self._is_blind(lines, base, tile):
                for part in _tiles(tile, _TILE // 2):
                    if self._is_blind(lines, base, part):
                        raise DeidentificationError(
                            "text and anatomy cannot be distinguished in this instance, so it is withheld"
                        )

    def _is_blind(self, lines: list[Line], base: Picture, tile: Box) -> bool:
        """Add the lines of a tile. Whether all its pictures show one shape, which could hide text."""
        picture = tile_of(base, tile)
        found: list[Line] = []
        blind = 0
        strokes = stroke_score(picture)
        shown = list(tile_renderings(picture, all_of_them=strokes >= LIMIT / 2))
        for rendering in shown:
            boxes = self._finder.find(rendering.picture)
            for seen in boxes:
                box = rendering.in_frame(seen.box, tile.width, tile.height)
                if box is None or box.area > _BLIND * tile.area:
                    continue
                place = Box(box.x + tile.x, box.y + tile.y, box.width, box.height)
                if not any(line.box.shared(place) > 0.5 * place.area for line in lines):
                    _join(found, place, seen.score, rendering)
            blind += any(seen.box.area > _BLIND * tile.area * rendering.scale**2 for seen in boxes)
        lines += self._believed(found, base)
        return blind == len(shown) and strokes >= LIMIT


def _is_any(_: Picture) -> bool:
    return True


def _without(frame: npt.NDArray[Any], boxes: Iterable[Box]) -> npt.NDArray[Any]:
    """The frame with the ground around each box in its place."""
    values = frame.copy()
    for box in boxes:
        around = frame[max(box.y - 2, 0) : box.bottom + 2, max(box.x - 2, 0) : box.right + 2]
        values[box.y : box.bottom, box.x : box.right] = np.median(around)
    return values


def _of_cine(frames: InstanceFrames) -> Iterable[npt.NDArray[Any]]:
    """The pictures that show the text of all frames of a cine: some frames, and the maximum and minimum over all."""
    count = frames.header.frames
    if count <= _EACH_FRAME:
        yield from frames
        return
    brightest: npt.NDArray[Any] | None = None
    darkest: npt.NDArray[Any] | None = None
    for number, frame in enumerate(frames, 1):
        if brightest is None or darkest is None:
            brightest, darkest = frame.copy(), frame.copy()
        else:
            np.maximum(brightest, frame, out=brightest)
            np.minimum(darkest, frame, out=darkest)
        if number in {1, count // 2 + 1, count}:
            yield frame
    assert brightest is not None
    assert darkest is not None
    yield brightest
    yield darkest


def _is_oversize(box: Box, columns: int, rows: int) -> bool:
    if box.area > _OVERSIZE * columns * rows:
        return True
    least, most = sorted((box.width, box.height))
    return least > max(_LEAST_TALL, _TALL * min(columns, rows)) and most < _WIDE * least


def _is_block(box: Box, columns: int, rows: int) -> bool:
    """Whether a box fills much of the frame and is hardly wider than high, like two lungs, which are read as 09."""
    return box.area > _OVERSIZE * columns * rows and max(box.width, box.height) < _BLOCK * min(box.width, box.height)


def _is_line_of_text(read: Read, box: Box) -> bool:
    """Whether a tall box is text. Anatomy is read as one character or none, so a tall marker of one letter remains."""
    longest, least = max(box.width, box.height), min(box.width, box.height)
    return read.score >= _WELL_READ and len(set(read.text.replace(" ", ""))) > 1 and longest > 1.2 * least


def _letters(read: Read) -> str:
    return "".join(read.text.casefold().split())


def _is_legible(read: Read, *, tall: bool) -> bool:
    """Whether a box is legible; a tall one, which could be anatomy, must be read better."""
    if tall:
        return read.score >= _FAIRLY_READ and len(set(read.text.replace(" ", ""))) > 1
    return read.score >= _READABLE and bool(read.text.strip())


def _join(lines: list[Line], box: Box, score: float, rendering: Rendering) -> None:
    """Add a box to the line that it overlaps, or as a new line."""
    for line in lines:
        if line.box.shared(box) > 0.5 * min(line.box.area, box.area):
            line.renderings.add(rendering.name)
            line.score = max(line.score, score)
            # Boxes from pictures of half the size are too thick: they confirm a line, but do not enlarge it.
            if rendering.scale >= 1 and not line.box.contains(box):
                line.parts.append(box)
            return
    lines.append(Line(box, score, {rendering.name}))


def _unresolved(doubts: dict[str, list[Box]]) -> Box | None:
    """The area that every rendering at full size shows as one box; None if one of them resolves it."""
    areas = [boxes for name, boxes in doubts.items() if name not in {"half", "quarter", "double", "rotated"}]
    if not areas or not all(areas):
        return None
    boxes = [box for found in areas for box in found]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


def _tiles(area: Box, size: int) -> Iterable[Box]:
    """Squares over an area, each overlapping the next by a quarter; none for a rest within the overlap."""
    step, overlap = size * 3 // 4, size // 4
    for top in range(area.y, max(area.bottom - overlap, area.y + 1), step):
        for left in range(area.x, max(area.right - overlap, area.x + 1), step):
            tile = Box(left, top, min(size, area.right - left), min(size, area.bottom - top))
            if tile.width > _LEAST_TILE and tile.height > _LEAST_TILE:
                yield tile


def _padded(box: Box) -> Box:
    height = min(box.width, box.height)
    beside = max(_LEAST_PADDING, round(_PADDING * height))
    at_ends = max(_LEAST_PADDING, round(_END_PADDING * height))
    across, down = (at_ends, beside) if box.width >= box.height else (beside, at_ends)
    return Box(box.x - across, box.y - down, box.width + 2 * across, box.height + 2 * down)


def _covered(lines: Iterable[Line], columns: int, rows: int) -> list[Box]:
    boxes = [box.within(columns, rows) for line in lines for box in line.boxes()]
    inside = without_contained(box for box in boxes if box is not None)
    return list(without_contained((*inside, *_bridges(inside))))


def _bridges(boxes: Sequence[Box]) -> Iterable[Box]:
    """Boxes over the gaps between pieces of a line: on an uneven background, the detector misses words."""
    for left in boxes:
        for right in boxes:
            gap = right.x - left.right
            height = min(left.height, right.height)
            if not 0 < gap <= _GAP * height or max(left.height, right.height) > 1.7 * height:
                continue
            if min(left.bottom, right.bottom) - max(left.y, right.y) > 0.6 * height:
                top = min(left.y, right.y)
                yield Box(left.right, top, gap, max(left.bottom, right.bottom) - top)
