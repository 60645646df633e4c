"""Store over a real Orthanc: de-identified in, once and again, in Part 10 and in DICOM JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pydicom
import pytest

from bench.instances import ct
from dicomveil_engine import deidentify_instance
from dicomveil_proxy.origin.folder.header_json import header_json
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.instances import over_attributes

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

_PART_10 = {"Accept": "application/dicom; transfer-syntax=*"}


def instance(study: str) -> bytes:
    """A CT slice of Doe^Jane in a study."""
    dataset = pydicom.dcmread(io.BytesIO(ct(rows=8, columns=8)))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.1"
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc) -> Iterator[tuple[Orthanc, Proxy]]:
    """An empty Orthanc of its own, and a proxy that de-identifies what it is sent."""
    del orthanc  # only for its skip, or failure, where Orthanc is not installed
    folder = tmp_path_factory.mktemp("store")
    with running_orthanc(folder) as server, running_proxy(folder, server.base_url) as proxy:
        yield server, proxy


def posted(proxy: Proxy, *parts: tuple[dict[str, str], bytes], kind: str = "application/dicom") -> httpx.Response:
    """A store request with these parts."""
    body = b""
    for headers, content in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body += b"--b\r\n" + head.encode() + b"\r\n" + content + b"\r\n"
    headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary=b'}
    return httpx.post(f"{proxy.base_url}/studies", content=body + b"--b--\r\n", headers=headers, timeout=60)


def stored_at(response: httpx.Response) -> str:
    """Where the only stored instance can be had."""
    (item,) = response.json()["00081199"]["Value"]
    return str(item["00081190"]["Value"][0])


def test_twice_is_once(pair: tuple[Orthanc, Proxy]) -> None:
    """Stored, read and stored again: Orthanc holds one instance, which is what the engine makes of it."""
    orthanc, proxy = pair
    dicom = {"Content-Type": "application/dicom"}
    first = posted(proxy, (dicom, instance("1.2.3.50")))
    read = httpx.get(stored_at(first), headers=_PART_10).content
    again = posted(proxy, (dicom, read))
    once_more = posted(proxy, (dicom, instance("1.2.3.50")))

    assert (first.status_code, again.status_code, once_more.status_code) == (200, 200, 200)
    assert stored_at(first) == stored_at(again) == stored_at(once_more)
    assert read == deidentify_instance(instance("1.2.3.50"), proxy.policy)
    assert len(httpx.get(f"{orthanc.base_url}/instances").json()) == 1


def test_no_twins(pair: tuple[Orthanc, Proxy]) -> None:
    """A copy of a study whose original Orthanc holds is refused, identified or not."""
    orthanc, proxy = pair
    original = instance("1.2.3.51")
    assert orthanc.store(original)
    dicom = {"Content-Type": "application/dicom"}
    response = posted(proxy, (dicom, original), (dicom, deidentify_instance(original, proxy.policy)))

    assert response.status_code == 409
    assert [item["00081197"]["Value"] for item in response.json()["00081198"]["Value"]] == [[0xC410]] * 2
    studies = {each["0020000D"]["Value"][0] for each in httpx.get(f"{orthanc.base_url}/studies").json()}
    assert "1.2.3.51" in studies
    assert proxy.policy.pseudonym_uid("1.2.3.51") not in studies


def test_metadata_and_bulk_data(pair: tuple[Orthanc, Proxy]) -> None:
    """Orthanc itself takes no DICOM JSON; through the proxy it does."""
    _, proxy = pair
    dataset = pydicom.dcmread(io.BytesIO(instance("1.2.3.52")))
    metadata = header_json(dataset, lambda path: f"bulk/{path}")
    metadata["7FE00010"] = {"vr": "OW", "BulkDataURI": "bulk/7fe00010"}
    response = posted(
        proxy,
        ({"Content-Type": "application/dicom+json"}, json.dumps([metadata]).encode()),
        ({"Content-Type": "application/octet-stream", "Content-Location": "bulk/7fe00010"}, dataset.PixelData),
        kind="application/dicom+json",
    )
    assert response.status_code == 200
    read = pydicom.dcmread(io.BytesIO(httpx.get(stored_at(response), headers=_PART_10).content))

    assert read.PixelData == dataset.PixelData
    assert (read.Rows, read.Modality) == (dataset.Rows, dataset.Modality)
    assert b"Doe" not in repr(read).encode()


def test_refused(pair: tuple[Orthanc, Proxy], tmp_path: Path) -> None:
    """A project that takes nothing says so."""
    orthanc, _ = pair
    with running_proxy(tmp_path, orthanc.base_url, over_attributes("default"), "--store", "refuse") as proxy:
        response = posted(proxy, ({"Content-Type": "application/dicom"}, instance("1.2.3.53")))

    assert response.status_code == 409
    assert "refuse" in response.json()["detail"]
