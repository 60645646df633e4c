"""Retrieve: what comes out was de-identified, whole, and nothing else comes out."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest
from pydicom import Dataset, dcmread

from dicomveil_engine import deidentify_instance
from dicomveil_engine.rewriting.passing import PassingValue
from dicomveil_proxy.errors import OriginMalformed, OriginUnavailable
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart
from proxy.fakes import (
    ANY_SYNTAX,
    BASE,
    EXPLICIT_LITTLE,
    INSTANCE,
    SERIES,
    STUDY,
    MemoryOrigin,
    instance,
    parts,
    proxy,
    values,
)

pytestmark = pytest.mark.anyio

JPEG = "1.2.840.10008.1.2.4.50"
LONG = bytes(2000)


def archive() -> MemoryOrigin:
    """A study of two series, the first of two instances."""
    return MemoryOrigin(
        instance(),
        instance(instance="1.2.3.1.1.2"),
        instance(series="1.2.3.1.2", instance="1.2.3.1.2.1"),
    )


def undeidentifiable() -> bytes:
    """An instance in a transfer syntax that nobody knows."""
    return instance(instance="1.2.3.1.1.0").replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.4.5.6.7.8.9.10")


# Instances


@pytest.mark.parametrize(("path", "count"), [("", 3), ("/series/{series}", 2), ("/series/{series}/instances/{one}", 1)])
async def test_instances_at_every_level(tmp_path: Path, path: str, count: int) -> None:
    """Each comes once, as the engine alone makes it, and its part says in which transfer syntax it is."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        path = f"/studies/{ask.uid(STUDY)}" + path.format(series=ask.uid(SERIES), one=ask.uid(INSTANCE))
        response = await ask.get(path, ANY_SYNTAX)
        expected = [deidentify_instance(each, ask.policy) for each in origin.held[:]]

    assert response.status_code == 200
    assert [body for _, body in parts(response)] == [
        each for each in expected if _is_in(path, str(dcmread(BytesIO(each)).SeriesInstanceUID))
    ][:count]
    assert {headers["content-type"] for headers, _ in parts(response)} == {
        f"application/dicom;transfer-syntax={EXPLICIT_LITTLE}"
    }


@pytest.mark.parametrize("size", [7, 1_000, 20_000, 1 << 20])
@pytest.mark.parametrize("accept", [ANY_SYNTAX, "application/zip"])
async def test_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accept: str, size: int) -> None:
    """Short pieces are sent together, whichever the origin server sends: nothing is lost or changes places."""
    origin = MemoryOrigin(*(instance(instance=f"1.2.3.1.1.{n}", pixels=bytes(n * 9_999)) for n in range(1, 5)))
    whole = origin.instances

    async def divided(*uids: str) -> AsyncGenerator[Event, None]:
        async for event in whole(*uids):
            if isinstance(event, PartData):
                for begin in range(0, len(event.data), size):
                    yield PartData(event.data[begin : begin + size])
            else:
                yield event

    monkeypatch.setattr(origin, "instances", divided)
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(f"/studies/{ask.uid(STUDY)}", accept)
        expected = [deidentify_instance(each, ask.policy) for each in origin.held]

    if accept == ANY_SYNTAX:
        assert [body for _, body in parts(response)] == expected
    else:
        with ZipFile(BytesIO(response.content)) as archived:
            assert [archived.read(name) for name in archived.namelist()] == expected


def _is_in(path: str, series: str) -> bool:
    return "/series/" not in path or f"/series/{series}" in path


async def test_one_instance_as_it_is(tmp_path: Path) -> None:
    """Without a multipart around it, for who asks so; by the header, or the parameter `accept`."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        expected = deidentify_instance(origin.held[0], ask.policy)
        for path, accept in ((ask.path(), "application/dicom"), (f"{ask.path()}?accept=application/dicom", "text/css")):
            response = await ask.get(path, accept)
            assert (response.headers["content-type"], response.content) == ("application/dicom", expected)


@pytest.mark.parametrize(
    ("wanted", "status"), [("*", 200), (EXPLICIT_LITTLE, 200), (f"{JPEG}, {EXPLICIT_LITTLE}", 200), (JPEG, 406)]
)
async def test_transfer_syntax_that_is_insisted_on(tmp_path: Path, wanted: str, status: int) -> None:
    """The instance is served as it is stored, or refused with what it is stored in."""
    accept = ",".join(
        f'multipart/related; type="application/dicom"; transfer-syntax={each.strip()}' for each in wanted.split(",")
    )
    async with proxy(tmp_path, archive()) as ask:
        response = await ask.get(ask.path(), accept)

    assert response.status_code == status
    assert status == 200 or EXPLICIT_LITTLE in response.json()["detail"]


async def test_an_instance_that_cannot_be_deidentified(tmp_path: Path) -> None:
    """Before the first byte, it is a status; the original's bytes are nowhere."""
    origin = archive()
    origin.held.insert(0, undeidentifiable())
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(ask.path(instance=None), ANY_SYNTAX)

    assert response.status_code == 502
    assert response.json()["code"] == "unreadable-instance"


