"""Encapsulated PDF documents: each page becomes a picture in which text is covered.

The output is a PDF of pictures, without text, fonts, links, attachments or metadata. The drawings and photographs of
the document remain, which is the purpose of the option.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pypdfium2

from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels.cover import cover_frame
from dicomveil_engine.pixels.elements import InstanceElements
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.looker import Looker
from dicomveil_engine.pixels.renderings import Picture
from dicomveil_engine.pixels.strokes import could_have_strokes
from dicomveil_engine.rewriting.fields import Field

ENCAPSULATED_DOCUMENT = 0x00420011
_LENGTH = 0x00420015
_POINTS_PER_INCH = 72
_RESOLUTION = 150
"""Pixels per inch; letters of 8 point text are about 12 pixels high."""
_MOST_PIXELS = 16_000_000
"""Pixels of one page; a larger page is rendered at a lower resolution."""
_WHITE = (255, 255, 255)


class CoveredDocument(NamedTuple):
    """A document in which text was covered."""

    pdf: bytes
    leaves_doubt: bool
    """Whether a page shows something that could be text, so that nothing is claimed."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """(0042,0011) and its length."""
        return (
            Field(ENCAPSULATED_DOCUMENT, "OB", self.pdf + bytes(len(self.pdf) % 2)),
            Field(_LENGTH, "UL", [len(self.pdf)]),
        )


def covered_document(instance: InstanceElements, looker: Looker, limits: PixelLimits) -> CoveredDocument:
    """(0042,0011) with all text covered.

    Raises InvalidDataSetError if it is not a readable PDF, DeidentificationError above a limit.
    """
    document = instance.value(ENCAPSULATED_DOCUMENT)
    if not document:
        raise InvalidDataSetError("the instance has no (0042,0011) EncapsulatedDocument")
    return covered_pdf(document, looker, limits)


def covered_pdf(document: bytes, looker: Looker, limits: PixelLimits) -> CoveredDocument:
    """A PDF of pictures of the pages, with all text covered in white."""
    pages = []
    leaves_doubt = False
    for picture in _pages(document, limits):
        boxes = looker.of_picture(picture)
        cover_frame(picture, boxes.every, _WHITE)
        leaves_doubt |= boxes.leaves_doubt or _could_have_strokes(picture)
        pages.append(picture)
    return CoveredDocument(written_pdf(pages), leaves_doubt)


def _could_have_strokes(picture: Picture) -> bool:
    """Whether strokes are left in one of the colours: paper is even, so that each could belong to text."""
    return any(could_have_strokes(np.ascontiguousarray(picture[..., colour])) for colour in range(3))


def _pages(document: bytes, limits: PixelLimits) -> Iterator[Picture]:
    try:
        pdf = pypdfium2.PdfDocument(document)
        count = len(pdf)
    except Exception:  # noqa: BLE001 - the library raises anything, and its messages may quote the document
        raise InvalidDataSetError("(0042,0011) EncapsulatedDocument is not a PDF that can be read") from None
    if not 0 < count <= limits.pages:
        raise DeidentificationError(f"the document has no pages, or more than the limit of {limits.pages}")
    for number in range(count):
        try:
            page = pdf[number]
            width, height = page.get_size()
            scale = _RESOLUTION / _POINTS_PER_INCH
            scale = min(scale, (_MOST_PIXELS / max(width * height, 1)) ** 0.5)
            drawn = page.render(scale=scale, rev_byteorder=True).to_numpy()
        except Exception:  # noqa: BLE001 - the same
            raise InvalidDataSetError("a page of (0042,0011) EncapsulatedDocument cannot be drawn") from None
        yield _colours(drawn)


def _colours(drawn: npt.NDArray[Any]) -> Picture:
    """The page in three colours, whatever it was rendered in."""
    if drawn.ndim == 2 or drawn.shape[2] < 3:
        drawn = np.repeat(drawn.reshape(*drawn.shape[:2], -1)[..., :1], 3, axis=2)
    return np.array(drawn[..., :3], np.uint8)


def written_pdf(pages: list[Picture]) -> bytes:
    """A PDF (ISO 32000) with one picture on each page; the same pictures give the same bytes."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for picture in pages:
        rows, columns = picture.shape[:2]
        width, height = (round(size * _POINTS_PER_INCH / _RESOLUTION, 2) for size in (columns, rows))
        pixels = zlib.compress(picture.tobytes(), 6)
        drawing = f"q {width} 0 0 {height} 0 0 cm /P Do Q".encode()
        first = len(objects) + 1
        kids.append(f"{first} 0 R")
        objects += [
            (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] "
                f"/Resources << /XObject << /P {first + 2} 0 R >> >> /Contents {first + 1} 0 R >>"
            ).encode(),
            f"<< /Length {len(drawing)} >>\nstream\n".encode() + drawing + b"\nendstream",
            (
                f"<< /Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceRGB "
                f"/BitsPerComponent 8 /Filter /FlateDecode /Length {len(pixels)} >>\nstream\n"
            ).encode()
            + pixels
            + b"\nendstream",
        ]
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    written = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    written += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(written)
