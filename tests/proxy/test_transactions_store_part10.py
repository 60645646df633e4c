"""Store in DICOM JSON: metadata and bulk data become instances, which are stored as any other."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames

from dicomveil_engine import deidentify_instance
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.native_xml_reader import NativeXMLReader
from proxy.fakes import BASE, INSTANCE, Asking, MemoryOrigin, instance, proxy, values

pytestmark = pytest.mark.anyio

PIXELS = "https://sender.test/bulk/1"
JPEG = "1.2.840.10008.1.2.4.50"


def as_json(part10: bytes, **changes: Any) -> dict[str, Any]:
    """An instance's metadata, with its pixel data elsewhere."""
    metadata = header_json(dcmread(BytesIO(part10)), lambda _: PIXELS)
    return {**metadata, "7FE00010": {"vr": "OB", "BulkDataURI": PIXELS}, **changes}


async def store(ask: Asking, metadata: object, *bulk: tuple[str, str, bytes]) -> httpx.Response:
    """POST metadata and bulk data: location, content type and content."""
    head = b"--b\r\nContent-Type: application/dicom+json\r\n\r\n"
    body = head + json.dumps(metadata).encode() + b"\r\n"
    for location, content_type, content in bulk:
        body += (
            f"--b\r\nContent-Type: {content_type}\r\nContent-Location: {location}\r\n\r\n".encode() + content + b"\r\n"
        )
    content_type = 'multipart/related; type="application/dicom+json"; boundary=b'
    return await ask.client.post(f"{BASE}/studies", content=body + b"--b--\r\n", headers={"Content-Type": content_type})


def failed(response: httpx.Response) -> dict[str, int]:
    """SOP Instance UID and FailureReason."""
    return {values(i, "00081155")[0]: values(i, "00081197")[0] for i in values(response.json(), "00081198")}


async def test_it_is_as_if_it_had_come_in_part_10(tmp_path: Path) -> None:
    """The origin gets the same data set, de-identified, and the answer names the instance."""
    item = Dataset()
    item.PatientID, item.PersonName = "PATIENT-1", "Doe^Žaneta"
    sent = instance(SpecificCharacterSet="ISO_IR 192", RequestAttributesSequence=[item], PatientWeight="70.5")
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store(ask, [as_json(sent)], (PIXELS, "application/octet-stream", bytes(range(16))))
        expected = dcmread(BytesIO(deidentify_instance(sent, ask.policy)))

    assert response.status_code == 200
    assert [values(item, "00081155") for item in values(response.json(), "00081199")] == [[INSTANCE]]
    assert dcmread(BytesIO(origin.held[0])) == expected
    assert b"Doe" not in origin.held[0]


async def test_several_instances(tmp_path: Path) -> None:
    """Each has its own pixel data, and one may have none; one that lacks its part is named, and harms no other."""
    second = as_json(instance(instance="1.2.3.1.1.2"), **{"7FE00010": {"vr": "OB", "BulkDataURI": "bulk/2"}})
    lacking = as_json(instance(instance="1.2.3.1.1.3"), **{"7FE00010": {"vr": "OB", "BulkDataURI": "bulk/3"}})
    without = {k: v for k, v in as_json(instance(instance="1.2.3.1.1.4")).items() if k != "7FE00010"}
    inline = as_json(instance(instance="1.2.3.1.1.5"), **{"7FE00010": {"vr": "OB", "InlineBinary": "QUJD"}})
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store(
            ask,
            [as_json(instance()), second, lacking, without, inline],
            ("bulk/2", "application/octet-stream", b"second"),
            (PIXELS, "application/octet-stream", b"first"),
        )

    assert response.status_code == 202
    assert failed(response) == {"1.2.3.1.1.3": 0xC000}
    found = [dcmread(BytesIO(each)).get("PixelData") for each in origin.held]
    assert found == [b"first\0", b"second", None, b"ABC\0"]


async def test_bulk_data_below_the_pixels(tmp_path: Path) -> None:
    """A long value of any other element stands where it belongs, at any depth."""
    waveform = {"vr": "SQ", "Value": [{"54001010": {"vr": "OB", "BulkDataURI": "wave"}}]}
    metadata = as_json(instance(pixels=None), **{"54000100": waveform})
    del metadata["7FE00010"]
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin, profile={"rules": [{"tag": "UI", "method": "refreshUID"}]}) as ask:
        await store(ask, [metadata], ("wave", "application/octet-stream", b"samples."))

    assert dcmread(BytesIO(origin.held[0])).WaveformSequence[0].WaveformData == b"samples."


async def test_a_compressed_frame(tmp_path: Path) -> None:
    """An image with its transfer syntax becomes encapsulated pixel data."""
    picture = b"\xff\xd8\xff\xda\0\2 no real picture. \xff\xd9"
    metadata = as_json(instance(), **{"00280008": {"vr": "IS", "Value": [1]}})
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store(ask, [metadata], (PIXELS, f"image/jpeg; transfer-syntax={JPEG}", picture))
    assert response.status_code == 200
    stored = dcmread(BytesIO(origin.held[0]))

    assert stored.file_meta.TransferSyntaxUID == JPEG
    assert [*generate_frames(stored.PixelData, number_of_frames=1)] == [picture]
    assert stored.PixelData == encapsulate([picture], has_bot=False)


@pytest.mark.parametrize(
    ("content_type", "frames"),
    [
        ("image/jpeg", 1),
        (f"image/jpeg; transfer-syntax={JPEG}", 2),
        (f"application/octet-stream; transfer-syntax={JPEG}", 1),
    ],
)
async def test_compressed_pixels_that_cannot_be_told_apart(tmp_path: Path, content_type: str, frames: int) -> None:
    """Without a transfer syntax, or with several frames in one part, the instance is refused by its name."""
    metadata = as_json(instance(), **{"00280008": {"vr": "IS", "Value": [frames]}})
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store(ask, [metadata], (PIXELS, content_type, b"\xff\xd8"))

    assert (response.status_code, failed(response)) == (409, {INSTANCE: 0xC000})
    assert origin.held == []