async def test_an_instance_that_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With `omit` the others come, and the log counts it."""
    origin = archive()
    origin.held.insert(0, undeidentifiable())
    origin.held.append(undeidentifiable())
    async with proxy(tmp_path, origin, on_error="omit") as ask:
        response = await ask.get(ask.path(series=None, instance=None), ANY_SYNTAX)

    assert len(parts(response)) == 3
    (line,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert line.endswith("(2 times)")


async def test_a_study_of_which_nothing_comes(tmp_path: Path) -> None:
    """An origin that has the study, and nothing of it: 404, no empty body that looks like success."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/studies")
        origin.datasets = lambda *uids: []  # type: ignore[method-assign]
        origin._found = lambda *uids: []  # type: ignore[method-assign]
        assert (await ask.get(ask.path(), ANY_SYNTAX)).status_code == 404


async def test_an_instance_that_breaks_after_its_first_byte(tmp_path: Path) -> None:
    """It can be left out no more: the answer is broken off, also with `omit`."""
    origin = MemoryOrigin(instance(pixels=bytes(10_000))[:-100], instance(instance="1.2.3.1.1.2"))
    async with proxy(tmp_path, origin, on_error="omit") as ask:
        with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
            await ask.get(ask.path(instance=None), ANY_SYNTAX)


# Metadata


async def test_metadata(tmp_path: Path) -> None:
    """All instances, de-identified; bulk data is named by URLs of our own, at any depth."""

    def nest(dataset: Dataset) -> None:
        item = Dataset()
        item.add_new(0x54000110, "OB", LONG)
        item.PatientName = "Doe^Jane"
        dataset.add_new(0x54000100, "SQ", [Dataset(), item])

    async with proxy(tmp_path, MemoryOrigin(instance(pixels=LONG, change=nest))) as ask:
        response = await ask.get(f"{ask.path()}/metadata")
        below = f"{BASE}{ask.path()}/bulk"
    (found,) = response.json()

    assert response.headers["content-type"] == "application/dicom+json"
    assert values(found, "00080018") == [ask.uid(INSTANCE)]
    assert values(found, "00120062") == ["YES"]
    assert found["7FE00010"]["BulkDataURI"] == f"{below}/7fe00010"
    assert values(found, "54000100")[1]["54000110"]["BulkDataURI"] == f"{below}/54000100/2/54000110"
    assert b"Doe" not in response.content


@pytest.mark.parametrize(("on_error", "status"), [("abort", 502), ("omit", 200)])
async def test_metadata_that_cannot_be_deidentified(tmp_path: Path, on_error: str, status: int) -> None:
    """It ends the answer, or is left out."""
    origin = archive()

    async def rubbish(*_: object) -> AsyncGenerator[bytes, None]:
        yield b'[{"00100010":{"vr":"Doe"}},{"0020000D":{"vr":"UI","Value":["1.2.3.1"]}}]'

    origin.metadata = rubbish  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin, on_error=on_error) as ask:
        response = await ask.get(f"{ask.path(instance=None)}/metadata")

    assert response.status_code == status
    assert status != 200 or [values(each, "0020000D") for each in response.json()] == [[ask.uid(STUDY)]]
    assert b"Doe" not in response.content


# Frames


@pytest.mark.parametrize(("frames", "expected"), [("1", [0]), ("1,2", [0, 1]), ("2%2C1", [1, 0])])
async def test_frames(tmp_path: Path, frames: str, expected: list[int]) -> None:
    """Those asked for, in that order, as they are stored."""
    async with proxy(tmp_path, archive()) as ask:
        response = await ask.get(f"{ask.path()}/frames/{frames}")
    found = parts(response)

    assert [body for _, body in found] == [bytes(range(16))[8 * n : 8 * n + 8] for n in expected]
    assert found[0][0]["content-type"] == f"application/octet-stream;transfer-syntax={EXPLICIT_LITTLE}"


