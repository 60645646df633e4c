"""The forms in which instances and metadata come: transcoded, and in XML."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, IMPLICIT_LITTLE, JPEG_2000, RLE
from proxy.fakes import SERIES, STUDY, MemoryOrigin, instance, parts, proxy
from proxy.pictures import GREY, picture, raw
from proxy.test_wire_native_xml import plain, read_back

pytestmark = pytest.mark.anyio

JPEG_2000_PART_2 = "1.2.840.10008.1.2.4.92"
XML = 'multipart/related; type="application/dicom+xml"'
BROKEN_RLE = b"\1\0\0\0\x40" + bytes(63)
"""A header, and no pixels that could be decoded."""
CODE_STREAM = b"\xff\x4f\xff\x51\0\4ab\xff\xd9"
"""Of JPEG 2000, as far as it is looked at here."""


def parts_in(*syntaxes: str) -> str:
    """An Accept header for instances in these transfer syntaxes, equally welcome."""
    return ", ".join(f'multipart/related; type="application/dicom"; transfer-syntax={each}' for each in syntaxes)


def mixed() -> MemoryOrigin:
    """A series of one compressed instance and one that is not."""
    return MemoryOrigin(picture(RLE), instance(instance="1.2.3.1.1.2"))


async def test_a_series_in_one_transfer_syntax(tmp_path: Path) -> None:
    """What is stored otherwise is transcoded, de-identified as ever; the rest comes as it is."""
    async with proxy(tmp_path, mixed()) as ask:
        as_stored = parts(await ask.get(ask.path(instance=None), parts_in("*")))
        response = parts(await ask.get(ask.path(instance=None), parts_in(EXPLICIT_LITTLE)))
    (headers, transcoded), untouched = response

    assert headers["content-type"] == f"application/dicom;transfer-syntax={EXPLICIT_LITTLE}"
    assert untouched == as_stored[1]
    found, stored = dcmread(BytesIO(transcoded)), dcmread(BytesIO(as_stored[0][1]))
    assert found.PixelData == b"".join(raw(GREY))
    del found.PixelData, stored.PixelData
    assert found == stored
    assert b"Doe" not in transcoded


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((JPEG_2000,), JPEG_2000),
        ((IMPLICIT_LITTLE,), IMPLICIT_LITTLE),
        (("1.2.840.10008.1.2.4.50", JPEG_2000), JPEG_2000),
        ((JPEG_2000, "*"), RLE),
        ((f"{JPEG_2000}; q=0.5", "*; q=0.1"), JPEG_2000),
        (("*", f"{RLE}; q=0", f"{EXPLICIT_LITTLE}; q=0.1"), EXPLICIT_LITTLE),
    ],
)
async def test_one_instance(tmp_path: Path, wanted: tuple[str, ...], expected: str) -> None:
    """As stored where that is among the best, otherwise the best that can be made."""
    async with proxy(tmp_path, MemoryOrigin(picture(RLE))) as ask:
        [(headers, body)] = parts(await ask.get(ask.path(), parts_in(*wanted)))

    assert headers["content-type"].endswith(f"={expected}")
    assert dcmread(BytesIO(body)).file_meta.TransferSyntaxUID == expected


async def test_one_instance_without_multipart(tmp_path: Path) -> None:
    """Transcoded too; and WADO-URI can ask for it as well."""
    async with proxy(tmp_path, MemoryOrigin(picture(RLE))) as ask:
        single = await ask.get(ask.path(), f"application/dicom; transfer-syntax={EXPLICIT_LITTLE}")
        uids = dict(zip(("studyUID", "seriesUID", "objectUID"), ask.path().split("/")[2::2], strict=True))
        query = "&".join(f"{name}={uid}" for name, uid in uids.items())
        uri = await ask.get(
            f"/wado?requestType=WADO&{query}&contentType=application/dicom&transferSyntax={EXPLICIT_LITTLE}"
        )

    assert dcmread(BytesIO(single.content)).PixelData == b"".join(raw(GREY))
    assert uri.content == single.content


async def test_an_instance_that_cannot_be_transcoded(tmp_path: Path) -> None:
    """406, which names what it is stored in; and so is one that is damaged, or huge when decoded."""
    damaged = picture(RLE, frames=[BROKEN_RLE + b"Doe^Jane"] * 2, uids=(STUDY, SERIES, "1.2.3.1.1.2"))
    origin = MemoryOrigin(picture(JPEG_2000_PART_2, frames=[CODE_STREAM] * 2), damaged)
    async with proxy(tmp_path, origin) as ask:
        unknown = await ask.get(ask.path(), parts_in(EXPLICIT_LITTLE))
        broken = await ask.get(ask.path(instance="1.2.3.1.1.2"), parts_in(EXPLICIT_LITTLE))
    async with proxy(tmp_path, mixed(), limits={"decoded_bytes": 100}) as ask:
        huge = await ask.get(ask.path(), parts_in(EXPLICIT_LITTLE))

    assert [response.status_code for response in (unknown, broken, huge)] == [406] * 3
    assert JPEG_2000_PART_2 in unknown.json()["detail"]
    assert b"Doe" not in broken.content
    assert "limits.decoded_bytes" in huge.json()["detail"]


async def test_a_second_choice(tmp_path: Path) -> None:
    """What cannot be transcoded comes as it is stored, if that is second best."""
    damaged = picture(RLE, frames=[BROKEN_RLE] * 2, uids=(STUDY, SERIES, "1.2.3.1.1.2"))
    origin = MemoryOrigin(
        picture(RLE), damaged, picture(JPEG_2000_PART_2, frames=[CODE_STREAM] * 2, uids=(STUDY, SERIES, "1.2.3.1.1.3"))
    )
    async with proxy(tmp_path, origin) as ask:
        found = parts(await ask.get(ask.path(instance=None), parts_in(EXPLICIT_LITTLE, "*; q=0.1")))
        stored = parts(await ask.get(ask.path(instance=None), parts_in("*")))

    assert [headers["content-type"].rpartition("=")[2] for headers, _ in found] == [
        EXPLICIT_LITTLE,
        RLE,
        JPEG_2000_PART_2,
    ]
    assert found[1:] == stored[1:]


async def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that transcoding needs are gone with the answer."""
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spools))
    async with proxy(tmp_path, mixed()) as ask:
        await ask.get(ask.path(instance=None), parts_in(EXPLICIT_LITTLE))
        await ask.get(ask.path(instance=None), parts_in(JPEG_2000_PART_2))

    assert not list(spools.glob("dicomveil-*"))


