"""Video: user data, SEI and what files say of themselves are overwritten in place; nothing moves."""

from __future__ import annotations

import pytest

from dicomveil_engine.code_streams.video import VideoStream
from dicomveil_engine.errors import DeidentificationError
from engine.code_streams import cleaned, fed, taken_apart, value

SECRET = b"Doe^Jane"
MPEG2, H264, HEVC = (f"1.2.840.10008.1.2.4.{number}" for number in (100, 102, 107))
START = b"\0\0\1"
SIZES = [1, 5, 1 << 16]
PICTURE = START + b"\x65" + bytes(range(4, 40))


def box(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return (len(joined) + 8).to_bytes(4, "big") + kind + joined


def unit(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@pytest.mark.parametrize("size", SIZES)
def test_mpeg2(size: int) -> None:
    """User data becomes FF, which no decoder reads."""
    head = START + b"\xb3" + bytes(range(4, 20))
    dirty = head + START + b"\xb2" + SECRET + START + b"\xb8abcd" + START + b"\xb2" + SECRET

    out = head + START + b"\xb2" + b"\xff" * 8 + START + b"\xb8abcd" + START + b"\xb2" + b"\xff" * 8
    assert fed(VideoStream(MPEG2), dirty, size) == out


@pytest.mark.parametrize("size", SIZES)
def test_h264(size: int) -> None:
    """SEI becomes filler data; start codes of three and four bytes stay."""
    dirty = b"\0" + PICTURE + START + b"\x06\x05" + SECRET + b"\x80\0" + PICTURE + START + b"\x26\x05" + SECRET

    filler = START + b"\x0c" + b"\xff" * 9
    assert fed(VideoStream(H264), dirty, size) == (
        b"\0" + PICTURE + filler + b"\x80\0" + PICTURE + filler[:-1] + b"\x80"
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("head", [b"\x4e\1", b"\x50\1", b"\x4f\1", b"\x51\1"])
def test_hevc(head: bytes, size: int) -> None:
    """Prefix and suffix SEI, of every layer."""
    picture = START + b"\x26\1" + bytes(range(4, 40))
    dirty = picture + START + head + SECRET + picture
    assert fed(VideoStream(HEVC), dirty, size) == picture + START + b"\x4c\1" + b"\xff" * 7 + b"\x80" + picture


@pytest.mark.parametrize("size", SIZES)
def test_mp4(size: int) -> None:
    """Times, names, user data and SEI go; sizes, tables and pictures stay."""
    entry = bytes(42) + b"\x08EncoderX" + bytes(23) + bytes(4)
    media = box(
        b"mdia", box(b"mdhd", bytes(4) + SECRET + b"rest"), box(b"hdlr", bytes(8) + b"vide" + bytes(12) + SECRET)
    )
    table = box(b"stbl", box(b"stsd", bytes(8) + box(b"avc1", entry, box(b"avcC", b"\1"), box(b"note", SECRET))))
    head = box(b"ftyp", b"isomabcd") + box(
        b"moov",
        box(b"mvhd", bytes(4) + SECRET + bytes(12)),
        box(b"udta", SECRET),
        box(b"trak", media, table, box(b"stsz", b"numbers.")),
    )
    samples = unit(b"\x65picture") + unit(b"\x06" + SECRET) + unit(b"\x41more")
    dirty = head + box(b"uuid", SECRET) + box(b"mdat", samples) + box(b"free", SECRET)
    out = fed(VideoStream(H264), dirty, size)

    assert len(out) == len(dirty)
    assert SECRET not in out
    assert b"EncoderX" not in out
    for kept in (box(b"stsz", b"numbers."), box(b"avcC", b"\1"), unit(b"\x65picture"), unit(b"\x41more"), b"vide"):
        assert kept in out
    assert unit(b"\x0c" + b"\xff" * 7 + b"\x80") in out
    assert box(b"free", bytes(8)) in out


def test_samples_that_are_not_units() -> None:
    """Behind the first sample that is not a picture all pass: where the next one begins cannot be told."""
    samples = unit(b"\x65picture") + b"\xff\xff\xff\xff" + SECRET
    dirty = box(b"ftyp", b"isomabcd") + box(b"mdat", samples)
    assert fed(VideoStream(H264), dirty) == dirty


@pytest.mark.parametrize("head", [b"\0\0\1\xba", b"\x47\x40\0\x10"])
def test_packets(head: bytes) -> None:
    """Program and transport streams pass as they are, as the documents say."""
    data = head + START + b"\x06" + SECRET + bytes(40)
    assert fed(VideoStream(H264), data) == data


def test_unknown() -> None:
    """What is not a video is refused."""
    for data in (SECRET * 2, box(b"ftyp", b"isom") + b"\0\0\0\4moov"):
        with pytest.raises(DeidentificationError, match="PixelData"):
            fed(VideoStream(H264), data)


def test_over_fragments() -> None:
    """A video is one stream, however it is cut into fragments."""
    dirty = PICTURE + START + b"\x06" + SECRET + PICTURE
    fragments = taken_apart(cleaned(value(dirty[:43], dirty[43:46], dirty[46:]), H264))

    assert b"".join(fragments) == PICTURE + START + b"\x0c" + b"\xff" * 7 + b"\x80" + PICTURE
    assert [len(one) for one in fragments[1:3]] == [43, 3]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("syntax", "picture", "types", "filler"),
    [
        (MPEG2, START + b"\xb3" + bytes(range(4, 20)), (0xB0, 0xB1, 0xB4, 0xB6, 0xBD, 0xBE, 0xC0, 0xFF), b"\xb2"),
        (H264, PICTURE, (0x00, 0x0C, 0x10, 0x16, 0x18, 0x1E, 0x1F, 0x7F, 0x9F), b"\x0c"),
        (HEVC, START + b"\x26\1" + bytes(range(4, 40)), (0x14, 0x2D, 0x4C, 0x53, 0x60, 0x7E, 0x7F), b"\x4c"),
    ],
)
def test_units_that_decoders_skip(
    syntax: str, picture: bytes, types: tuple[int, ...], filler: bytes, size: int
) -> None:
    """Filler data, reserved and unspecified units are overwritten as user data is: anything can be in them."""
    for kind in types:
        dirty = picture + START + bytes((kind, 1)) + SECRET + picture
        out = fed(VideoStream(syntax), dirty, size)
        assert SECRET not in out
        assert out.startswith(picture + START + filler)
        assert out.endswith(picture)
        assert len(out) == len(dirty)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("syntax", "end"), [(MPEG2, b"\xb7"), (H264, b"\x0a"), (H264, b"\x0b")])
def test_behind_the_end_of_a_sequence(syntax: str, end: bytes, size: int) -> None:
    """The end stays, and bytes after it become zeros, which may stand between units."""
    picture = PICTURE if syntax == H264 else START + b"\xb3" + bytes(range(4, 20))
    dirty = picture + START + end + SECRET + picture + START + end + SECRET

    zeros = bytes(len(SECRET))
    assert fed(VideoStream(syntax), dirty, size) == picture + START + end + zeros + picture + START + end + zeros


@pytest.mark.parametrize("size", SIZES)
def test_places_of_data(size: int) -> None:
    """URLs and names in the references of a file to its data are cleared."""
    url, name = box(b"url ", bytes(4) + SECRET), box(b"urn ", bytes(4) + SECRET + b"\0" + SECRET)
    place = box(b"dinf", box(b"dref", bytes(7) + b"\2", url, name))
    dirty = box(b"ftyp", b"isomabcd") + box(b"moov", place) + box(b"mdat", unit(b"\x65picture"))
    out = fed(VideoStream(H264), dirty, size)

    assert len(out) == len(dirty)
    assert SECRET not in out
    assert box(b"url ", bytes(4 + len(SECRET))) in out


@pytest.mark.parametrize("kind", [b"text", b"sbtl", b"subt", b"meta", b"clcp"])
def test_tracks_of_text(kind: bytes) -> None:
    """Subtitles and metadata tracks are among the pictures, where they cannot be found: the video is refused."""
    handler = box(b"hdlr", bytes(8) + kind + bytes(12) + b"name")
    dirty = box(b"ftyp", b"isomabcd") + box(b"moov", box(b"trak", box(b"mdia", handler)))
    with pytest.raises(DeidentificationError, match="a track of text or metadata"):
        fed(VideoStream(H264), dirty)