async def test_one_frame_as_it_is(tmp_path: Path) -> None:
    """Without a multipart around it; of two frames that is not possible."""
    async with proxy(tmp_path, archive()) as ask:
        one = await ask.get(f"{ask.path()}/frames/2", "application/octet-stream")
        two = await ask.get(f"{ask.path()}/frames/1,2", "application/octet-stream")

    assert one.content == bytes(range(8, 16))
    assert two.status_code == 406


@pytest.mark.parametrize(
    ("frames", "accept", "status"),
    [
        ("3", "*/*", 404),
        ("0", "*/*", 400),
        ("x", "*/*", 400),
        ("1", 'multipart/related; type="image/jpeg"', 406),
        ("1", f'multipart/related; type="application/octet-stream"; transfer-syntax={JPEG}', 406),
        ("1", "text/html", 406),
    ],
)
async def test_frames_that_cannot_be(tmp_path: Path, frames: str, accept: str, status: int) -> None:
    """Each has its status."""
    async with proxy(tmp_path, archive()) as ask:
        assert (await ask.get(f"{ask.path()}/frames/{frames}", accept)).status_code == status


@pytest.mark.parametrize(
    "sent",
    [
        [],
        ["application/octet-stream"],
        ["image/jpeg; transfer-syntax=Doe"] * 2,
        ["text/doe"] * 2,
        ["application/dicom"] * 2,
    ],
)
async def test_frames_that_the_origin_gets_wrong(tmp_path: Path, sent: Sequence[str]) -> None:
    """None, too few, of no transfer syntax, or whole instances: 502, or a body that nobody takes for whole."""
    origin = archive()

    async def frames(*_: object) -> AsyncGenerator[Event, None]:
        for content_type in sent:
            yield PartStart({"content-type": content_type})
            yield PartData(b"a frame.")
            yield PartEnd()

    origin.frames = frames  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin) as ask:
        if len(sent) == 1:
            with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
                await ask.get(f"{ask.path()}/frames/1,2")
        else:
            response = await ask.get(f"{ask.path()}/frames/1,2")
            assert response.status_code == 502
            assert b"doe" not in response.content.lower()


async def test_media_type_of_a_frame_is_one_that_is_known(tmp_path: Path) -> None:
    """What else the origin calls a picture goes no further."""
    origin = archive()

    async def frames(*_: object) -> AsyncGenerator[Event, None]:
        yield PartStart({"content-type": f"image/doe; transfer-syntax={JPEG}"})
        yield PartData(b"\xff\xd8\xff\xd9")
        yield PartEnd()

    origin.frames = frames  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin) as ask:
        ((headers, _),) = parts(await ask.get(f"{ask.path()}/frames/1"))

    assert headers["content-type"] == f"application/octet-stream;transfer-syntax={JPEG}"
    assert "doe" not in str(headers).lower()


SHORT = b"x\0\0JANE DOE1 PATIENT1 "
"""Instead of pixels."""


def of_size(rows: int, columns: int) -> Callable[[Dataset], None]:
    """A change to one frame of this size."""

    def change(dataset: Dataset) -> None:
        dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, 1

    return change


@pytest.mark.parametrize("gives_lengths", [True, False])
@pytest.mark.parametrize("columns", [8, 4, 600])
async def test_a_frame_that_is_shorter_than_described(tmp_path: Path, gives_lengths: bool, columns: int) -> None:
    """Its bytes may be anything: 403. Whole frames pass, with and without a length, and without what is behind them."""
    origin = MemoryOrigin(instance())
    origin.gives_lengths = gives_lengths
    async with proxy(tmp_path, origin) as ask:
        assert [body for _, body in parts(await ask.get(f"{ask.path()}/frames/1,2"))] == [
            bytes(range(8)),
            bytes(range(8, 16)),
        ]

    origin = MemoryOrigin(instance(pixels=SHORT, change=of_size(2, columns)))
    origin.gives_lengths = gives_lengths

    async def frames(*_: object) -> AsyncGenerator[Event, None]:
        length = {"content-length": str(len(SHORT))} if gives_lengths else {}
        yield PartStart({"content-type": "application/octet-stream"} | length)
        yield PartData(SHORT[:9])
        yield PartData(SHORT[9:])
        yield PartEnd()

    origin.frames = frames  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(f"{ask.path()}/frames/1")

    if columns < 600:
        assert [body for _, body in parts(response)] == [SHORT[: 2 * columns]]
    else:
        assert (response.status_code, b"DOE" in response.content) == (403, False)


