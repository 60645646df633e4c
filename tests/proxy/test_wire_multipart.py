"""multipart/related, read and written as it streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import BadRequest, OriginMalformed
from dicomveil_proxy.wire.multipart import (
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    PartData,
    PartEnd,
    PartStart,
    boundary_of,
    content_type_of,
    random_boundary,
)

Part = tuple[dict[str, str], bytes]

BODY = (
    b"preamble\r\n--b \t\r\nContent-Type: application/dicom\r\n\r\nfirst\r\n--\r\n--c\r\n"
    b"--b\r\nContent-Length: 11\r\nX-Folded: one\r\n two\r\n\r\n\r\n--b\r\nseco\r\n"
    b"--b\r\n\r\n\r\n--b--epilogue\r\n--b\r\n"
)
PARTS: list[Part] = [
    ({"content-type": "application/dicom"}, b"first\r\n--\r\n--c"),
    ({"content-length": "11", "x-folded": "one two"}, b"\r\n--b\r\nseco"),
    ({}, b""),
]


def read(chunks: list[bytes], boundary: bytes = b"b", limits: MultipartLimits | None = None) -> list[Part]:
    """The parts of a body that comes in these chunks."""
    reader = MultipartReader(boundary, limits or MultipartLimits())
    parts: list[Part] = []
    ended = 0
    for chunk in chunks:
        for event in reader.feed(chunk):
            match event:
                case PartStart(headers):
                    parts.append((headers, b""))
                case PartData(data):
                    assert len(data) > 0
                    parts[-1] = (parts[-1][0], parts[-1][1] + bytes(data))
                case PartEnd():
                    ended += 1
    reader.close()
    assert ended == len(parts)
    return parts


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body in chunks that end at these places."""
    ends = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in pairwise(ends)]


def test_a_body_read_whole_and_byte_by_byte() -> None:
    """Preamble, epilogue, blanks after a boundary, folded headers, a boundary within a counted part."""
    assert read([BODY]) == PARTS
    assert read([bytes([byte]) for byte in BODY]) == PARTS


@given(st.lists(st.integers(0, 1_000), max_size=8))
def test_any_split_gives_the_same_parts(places: list[int]) -> None:
    """Where the chunks end makes no difference."""
    assert read(cut(BODY, places)) == PARTS


@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.sampled_from([b"\r", b"\n", b"-", b"b", b"--", b"xyz"])))),
    st.lists(st.integers(0, 1_000), max_size=6),
)
def test_what_is_written_reads_back(parts: list[tuple[bool, list[bytes]]], places: list[int]) -> None:
    """With a Content-Length or without one, however it is split."""
    boundary = b"bb-" + random_boundary()
    writer = MultipartWriter(boundary, "application/dicom")
    datas = [b"".join(pieces) for _, pieces in parts]
    body = b"".join(
        writer.head({"Content-Length": str(len(data))} if counted else None) + data
        for (counted, _), data in zip(parts, datas, strict=True)
    )
    body += writer.close()

    assert [data for _, data in read(cut(body, places), boundary)] == datas
    assert boundary_of(writer.content_type) == boundary


@given(st.integers(0, len(BODY) - 1), st.binary(max_size=3), st.integers(0, 4), st.integers(0, 1_000))
def test_a_damaged_body_gives_parts_or_the_error(at: int, new: bytes, removed: int, place: int) -> None:
    """Nothing but OriginMalformed comes of damage, and the split makes no difference to it either."""
    body = BODY[:at] + new + BODY[at + removed :]

    def outcome(chunks: list[bytes]) -> list[Part] | None:
        try:
            return read(chunks)
        except OriginMalformed:
            return None

    assert outcome([body]) == outcome(cut(body, [place]))


def test_a_body_that_breaks_off_is_an_error() -> None:
    """However much came, without the closing boundary it is not the whole."""
    for end in range(BODY.index(b"--b--epilogue") + len(b"--b-")):
        with pytest.raises(OriginMalformed, match="closing boundary"):
            read([BODY[:end]])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"--b\r\nContent-Length: 3\r\n\r\nfour\r\n--b--", "Content-Length says"),
        (b"--b\r\nContent-Length: 5\r\n\r\nfour\r\n--b--", "Content-Length says"),
        (b"--b\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nfour\r\n--b--", "not a number"),
        (b"--b\r\nContent-Length: -4\r\n\r\nfour\r\n--b--", "not a number"),
        (b"--bb\r\n\r\nx\r\n--b--", "other characters"),
        (b"--b\r\nno colon\r\n\r\nx\r\n--b--", "cannot be read"),
        (b"--b\r\nA: 1\nB: 2\r\n\r\nx\r\n--b--", "cannot be read"),
        (b"--b\n\nx\n--b--", "closing boundary"),
        (b"--b\r\nA: " + b"x" * 200 + b"\r\n\r\nx\r\n--b--", "over 100 bytes"),
        (b"--b\r\n" + b"A: 1\r\n" * 4 + b"\r\nx\r\n--b--", "over 3 headers"),
        (b"--b\r\n\r\nx\r\n" * 3 + b"--b--", "over 2 parts"),
    ],
)
def test_what_is_refused(body: bytes, message: str) -> None:
    """A wrong length is never repaired by searching, and limits have clear errors; byte by byte too."""
    limits = MultipartLimits(header_bytes=100, headers=3, parts=2)

    with pytest.raises(OriginMalformed, match=message):
        read([body], limits=limits)
    with pytest.raises(OriginMalformed, match=message):
        read([bytes([byte]) for byte in body], limits=limits)


