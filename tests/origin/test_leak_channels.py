"""The ways by which originals leave an Orthanc, one test each: Orthanc lets them out, the proxy before it does not.

Those of searches are in test_search.py.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.fakes import instance

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

_JPEG = "1.2.840.10008.1.2.4.50"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_XML = 'multipart/related; type="application/dicom+xml"'
_NAME = b"Doe"
_CT, _PICTURE, _DOCUMENT = (
    ("1.2.3.71", "1.2.3.71.1", "1.2.3.71.1.1"),
    ("1.2.3.72", "1.2.3.72.1", "1.2.3.72.1.1"),
    ("1.2.3.73", "1.2.3.73.1", "1.2.3.73.1.1"),
)


@dataclass(frozen=True)
class Channel:
    """An Orthanc, and the proxy before it."""

    orthanc: Orthanc
    proxy: Proxy

    def directly(self, path: str, accept: str = "*/*", of: tuple[str, str, str] = _CT) -> httpx.Response:
        """What Orthanc answers for an instance, with its original UIDs."""
        study, series, sop = of
        url = f"{self.orthanc.base_url}/studies/{study}/series/{series}/instances/{sop}{path}"
        return httpx.get(url, headers={"Accept": accept}, timeout=60)

    def through(self, path: str, accept: str = "*/*", of: tuple[str, str, str] = _CT) -> httpx.Response:
        """What the proxy answers for the same, with its pseudonyms; without a trace of the original."""
        study, series, sop = map(self.proxy.policy.pseudonym_uid, of)
        url = f"{self.proxy.base_url}/studies/{study}/series/{series}/instances/{sop}{path}"
        return self.checked(httpx.get(url, headers={"Accept": accept}, timeout=60))

    def checked(self, response: httpx.Response) -> httpx.Response:
        """The answer of the proxy, in which there is no name, no original UID, and nothing of where Orthanc is."""
        seen = response.content + repr(response.headers.raw).encode()
        port = httpx.URL(self.orthanc.base_url).port
        for secret in (_NAME, b"PATIENT-1", _CT[0].encode(), _PICTURE[0].encode(), f":{port}".encode(), b"Orthanc"):
            assert secret not in seen
        return response


@pytest.fixture(scope="module")
def channel(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Channel]:
    """An Orthanc with a CT that names the patient wherever it can, a JPEG picture and a document."""
    del orthanc  # that there is one
    folder = tmp_path_factory.mktemp("channels")
    with running_orthanc(folder) as server, running_proxy(folder, server.base_url) as proxy:
        for uids, data in _archive():
            assert server.store(data) == uids[2]
        yield Channel(server, proxy)


def _archive() -> Iterator[tuple[tuple[str, str, str], bytes]]:
    yield _CT, instance(*_CT, change=_name_everywhere)
    yield _PICTURE, instance(*_PICTURE, transfer_syntax=_JPEG, pixels=None, change=_draw)
    yield _DOCUMENT, instance(*_DOCUMENT, pixels=None, change=_enclose)


def _name_everywhere(dataset: Dataset) -> None:
    item = Dataset()
    item.PatientName, item.ReferencedSOPInstanceUID = "Doe^Jane", "1.2.3.71.9"
    dataset.ReferencedStudySequence = [item]
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60000011, "US", 8)
    dataset.add_new(0x60003000, "OW", b"Doe^Jane")
    dataset.add_new(0x00282000, "OB", b"\0\0acsp\0\0desc\0Doe^Jane's display\0")


def _draw(dataset: Dataset) -> None:
    picture = io.BytesIO()
    Image.new("L", (16, 16), 99).save(picture, "JPEG")
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.add_new(0x7FE00010, "OB", encapsulate([picture.getvalue()]))
    dataset["PixelData"].is_undefined_length = True


def _enclose(dataset: Dataset) -> None:
    dataset.SOPClassUID, dataset.Modality = _PDF, "DOC"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = b"%PDF-1.4 Doe^Jane "


def test_bulk_data_of_any_element(channel: Channel) -> None:
    """Orthanc gives the value of every element for the asking, at any depth."""
    paths = ("/bulk/00100010", "/bulk/0010,0010", "/bulk/00081110/1/00100010", "/bulk/00081110/1/00081155")
    assert _NAME in channel.directly(paths[0]).content
    assert _NAME in channel.directly(paths[2]).content

    for path in (*paths, "/bulk/00080018", "/bulk/0020000d", "/bulk/00020010", "/bulk/PatientName"):
        assert channel.through(path).status_code == 404


def test_bulk_data_of_a_kept_element(channel: Channel) -> None:
    """Orthanc gives every binary value as bulk data: a colour profile that names the patient is not released."""
    assert _NAME in channel.directly("/bulk/00282000").content

    assert channel.through("/bulk/00282000").status_code == 403
    assert channel.through("").status_code == 200


def test_error_bodies(channel: Channel) -> None:
    """Orthanc repeats the path, with its UIDs."""
    assert _CT[0].encode() in channel.directly("/bulk/00104000").content

    for path in ("/bulk/00104000", "/frames/99", "/frames/0", "/nothing", "/rendered?viewport=x"):
        response = channel.through(path)
        assert response.status_code >= 400
        assert response.json().keys() == {"code", "detail", "request_id"}


def test_urls_in_metadata(channel: Channel) -> None:
    """Orthanc's BulkDataURIs hold its own address and original UIDs."""
    direct = channel.directly("/metadata", "application/dicom+json")
    assert f"{channel.orthanc.base_url}/studies/{_CT[0]}".encode() in direct.content

    metadata = channel.through("/metadata").json()
    assert metadata[0]["7FE00010"]["BulkDataURI"].startswith(f"{channel.proxy.base_url}/studies/2.25.")