@pytest.mark.parametrize("gives_lengths", [True, False])
@pytest.mark.parametrize("length", [2_000, 100_000])
async def test_pixel_data_that_is_shorter_than_described(tmp_path: Path, gives_lengths: bool, length: int) -> None:
    """Retrieved alone, as in its instance: what names the patient does not pass, and other bytes do."""

    def with_pixels(pixels: bytes) -> MemoryOrigin:
        origin = MemoryOrigin(instance(pixels=pixels, change=of_size(900, 900)))
        origin.gives_lengths = gives_lengths
        return origin

    async with proxy(tmp_path, with_pixels(SHORT.ljust(length, b"\1"))) as ask:
        for what in ("/bulk/7fe00010", ""):
            response = await ask.get(f"{ask.path()}{what}", None if what else ANY_SYNTAX)
            assert (response.status_code, b"DOE" in response.content) == (403, False)
    harmless = (bytes(range(256)) * 400)[:length]
    async with proxy(tmp_path, with_pixels(harmless)) as ask:
        response = await ask.get(f"{ask.path()}/bulk/7fe00010", "application/octet-stream")
    assert (response.status_code, response.content) == (200, harmless)


# Bulk data


def with_bulk_data() -> MemoryOrigin:
    """An instance with long values everywhere: kept, private, UN, of a name."""

    def fill(dataset: Dataset) -> None:
        item = Dataset()
        item.add_new(0x54001010, "OB", LONG)
        dataset.add_new(0x54000100, "SQ", [item])
        dataset.private_block(0x0011, "DOE", create=True).add_new(1, "OB", LONG)
        dataset.add_new(0x00180001, "UN", LONG)
        dataset.add_new(0x00420011, "OB", LONG)

    return MemoryOrigin(instance(pixels=LONG, change=fill))


@pytest.mark.parametrize("path", ["7fe00010", "7FE00010", "54000100/1/54001010"])
async def test_bulk_data_of_what_is_kept(tmp_path: Path, path: str) -> None:
    """Its value, at any depth, with or without a multipart around it."""
    origin = with_bulk_data()
    async with proxy(tmp_path, origin) as ask:
        whole = await ask.get(f"{ask.path()}/bulk/{path}")
        plain = await ask.get(f"{ask.path()}/bulk/{path}", "application/octet-stream")

    assert [body for _, body in parts(whole)] == [plain.content] == [LONG]


@pytest.mark.parametrize(
    "path", ["00100010", "00100020", "0020000d", "00111001", "00110010", "00180001", "00280010", "54000100/2/54001010"]
)
async def test_bulk_data_of_anything_else(tmp_path: Path, path: str) -> None:
    """A name, an ID, a UID, private, UN, what is not bulk data, what is not there: 404, and the origin is not asked."""
    origin = with_bulk_data()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(f"{ask.path()}/bulk/{path}")

    assert response.status_code == 404
    assert not [each for each in origin.asked if each.startswith("bulkdata")]


WAVEFORM = bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        ("00282000", "OB", b"\0\0desc\0Doe^Jane of DOE".ljust(2_000, b"\0")),
        ("00282000", "OB", b"\0\0\0\x0aPATIENT1 of 2030".ljust(2_000, b"\0")),
        ("54001010", "OW", WAVEFORM + b"PATIENT1\0\0" + WAVEFORM),
        ("54001010", "OW", ("PATIENT-1 " * 100).encode("utf-16-le")),
        ("54001010", "OW", b"\xfe\xff\x00\xe0\xf8\x07\0\0\x10\0\x10\0PN\xf0\7".ljust(2_048, b"\1")),
        ("54001010", "OW", WAVEFORM * 120 + b"PATIENT1" + WAVEFORM),
    ],
)
async def test_bulk_data_that_names_the_patient(tmp_path: Path, tag: str, vr: str, value: bytes) -> None:
    """The value of a kept element is checked where it is retrieved by itself, as it is in its instance."""

    def with_value(value: bytes) -> MemoryOrigin:
        return MemoryOrigin(instance(change=lambda dataset: dataset.add_new(int(tag, 16), vr, value)))

    async with proxy(tmp_path, with_value(value)) as ask:
        if len(value) < 1 << 20:
            assert (await ask.get(f"{ask.path()}/bulk/{tag}")).status_code == 403
            assert value not in (await ask.get(ask.path())).content
        else:
            with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
                await ask.get(f"{ask.path()}/bulk/{tag}")
    async with proxy(tmp_path, with_value(WAVEFORM)) as ask:
        assert (await ask.get(f"{ask.path()}/bulk/{tag}", "application/octet-stream")).content == WAVEFORM