@pytest.mark.parametrize(
    "metadata",
    [{"Doe": 1}, "Doe", ["Doe"], [{"Doe": 1}], [as_json(instance(), **{"00100010": {"vr": "PN", "Value": 5}})]],
)
async def test_what_is_no_metadata(tmp_path: Path, metadata: object) -> None:
    """It is refused, and no value is repeated."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store(ask, metadata, (PIXELS, "application/octet-stream", b"first"))

    assert response.status_code in {400, 409}
    assert "Doe" not in response.text
    assert origin.held == []


async def test_pixel_data_twice(tmp_path: Path) -> None:
    """In the metadata and as a part, or in two elements: nobody knows which is right, so nothing is stored."""
    uri = {"vr": "OB", "BulkDataURI": PIXELS}
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        for more in ({"7FE00010": uri | {"InlineBinary": "QUJD"}}, {"7FE00010": uri, "7FE00008": uri | {"vr": "OF"}}):
            response = await store(ask, [as_json(instance(), **more)], (PIXELS, "application/octet-stream", b"first"))
            assert (response.status_code, failed(response)) == (409, {INSTANCE: 0xC000})

    assert origin.held == []


async def test_elements_in_any_order(tmp_path: Path) -> None:
    """Keys in lower case and out of order: the instance is in order, and nothing of it is lost."""
    metadata = as_json(instance(PatientWeight="70.5"))
    shuffled = {key.lower(): metadata[key] for key in sorted(metadata, reverse=True)}
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        for each in (metadata, shuffled):
            assert (await store(ask, [each], (PIXELS, "application/octet-stream", b"first!"))).status_code == 200

    assert origin.held[0] == origin.held[1]
    tags = [element.tag for element in dcmread(BytesIO(origin.held[1]))]
    assert tags == sorted(tags)


async def test_metadata_over_the_limit(tmp_path: Path) -> None:
    """413, naming the limit."""
    async with proxy(tmp_path, MemoryOrigin(), limits=Limits(header_bytes=500)) as ask:
        response = await store(ask, [as_json(instance())])

    assert response.status_code == 413
    assert "limits.header_bytes" in response.json()["detail"]


async def test_it_comes_home(tmp_path: Path) -> None:
    """Under reidentify as well: the study's patient and its UIDs are restored."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin, store="reidentify") as ask:
        made = as_json(instance(ask.uid("1.2.3.1"), "2.25.1", "2.25.1.1", PatientName="Pseudonym"))
        response = await store(ask, [made], (PIXELS, "application/octet-stream", b"pixels"))
    assert response.status_code == 200
    home = dcmread(BytesIO(origin.held[1]))

    assert (home.StudyInstanceUID, home.PatientName, home.PixelData) == ("1.2.3.1", "Doe^Jane", b"pixels")


# In XML


async def store_xml(ask: Asking, *parts: tuple[str, str, bytes], **headers: str) -> httpx.Response:
    """POST parts: content type, location and content."""
    body = b"".join(
        f"--b\r\nContent-Type: {kind}\r\nContent-Location: {location}\r\n\r\n".encode() + content + b"\r\n"
        for kind, location, content in parts
    )
    content_type = 'multipart/related; type="application/dicom+xml"; boundary=b'
    return await ask.client.post(
        f"{BASE}/studies", content=body + b"--b--\r\n", headers={"Content-Type": content_type} | headers
    )


async def test_xml_is_as_if_it_had_come_in_part_10(tmp_path: Path) -> None:
    """Each instance's metadata is a part, and bulk data follows; the origin gets the same data sets, de-identified."""
    sent = [
        instance(
            instance=f"1.2.3.1.1.{n}", PatientWeight="70.5", PatientName="Doe^Žaneta", SpecificCharacterSet="ISO_IR 192"
        )
        for n in (1, 2)
    ]
    documents = [native_xml(as_json(each)) for each in sent]
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store_xml(
            ask,
            *(("application/dicom+xml", "", document) for document in documents),
            ("application/octet-stream", PIXELS, bytes(range(16))),
        )
        expected = [dcmread(BytesIO(deidentify_instance(each, ask.policy))) for each in sent]

    assert response.status_code == 200
    assert [dcmread(BytesIO(each)) for each in origin.held] == expected
    assert not any(b"Doe" in each for each in origin.held)


@pytest.mark.parametrize("document", [b"<x/>", b"nonsense", b"<!DOCTYPE x []><NativeDicomModel/>"])
async def test_xml_that_is_no_metadata(tmp_path: Path, document: bytes) -> None:
    """A request that cannot be understood is refused."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await store_xml(ask, ("application/dicom+xml", "", document))

    assert response.status_code == 400
    assert not origin.held


@pytest.mark.parametrize(
    "accept", ["application/dicom+xml", "text/html", "text/html,application/xhtml+xml,*/*;q=0.8", ""]
)
async def test_receipts(tmp_path: Path, accept: str) -> None:
    """In XML for user agents that want that alone, such as Weasis; in JSON for those that want a page."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance(), Accept=accept)

    assert response.status_code == 200
    if accept != "application/dicom+xml":
        assert response.headers["content-type"] == "application/dicom+json"
        return
    assert response.headers["content-type"] == "application/dicom+xml"
    reader = NativeXMLReader(32)
    reader.feed(response.content)
    receipt: Any = reader.close()
    (item,) = receipt["00081199"]["Value"]
    assert item["00081155"]["Value"] == [INSTANCE]