def test_part_headers(channel: Channel) -> None:
    """Orthanc writes the URL of a frame into the head of its part."""
    accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    assert b"Content-Location" in channel.directly("/frames/1", accept).content

    response = channel.through("/frames/1", accept)
    assert response.status_code == 200
    # Where a part is, is said in our own terms.
    (location,) = re.findall(rb"Content-Location: (\S+)", response.content)
    assert location.startswith(f"{channel.proxy.base_url}/studies/2.25.".encode())


def test_other_routes(channel: Channel) -> None:
    """Orthanc serves more than DICOMweb on its port, and deletes."""
    root = channel.orthanc.base_url.removesuffix("/dicom-web")
    assert httpx.get(f"{root}/system").status_code == 200
    assert httpx.get(f"{channel.orthanc.base_url}/servers").status_code == 200

    study = channel.proxy.policy.pseudonym_uid(_CT[0])
    for method, path in [
        ("GET", "/dicom-web/servers"),
        ("POST", "/dicom-web/servers/sample/get"),
        ("GET", "/dicom-web/info"),
        ("GET", "/app/explorer.html"),
        ("GET", "/dicom-web/app/libs/x.js"),
        ("GET", "/system"),
        ("GET", "/instances"),
        ("POST", "/tools/find"),
        ("GET", "/dicom-web/../system"),
        ("GET", "/dicom-web/studies/%2e%2e/%2e%2e/system"),
        ("DELETE", f"/dicom-web/studies/{study}"),
        ("DELETE", f"/dicom-web/studies/{_CT[0]}"),
        ("POST", f"/dicom-web/studies/{study}/series/1.2/reject/113001%5EDCM"),
    ]:
        response = channel.checked(httpx.request(method, channel.proxy.url + path))
        assert response.status_code in (404, 405), path
    assert channel.directly("/metadata").status_code == 200


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/dicom+xml", 'multipart/related; type="application/dicom+xml"']
)
def test_metadata_in_any_form(channel: Channel, accept: str) -> None:
    """Orthanc gives metadata in XML too."""
    xml = 'multipart/related; type="application/dicom+xml"'
    assert _NAME in channel.directly("/metadata", xml).content

    assert channel.through("/metadata", accept).status_code in (200, 406)


@pytest.mark.parametrize("accept", ["", "*/*", "application/dicom", 'multipart/related; type="application/dicom"'])
def test_an_instance_in_any_form(channel: Channel, accept: str) -> None:
    """Orthanc gives the instance where no media type is asked for."""
    assert _NAME in channel.directly("").content

    assert channel.through("", accept).status_code == 200


@pytest.mark.parametrize("path", ["/rendered", "/frames/1/rendered", "/thumbnail"])
@pytest.mark.parametrize("accept", ["*/*", "application/pdf", "image/jpeg"])
def test_a_rendered_document(channel: Channel, path: str, accept: str) -> None:
    """The rendered form of a document is the document, in later releases of Orthanc."""
    assert _NAME in channel.directly("/bulk/00420011", of=_DOCUMENT).content

    response = channel.through(path, accept, of=_DOCUMENT)
    assert response.status_code in (403, 404, 406)
    assert b"%PDF" not in response.content


def test_a_document_as_bulk_data(channel: Channel) -> None:
    """It holds whatever its author wrote, and the profile removes it."""
    assert b"%PDF" in channel.directly("/bulk/00420011", of=_DOCUMENT).content

    assert channel.through("/bulk/00420011", of=_DOCUMENT).status_code == 404


def test_an_overlay(channel: Channel) -> None:
    """Orthanc gives overlays as bulk data; they may be drawn text."""
    assert _NAME in channel.directly("/bulk/60003000").content

    assert "60003000" not in channel.through("/metadata").json()[0]
    assert channel.through("/bulk/60003000").status_code == 404


@pytest.mark.parametrize("value", ["patient", "technique", "patient,technique", ""])
def test_annotation(channel: Channel, value: str) -> None:
    """An origin server that knows the parameter draws the patient's name into the picture."""
    assert channel.directly(f"/rendered?annotation={value}").status_code == 200

    assert channel.through(f"/rendered?annotation={value}").status_code == 400


def test_wado_uri(channel: Channel) -> None:
    """Orthanc's gives the original, whatever `anonymize` says; the proxy's knows pseudonyms only, and obeys."""
    query = "requestType=WADO&studyUID={}&seriesUID={}&objectUID={}&contentType=application/dicom&anonymize=yes"
    root = channel.orthanc.base_url.removesuffix("/dicom-web")
    asked = query.format(*_CT).replace("contentType=application/dicom", "contentType=application%2Fdicom")
    direct = httpx.get(f"{root}/wado?{query.format(*_CT)}")
    assert _NAME in direct.content

    for url in (f"{channel.proxy.url}/wado?{asked}", f"{channel.proxy.base_url}/wado?{asked}"):
        assert channel.checked(httpx.get(url)).status_code == 404
    pseudonyms = query.format(*map(channel.proxy.policy.pseudonym_uid, _CT))
    response = channel.checked(httpx.get(f"{channel.proxy.base_url}/wado?{pseudonyms}"))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom")


def test_transcoding(channel: Channel) -> None:
    """Orthanc 1.10 may die when it transcodes JPEG, so that nothing of the kind is asked of it."""
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.90", _JPEG, "*") * 4:
        for path, kind in (("", "application/dicom"), ("/frames/1", "application/octet-stream")):
            accept = f'multipart/related; type="{kind}"; transfer-syntax={syntax}'
            assert channel.through(path, accept, of=_PICTURE).status_code in (200, 406)

    assert channel.orthanc.process.poll() is None