@pytest.mark.parametrize("what", ["bulk/54001010", ""])
async def test_long_values_are_checked_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Retrieved by itself or in its instance: searching a megabyte for words would hold up all other requests."""
    threads: list[str] = []
    check = PassingValue.feed

    def noted(self: PassingValue, data: bytes | memoryview) -> list[bytes | memoryview]:
        threads.append(threading.current_thread().name)
        return check(self, data)

    monkeypatch.setattr(PassingValue, "feed", noted)
    value = WAVEFORM * 220
    sent = instance(change=lambda dataset: dataset.add_new(0x54001010, "OW", value))
    async with proxy(tmp_path, MemoryOrigin(sent)) as ask:
        response = await ask.get(
            f"{ask.path()}/{what}".rstrip("/"), ANY_SYNTAX if not what else "application/octet-stream"
        )

    assert response.status_code == 200
    assert value in response.content
    # What comes with the header is checked with it.
    assert set(threads if what else threads[1:]) == {"beside_0"}


async def test_an_instance_in_the_place_of_bulk_data(tmp_path: Path) -> None:
    """An origin that gives the whole, with all its names, is refused."""
    origin = with_bulk_data()

    async def bulkdata(*_: object) -> AsyncGenerator[Event, None]:
        yield PartStart({"content-type": "application/dicom"})
        yield PartData(origin.held[0])
        yield PartEnd()

    origin.bulkdata = bulkdata  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin) as ask:
        assert (await ask.get(f"{ask.path()}/bulk/7fe00010")).status_code == 502


# Pictures


async def test_pictures(tmp_path: Path) -> None:
    """Of an instance, a frame, and of the first instance of a series or study; small ones too."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        for path in (
            f"{ask.path()}/rendered",
            f"{ask.path()}/frames/2/rendered",
            f"{ask.path(instance=None)}/rendered",
            f"{ask.path(series=None, instance=None)}/thumbnail",
        ):
            response = await ask.get(f"{path}?window=1,2,linear", "image/png")
            assert response.headers["content-type"] == "image/png"
            assert response.content.startswith(b"\x89PNG")
    asked = [each for each in origin.asked if each.startswith("rendered")]

    resource = f"rendered {STUDY} {SERIES} {INSTANCE}"
    assert asked == [
        f"{resource} window=1,2,linear",
        f"{resource} 2 window=1,2,linear",
        f"{resource} window=1,2,linear",
        f"{resource} window=1,2,linear&viewport=256,256",
    ]


@pytest.mark.parametrize(
    ("query", "accept", "status"),
    [("annotation=patient", "*/*", 400), ("iccprofile=yes", "*/*", 400), ("", "video/mp4", 406)],
)
async def test_pictures_that_are_not_drawn(tmp_path: Path, query: str, accept: str, status: int) -> None:
    """An annotation would draw the patient's name."""
    async with proxy(tmp_path, archive()) as ask:
        assert (await ask.get(f"{ask.path()}/rendered?{query}", accept)).status_code == status


async def test_picture_of_a_document(tmp_path: Path) -> None:
    """The rendered form of an encapsulated document is the document, and that is not released."""
    async with proxy(tmp_path, MemoryOrigin(instance(pixels=None))) as ask:
        response = await ask.get(f"{ask.path()}/rendered")

    assert response.status_code == 403
    assert b"document" not in response.content


async def test_pixels_that_the_profile_does_not_release(tmp_path: Path) -> None:
    """Neither frames nor pictures nor bulk data, and the origin is not asked for them."""
    profile = {"profile": "PS3.15", "rules": [{"tag": "PixelData", "method": "remove"}]}
    origin = archive()
    async with proxy(tmp_path, origin, profile=profile) as ask:
        statuses = [
            (await ask.get(f"{ask.path()}/{what}")).status_code
            for what in ("frames/1", "rendered", "thumbnail", "bulk/7fe00010")
        ]

    assert statuses == [403, 403, 403, 404]
    assert not [each for each in origin.asked if each.split()[0] in ("frames", "rendered", "bulkdata")]


# Faults of the origin