async def test_metadata_in_xml(tmp_path: Path) -> None:
    """One part for each instance, and it says what the JSON says."""
    async with proxy(tmp_path, mixed()) as ask:
        json = (await ask.get(f"{ask.path(instance=None)}/metadata")).json()
        response = await ask.get(f"{ask.path(instance=None)}/metadata", XML)
    found = parts(response)

    assert response.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"; boundary=')
    assert {headers["content-type"] for headers, _ in found} == {"application/dicom+xml"}
    assert [read_back(body) for _, body in found] == [plain(each) for each in json]
    assert b"Doe" not in response.content


async def test_search_results_in_xml(tmp_path: Path) -> None:
    """One part for each match (PS3.18 Section 10.6.3.3); without a match, 204."""
    async with proxy(tmp_path, mixed()) as ask:
        json = (await ask.get("/instances")).json()
        found = parts(await ask.get("/instances", XML))
        none = await ask.get("/instances?PatientID=nobody", XML)

    assert [read_back(body) for _, body in found] == [plain(each) for each in json]
    assert len(found) == 2
    assert (none.status_code, none.content) == (204, b"")


async def test_xml_and_json_are_told_apart(tmp_path: Path) -> None:
    """A user agent that holds the one is not told that it has the other."""
    async with proxy(tmp_path, mixed()) as ask:
        path = f"/studies/{ask.uid(STUDY)}/metadata"
        tags = [(await ask.get(path, accept)).headers["etag"] for accept in (None, XML, None, XML)]

    assert tags[0] == tags[2] != tags[1] == tags[3]
