"""Encapsulated Pixel Data: no metadata, the same pixels, fragments and offsets that are right."""

from __future__ import annotations

import struct
from collections import Counter

import pytest
from pydicom.encaps import generate_frames

from dicomveil_engine.code_streams.fragments import Fragments
from dicomveil_engine.errors import DeidentificationError, EngineError, InvalidDataSetError
from dicomveil_engine.pixels import codecs
from dicomveil_engine.pixels.layout import FrameLayout
from engine.code_streams import DELIMITER, cleaned, encapsulated, item, taken_apart, value

SECRET = b"Doe^Jane"
JPEG, RLE, DEFLATED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"
FRAME = b"\xff\xd8\xff\xda\0\2pixels\xff\xd9"
COMMENT = b"\xff\xfe\0\x0a" + SECRET
DIRTY = FRAME[:2] + COMMENT + FRAME[2:]
SIZES = [1, 7, 8, 1 << 16]


def padded(frame: bytes, length: int) -> bytes:
    return frame + bytes(length - len(frame))


@pytest.mark.parametrize("size", SIZES)
def test_frames(size: int) -> None:
    """What goes leaves zeros behind the end: fragments and offsets are where they were."""
    table = struct.pack("<3I", 0, 8 + len(DIRTY), 16 + len(DIRTY) + len(FRAME))
    data = value(DIRTY, FRAME, DIRTY, table=table)

    assert cleaned(data, JPEG, 3, size) == value(
        padded(FRAME, len(DIRTY)), FRAME, padded(FRAME, len(DIRTY)), table=table
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cut", range(2, len(DIRTY)))
def test_frame_in_fragments(cut: int, size: int) -> None:
    """A frame in two fragments fills them one after the other, wherever it is cut."""
    fragments = taken_apart(cleaned(value(DIRTY[:cut], DIRTY[cut:], FRAME), JPEG, 2, size))

    assert b"".join(fragments[1:3]) == padded(FRAME, len(DIRTY))
    assert (len(fragments[1]), fragments[3]) == (cut, FRAME)


@pytest.mark.parametrize("size", SIZES)
def test_behind_a_frame(size: int) -> None:
    """Bytes and fragments behind an end go; an empty fragment and a padding byte stay."""
    data = value(FRAME + SECRET, SECRET, b"", FRAME + b"\0\0", FRAME + FRAME)

    assert taken_apart(cleaned(data, JPEG, 3, size)) == [
        b"",
        padded(FRAME, len(FRAME) + 8),
        bytes(8),
        b"",
        FRAME + b"\0\0",
        padded(FRAME, 2 * len(FRAME)),
    ]


@pytest.mark.parametrize("size", SIZES)
def test_frame_without_an_end(size: int) -> None:
    """A frame that has no EOI ends where the next one begins."""
    data = value(DIRTY[:-2], DIRTY)
    assert taken_apart(cleaned(data, JPEG, 2, size))[1:] == [
        padded(FRAME[:-2], len(DIRTY) - 2),
        padded(FRAME, len(DIRTY)),
    ]


@pytest.mark.parametrize(
    "table",
    [
        struct.pack("<3I", 0, 0, 0),
        struct.pack("<3I", 2, 4, 6),
        struct.pack("<3I", 0, 40, 30),
        struct.pack("<3I", 0, len(FRAME), 2 * len(FRAME)),
        struct.pack("<3I", 0, 25, 50),
        struct.pack("<2I", 0, 8 + len(FRAME)),
        SECRET,
        SECRET + b"more",
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_no_offset_table(table: bytes, size: int) -> None:
    """What does not begin at 0, rise, or count every frame is not an offset table: it becomes empty."""
    assert cleaned(value(FRAME, FRAME, FRAME, table=table), JPEG, 3, size) == value(FRAME, FRAME, FRAME)


def test_offsets_that_meet_no_frame() -> None:
    """Found out when the table has left: refused."""
    for offsets in ((0, 8 + len(FRAME), 18 + 2 * len(FRAME)), (0, 8 + len(FRAME), 900)):
        with pytest.raises(DeidentificationError, match="Basic Offset Table"):
            cleaned(value(FRAME, FRAME, FRAME, table=struct.pack("<3I", *offsets)), JPEG, 3)


def test_large_fragments() -> None:
    """A fragment of any size passes as it comes: nothing but a marker segment is held."""
    fragments = Fragments(JPEG)
    scan = bytes(1 << 20)
    fragments.feed(item(b"") + item(DIRTY[:-2] + 8 * scan)[: 8 + len(DIRTY) - 2])
    fragments.passed()
    for _ in range(8):
        fragments.feed(scan)
        assert sum(map(len, fragments.passed())) >= len(scan) - 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("length", [b"\0\0", b"\0\1"])
def test_longer_than_its_items(length: bytes, size: int) -> None:
    """A scan header that is shorter than its own length becomes longer when it is written: refused."""
    with pytest.raises(DeidentificationError, match="longer than its items"):
        cleaned(value(FRAME[:4] + length), JPEG, 1, size)


@pytest.mark.parametrize("data", [b"\x08\0\x60\0CS\2\0CT", item(b"") + b"\xfe\xff\0\xe0\xff\xff\xff\xff"])
def test_no_fragment(data: bytes) -> None:
    """Anything else between fragments is refused."""
    with pytest.raises(InvalidDataSetError, match="not a fragment"):
        Fragments(JPEG).feed(data)


@pytest.mark.parametrize("syntax", [JPEG, RLE, DEFLATED, "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.204"])
def test_unknown_frame(syntax: str) -> None:
    """A frame of an unknown kind is refused, with the attribute and without a byte of it."""
    with pytest.raises(DeidentificationError, match=r"\(7FE0,0010\) PixelData") as refusal:
        cleaned(value(SECRET * 20), syntax)
    assert "Doe" not in str(refusal.value)


def test_too_many_empty_fragments() -> None:
    """Heads of fragments that wait for content are bounded, too."""
    data = value(DIRTY[:-2], *[b""] * 70_000)
    with pytest.raises(DeidentificationError, match="empty fragments"):
        cleaned(data, JPEG)


def test_delimiter() -> None:
    """Its length is zero, whatever came."""
    assert cleaned(value(FRAME)[:-4] + b"Doe^", JPEG).endswith(DELIMITER)


@pytest.mark.filterwarnings("ignore")
def test_real_instances() -> None:
    """Of every real instance each frame decodes to the same, and what is clean stays as it is."""
    outcomes: Counter[str] = Counter()
    for path, dataset in encapsulated():
        syntax, frames = dataset.file_meta.get("TransferSyntaxUID", ""), int(dataset.get("NumberOfFrames") or 1)
        data = dataset.PixelData + DELIMITER
        try:
            clean = cleaned(data, syntax, frames)
        except EngineError:
            outcomes["refused"] += 1
            continue
        assert [len(one) for one in taken_apart(clean)[1:]] == [len(one) for one in taken_apart(data)[1:]], path.name
        assert cleaned(clean, syntax, frames, 1000) == clean, path.name
        assert b"Created by OpenJPEG" not in clean
        before, after = (decoded(dataset, one, syntax, frames) for one in (data, clean))
        assert not before or before == after, path.name
        outcomes["decoded" if before else "undecodable"] += 1
    assert outcomes["decoded"] > 30
    assert outcomes["refused"] <= 1


def decoded(dataset: object, data: bytes, syntax: str, frames: int) -> list[bytes]:
    """The first and the last frame."""
    get = dataset.get  # type: ignore[attr-defined]
    try:
        layout = FrameLayout(
            get("Rows"),
            get("Columns"),
            get("SamplesPerPixel"),
            get("BitsAllocated"),
            get("BitsStored"),
            get("PixelRepresentation", 0),
            get("PlanarConfiguration") or 0,
            get("PhotometricInterpretation"),
        )
        found = list(generate_frames(data, number_of_frames=frames))
        return [
            codecs.decode_frame(frame, syntax, layout)[0].tobytes() for frame in {0: found[0], 1: found[-1]}.values()
        ]
    except Exception:  # noqa: BLE001 - a broken instance is broken before and after
        return []