@pytest.mark.parametrize("what", ["instances", "metadata", "frames", "rendered", "bulkdata"])
async def test_an_origin_that_fails(tmp_path: Path, what: str) -> None:
    """Its error is the answer, whatever was asked for."""
    routes = {"instances": "", "bulkdata": "/bulk/7fe00010", "frames": "/frames/1"}
    origin = MemoryOrigin(instance(pixels=LONG))
    origin.failures[what] = OriginUnavailable("the origin server cannot be reached, or broke off")
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(ask.path() + routes.get(what, f"/{what}"))

    assert (response.status_code, response.json()["code"]) == (502, "origin-unavailable")


@pytest.mark.parametrize("what", ["", "/frames/1,2", "/bulkdata"])
async def test_an_origin_that_breaks_off(tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """After the first byte the connection breaks; the log says why, once."""
    origin = MemoryOrigin(instance(pixels=LONG * 100), instance(instance="1.2.3.1.1.2"))
    error = OriginMalformed("the response of the origin server is broken or not whole")
    origin.breaks = {what.split("/")[1] if what else "instances": error}
    async with proxy(tmp_path, origin) as ask:
        path = ask.path(instance=None if what == "" else INSTANCE)
        with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
            await ask.get(path + what.replace("bulkdata", "bulk/7fe00010"))

    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors] == [f"a response was broken off: {error}"]


async def test_metadata_that_break_off(tmp_path: Path) -> None:
    """While all of them are still held back, the answer can be a status."""
    origin = MemoryOrigin(instance(), instance(instance="1.2.3.1.1.2"))
    origin.breaks["metadata"] = OriginMalformed("the response of the origin server is broken or not whole")
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(f"{ask.path(instance=None)}/metadata")

    assert (response.status_code, response.json()["code"]) == (502, "origin-malformed")


async def test_the_origin_is_let_go_of(tmp_path: Path) -> None:
    """After an answer, an error, and HEAD, which fetches no more than it needs to know the status."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        await ask.get(ask.path(), ANY_SYNTAX)
        await ask.get(ask.path(), f'multipart/related; type="application/dicom"; transfer-syntax={JPEG}')
        head = await ask.client.head(f"{BASE}{ask.path()}", headers={"Accept": ANY_SYNTAX})
        assert origin.released == 3

    assert (head.status_code, head.content) == (200, b"")


def test_every_fake_is_an_origin() -> None:
    """The fake has what the protocol asks for."""
    from dicomveil_proxy.origin import Origin

    origin: Origin = MemoryOrigin()
    needed: set[Any] = {name for name in vars(Origin) if not name.startswith("_")}
    assert needed <= set(dir(origin))


class HalfPair(MemoryOrigin):
    """An origin server whose JSON holds half of a surrogate pair, in its escaped form."""

    async def metadata(self, *uids: str | None) -> AsyncGenerator[bytes, None]:
        """The memory's, with other characters."""
        async for chunk in super().metadata(*uids):  # type: ignore[arg-type]
            yield chunk.replace(b'"PATIENT-1"', b'"PATIENT-\\ud800"').replace(b'"late"', b'"la\\udc80te"')


async def test_half_a_surrogate_pair(tmp_path: Path) -> None:
    """What JSON can write and UTF-8 cannot breaks nothing: neither the answer nor what is remembered."""
    async with proxy(tmp_path, HalfPair(instance(CommentsOnTheScheduledProcedureStep="late"))) as ask:
        response = await ask.get(f"/studies/{ask.uid(STUDY)}/metadata")

    assert response.status_code == 200
    (metadata,) = response.json()
    assert values(metadata, "00400400") == ["la\udc80te"]


# What was not asked for


OTHERS = {
    "another instance": [instance(instance="1.2.3.1.1.9")],
    "another series": [instance(series="1.2.3.1.9")],
    "another study": [instance(study="1.2.3.9")],
    "a second instance": [instance(), instance(instance="1.2.3.1.1.9")],
    "the instance twice": [instance(), instance()],
}