def test_a_part_without_body_is_empty() -> None:
    """The line break before a boundary may be the one after the headers."""
    assert read([b"--b\r\nA: 1\r\n\r\n--b\r\n\r\nx\r\n--b--"]) == [({"a": "1"}, b""), ({}, b"x")]


def test_a_body_without_parts() -> None:
    """Only the closing boundary: no parts, and no error."""
    assert read([MultipartWriter(b"b", "application/dicom").close()]) == []


def test_data_is_a_slice_of_what_came() -> None:
    """Long values are not copied: whole chunks and views of chunks leave."""
    reader = MultipartReader(b"b")
    chunk = bytes(1_000)
    reader.feed(b"--b\r\n\r\n")
    (whole,) = reader.feed(chunk)
    view, *_ = reader.feed(chunk + b"\r\n--b--")

    assert isinstance(whole, PartData)
    assert whole.data is chunk
    assert isinstance(view, PartData)
    assert isinstance(view.data, memoryview)


def test_the_fault_is_the_senders() -> None:
    """A broken request is a bad request, not the origin server's failure."""
    with pytest.raises(BadRequest):
        MultipartReader(b"b", fault=BadRequest).close()
    with pytest.raises(BadRequest):
        boundary_of("application/dicom", BadRequest)


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/related; boundary=b1", b"b1"),
        ('multipart/related; transfer-syntax=1.2.840.10008.1.2.1; boundary=b1; type="application/dicom"', b"b1"),
        ('multipart/related; type="application/dicom"; boundary="b 1:?"', b"b 1:?"),
        ("Multipart/Related; Boundary=----=_Part_1.2", b"----=_Part_1.2"),
    ],
)
def test_the_boundary_of_a_header(header: str, boundary: bytes) -> None:
    """Quoted or not."""
    assert boundary_of(header) == boundary


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "multipart/related", "application/json; boundary=b", 'multipart/related; boundary=""'),
        *(f"multipart/related; boundary={'b' * 201}", 'multipart/related; boundary="b\r\n"'),
        *("multipart/related; boundary=ä", 'multipart/related; boundary="b "'),
    ],
)
def test_a_header_without_boundary_is_an_error(header: str | None) -> None:
    """None, or one that RFC 2046 does not allow."""
    with pytest.raises(OriginMalformed):
        boundary_of(header)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (None, None)),
        ("application/octet-stream; transfer-syntax=1.2.3", ("application/octet-stream", "1.2.3")),
        ('multipart/related; type="image/jls; transfer-syntax=1.2.3"; boundary=b', ("image/jls", "1.2.3")),
        ("multipart/related; type=image/jls; transfer-syntax=1.2.3; boundary=b", ("image/jls", "1.2.3")),
    ],
)
def test_the_content_type_of_parts(header: str | None, expected: tuple[str | None, str | None]) -> None:
    """As a part says it, or as Orthanc says it for all parts."""
    assert content_type_of(header) == expected


def test_the_written_form() -> None:
    """Literal in, literal out."""
    writer = MultipartWriter(b"b", "application/dicom")

    assert writer.content_type == 'multipart/related; type="application/dicom"; boundary=b'
    assert MultipartWriter(b"b:1", "image/jls").content_type.endswith('; boundary="b:1"')
    assert writer.head() == b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    assert writer.head({"Content-Type": "image/jls", "Content-Length": "0"}) == (
        b"\r\n--b\r\nContent-Type: image/jls\r\nContent-Length: 0\r\n\r\n"
    )
    assert writer.close() == b"\r\n--b--\r\n"


@pytest.mark.parametrize("headers", [{"A": "1\r\nB: 2"}, {"A\r\n": "1"}, {"": "1"}])
def test_no_header_is_smuggled_in(headers: dict[str, str]) -> None:
    """A value cannot begin a line of its own."""
    with pytest.raises(ValueError, match="characters"):
        MultipartWriter(b"b", "application/dicom").head(headers)