@pytest.mark.parametrize("what", ["", "/metadata"])
@pytest.mark.parametrize("sent", OTHERS.values(), ids=OTHERS)
async def test_one_instance_is_that_instance(tmp_path: Path, sent: list[bytes], what: str) -> None:
    """Another one than the one that was asked for is refused, and a second one too: nothing of it leaves."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        await ask.get(f"{ask.path()}/metadata")  # its pseudonyms are known now
        origin.datasets = lambda *_: MemoryOrigin(*sent).datasets()  # type: ignore[method-assign]
        response = await ask.get(f"{ask.path()}{what}", None if what else ANY_SYNTAX)

    assert response.status_code == 502


@pytest.mark.parametrize("what", ["", "/metadata"])
@pytest.mark.parametrize("level", ["study", "series"])
async def test_a_study_is_that_study(tmp_path: Path, level: str, what: str) -> None:
    """An instance of another study is refused, since a filter may hide that; one of another series likewise."""
    origin = archive()
    elsewhere = instance(study="1.2.3.9") if level == "study" else instance(series="1.2.3.1.9")
    async with proxy(tmp_path, origin) as ask:
        await ask.get(f"{ask.path()}/metadata")
        origin.datasets = lambda *_: MemoryOrigin(elsewhere).datasets()  # type: ignore[method-assign]
        path = ask.path(instance=None) if level == "series" else ask.path(series=None, instance=None)
        response = await ask.get(f"{path}{what}", None if what else ANY_SYNTAX)

    assert response.status_code == 502


async def test_more_frames_than_were_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused: nobody knows what they are."""
    origin = archive()
    frames = origin.frames
    monkeypatch.setattr(origin, "frames", lambda study, series, of, _: frames(study, series, of, [1, 2]))
    async with proxy(tmp_path, origin) as ask:
        with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
            await ask.get(f"{ask.path()}/frames/1")


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (2, 1), (3, 2), (9, 5)])
async def test_a_series_is_shown_by_its_middle(tmp_path: Path, count: int, shown: int) -> None:
    """The ends of a series show least of it."""
    origin = MemoryOrigin(*(instance(instance=f"1.2.3.1.1.{n}") for n in range(1, count + 1)))
    search = origin.search

    async def counting(level: Level, *of: object, **named: object) -> list[object]:
        found = await search(level, *of, **named)  # type: ignore[arg-type]
        if level is Level.SERIES:
            return [{**each, "00201209": {"vr": "IS", "Value": [count]}} for each in found]
        return [*found]

    origin.search = counting  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin) as ask:
        for path in (ask.path(instance=None), ask.path(series=None, instance=None)):
            response = await ask.get(f"{path}/rendered")
            assert response.status_code == 200
            assert origin.asked[-1] == f"rendered 1.2.3.1 1.2.3.1.1 1.2.3.1.1.{shown}"


async def test_pictures_of_several_frames(tmp_path: Path) -> None:
    """Each is a part, in the order of the list, and says where it can be had alone."""
    async with proxy(tmp_path, archive()) as ask:
        response = await ask.get(f"{ask.path()}/frames/2,1/rendered")
        png = await ask.get(f"{ask.path()}/frames/1,2,1/rendered", 'multipart/related; type="image/png"')
        alone = [await ask.get(f"{ask.path()}/frames/{number}/rendered") for number in (2, 1)]

    assert response.headers["content-type"].startswith('multipart/related; type="image/jpeg"; boundary=')
    assert [(headers["content-type"], body) for headers, body in parts(response)] == [
        ("image/jpeg", each.content) for each in alone
    ]
    assert [headers["content-location"] for headers, _ in parts(response)] == [str(each.url) for each in alone]
    assert [body[:4] for _, body in parts(png)] == [b"\x89PNG"] * 3


async def test_one_picture_for_several_frames(tmp_path: Path) -> None:
    """There is none: the first alone would be another one than was asked for."""
    async with proxy(tmp_path, archive()) as ask:
        refused = await ask.get(f"{ask.path()}/frames/1,2/rendered", "image/jpeg")
        assert refused.status_code == 406
        assert 'multipart/related; type="image/jpeg"' in refused.json()["detail"]
        assert (await ask.get(f"{ask.path()}/frames/1,2/thumbnail")).status_code == 406
        assert (await ask.get(f"{ask.path()}/frames/2/rendered")).status_code == 200


async def test_pictures_that_break_off(tmp_path: Path) -> None:
    """Where a later frame is not to be had, the answer has no end; where the first is not, it is a status."""
    origin = archive()
    draw = origin.rendered

    async def first_only(*of: Any, **named: Any) -> tuple[str, bytes]:
        if of[3] != 1:
            raise OriginMalformed("the response of the origin server is broken or not whole")
        return await draw(*of, **named)

    origin.rendered = first_only  # type: ignore[method-assign]
    async with proxy(tmp_path, origin) as ask:
        with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
            await ask.get(f"{ask.path()}/frames/1,2/rendered")
        assert (await ask.get(f"{ask.path()}/frames/2,1/rendered")).status_code == 502


# Zip files


@pytest.mark.parametrize(("path", "count"), [("", 3), ("/series/{series}", 2)])
async def test_a_zip_file(tmp_path: Path, path: str, count: int) -> None:
    """A study or series is the same instances as in parts, named by pseudonyms, without compression or a time."""
    async with proxy(tmp_path, archive()) as ask:
        path = f"/studies/{ask.uid(STUDY)}" + path.format(series=ask.uid(SERIES))
        response = await ask.get(path, "application/zip")
        again = await ask.get(f"{path}?accept=application/zip; transfer-syntax=*", "text/html")
        expected = [body for _, body in parts(await ask.get(path, ANY_SYNTAX))]
    file = ZipFile(BytesIO(response.content))

    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
    assert again.content == response.content
    assert [file.read(each) for each in file.infolist()] == expected
    assert len(expected) == count
    for name, body in zip(file.namelist(), expected, strict=True):
        dataset = dcmread(BytesIO(body))
        assert name == f"{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"
    assert {(each.compress_type, each.date_time) for each in file.infolist()} == {(ZIP_STORED, (1980, 1, 1, 0, 0, 0))}


async def test_names_in_a_zip_file(tmp_path: Path) -> None:
    """They are pseudonyms where the policy keeps UIDs too, and no two are the same."""
    origin = archive()
    origin.held = [origin.held[0], origin.held[0]]
    keep = {"profile": "none", "rules": [{"tag": "(xxxx,xxxx)", "method": "keep"}]}
    async with proxy(tmp_path, origin, profile=keep) as ask:
        response = await ask.get(f"/studies/{STUDY}", "application/zip")
        stem = f"{ask.policy.pseudonym_uid(SERIES)}/{ask.policy.pseudonym_uid(INSTANCE)}"

    assert ZipFile(BytesIO(response.content)).namelist() == [f"{stem}.dcm", f"{stem}-2.dcm"]


async def test_no_name_in_a_zip_file_begins_at_the_root(tmp_path: Path) -> None:
    """An instance without a series has a folder, too; one that is sent a hundred times has as many names."""
    origin = MemoryOrigin(*[instance(series="")] * 100)
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get(ask.path(series=None, instance=None), "application/zip")
        stem = f"none/{ask.policy.pseudonym_uid(INSTANCE)}"

    names = ZipFile(BytesIO(response.content)).namelist()
    assert names == [f"{stem}.dcm", *(f"{stem}-{number}.dcm" for number in range(2, 101))]


async def test_a_zip_file_is_transcoded(tmp_path: Path) -> None:
    """Each instance comes in the transfer syntax that is insisted on, as in parts."""
    wanted = "1.2.840.10008.1.2"
    async with proxy(tmp_path, archive()) as ask:
        response = await ask.get(ask.path(instance=None), f"application/zip; transfer-syntax={wanted}")
        refused = await ask.get(ask.path(instance=None), f"application/zip; transfer-syntax={JPEG}")
    file = ZipFile(BytesIO(response.content))

    assert file.testzip() is None
    assert {dcmread(file.open(each)).file_meta.TransferSyntaxUID for each in file.infolist()} == {wanted}
    assert refused.status_code == 406


async def test_a_zip_file_that_breaks_off(tmp_path: Path) -> None:
    """Its connection breaks; and what came has no directory."""
    origin = MemoryOrigin(instance(pixels=LONG * 100), undeidentifiable())
    async with proxy(tmp_path, origin) as ask:
        with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
            await ask.get(ask.path(instance=None), "application/zip")
    async with proxy(tmp_path, origin, on_error="omit") as ask:
        response = await ask.get(ask.path(instance=None), "application/zip")

    assert len(ZipFile(BytesIO(response.content)).namelist()) == 1


async def test_an_instance_as_a_zip_file(tmp_path: Path) -> None:
    """One is had as it is, and not so; what is not there is 404."""
    async with proxy(tmp_path, archive()) as ask:
        assert (await ask.get(ask.path(), "application/zip")).status_code == 406
        gone = f"/studies/{ask.policy.pseudonym_uid('1.2.3.9')}"
        assert (await ask.get(gone, "application/zip")).status_code == 404


@pytest.mark.parametrize("what", ["bulkdata", "pixeldata"])
async def test_bulk_data_of_a_whole_resource(tmp_path: Path, what: str) -> None:
    """Optional in PS3.18 Table 10.3-2 and not served, at no level, and the origin server is asked nothing."""
    origin = archive()
    async with proxy(tmp_path, origin) as ask:
        for path in (ask.path(), ask.path(instance=None), ask.path(series=None, instance=None)):
            assert (await ask.get(f"{path}/{what}")).status_code == 404

    assert origin.asked == []
