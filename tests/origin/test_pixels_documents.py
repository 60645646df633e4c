"""Encapsulated PDF by every way out, over sockets: covered with the option, gone without it, never the original."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pypdfium2
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset

from dicomveil_engine.pixels.documents import written_pdf
from engine.pixel_instances import Array, written
from origin.orthanc import running_orthanc
from origin.proxy import Proxy, running_proxy

STUDY, SERIES, INSTANCE = "1.2.3.71", "1.2.3.71.1", "1.2.3.71.1.1"
DOUBTFUL = [f"1.2.3.72{rest}" for rest in ("", ".1", ".1.1")]
"""The UIDs of a document with a drawing that could be text."""
KEPT = [{"tag": "EncapsulatedDocument", "method": "keep"}, {"tag": "EncapsulatedDocumentLength", "method": "keep"}]
MULTIPART = 'multipart/related; type="application/octet-stream"'


def page() -> Array:
    """White paper with a line of text and a grey square."""
    picture = 255 - written((240, 400))
    picture[150:200, 40:90] = 100
    return np.ascontiguousarray(np.repeat(picture[:, :, None], 3, axis=2))


def ruler() -> Array:
    """The same with a ruler, whose lines are as close together as letters."""
    picture = page()
    picture[150:200, 140:390:10] = picture[150:200, 141:390:10] = 0
    return picture


def document(picture: Array | None = None, uids: Sequence[str] = (STUDY, SERIES, INSTANCE)) -> tuple[bytes, bytes]:
    """An instance with a PDF in it, and the PDF."""
    pdf = written_pdf([page() if picture is None else picture])
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uids
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Doe^Jane", "PATIENT-1", "DOC"
    dataset.EncapsulatedDocument, dataset.MIMETypeOfEncapsulatedDocument = pdf + bytes(len(pdf) % 2), "application/pdf"
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue(), pdf


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Orthanc that holds it."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        assert server.store(document()[0])
        assert server.store(document(ruler(), DOUBTFUL)[0])
        yield server.base_url


def serving(folder: Path, archive: str, configuration: dict[str, object]) -> Iterator[Proxy]:
    (folder / "profile.json").write_text(json.dumps(configuration))
    with running_proxy(folder, archive, str(folder / "profile.json")) as proxy:
        yield proxy


@pytest.fixture(scope="module", params=[[], KEPT], ids=["profile", "kept by rules"])
def cleaning(request: pytest.FixtureRequest, archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """With the option, whether or not a rule keeps documents."""
    configuration = {"profile": "basic", "rules": request.param, "pixels": {"documents": "clean"}}
    yield from serving(tmp_path_factory.mktemp("clean"), archive, configuration)


@pytest.fixture(scope="module")
def removing(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Without it: a preset as shipped."""
    yield from serving(tmp_path_factory.mktemp("remove"), archive, {"profile": "basic"})


def paths(proxy: Proxy, uids: Sequence[str] = (STUDY, SERIES, INSTANCE)) -> list[str]:
    """Study, series, instance."""
    study, series, instance = map(proxy.policy.pseudonym_uid, uids)
    below = f"/studies/{study}/series/{series}"
    return [f"/studies/{study}", below, f"{below}/instances/{instance}"]


def get(proxy: Proxy, path: str, accept: str = "*/*") -> httpx.Response:
    return httpx.get(f"{proxy.base_url}{path}", headers={"Accept": accept}, timeout=120)


def is_covered(pdf: bytes) -> bool:
    """Whether the line is white and the square is there."""
    [shown] = [one.render(scale=150 / 72, rev_byteorder=True).to_numpy()[..., :3] for one in pypdfium2.PdfDocument(pdf)]
    ink = page()[..., 0] < 120
    ink[145:205, 35:95] = False
    return bool(shown[..., 0][ink].mean() > 225 and shown[160:190, 50:80].mean() < 130)


def test_with_the_option(cleaning: Proxy) -> None:
    """Instance, study, series and bulk data hold the same covered document, of the length that metadata gives."""
    *above, instance = paths(cleaning)
    whole = get(cleaning, instance, "application/dicom")
    dataset = dcmread(BytesIO(whole.content))
    pdf = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
    [metadata] = get(cleaning, f"{instance}/metadata").json()
    bulk = httpx.get(metadata["00420011"]["BulkDataURI"], headers={"Accept": MULTIPART}, timeout=60)
    original = document()[1]

    assert is_covered(pdf)
    assert not is_covered(original)
    assert zlib.compress(page().tobytes(), 6)[:100] in original
    assert dataset.BurnedInAnnotation == metadata["00280301"]["Value"][0] == "NO"
    assert metadata["00420015"]["Value"] == [dataset.EncapsulatedDocumentLength]
    assert pdf in bulk.content
    for path in above:
        assert pdf in get(cleaning, path, 'multipart/related; type="application/dicom"').content
    assert get(cleaning, f"{instance}/rendered").status_code >= 400
    for answer in (whole, bulk):
        assert zlib.compress(page().tobytes(), 6)[:100] not in answer.content


def test_a_doubt(cleaning: Proxy) -> None:
    """A document with a drawing that could be text is covered, and claims nothing, in its metadata neither."""
    *_, instance = paths(cleaning, DOUBTFUL)
    dataset = dcmread(BytesIO(get(cleaning, instance, "application/dicom").content))
    [metadata] = get(cleaning, f"{instance}/metadata").json()

    assert is_covered(dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength])
    for found in (dataset, Dataset.from_json(metadata, lambda *_: b"")):
        assert found.get("BurnedInAnnotation") != "NO"
        assert "113101" not in [item.CodeValue for item in found.DeidentificationMethodCodeSequence]


def test_without_the_option(removing: Proxy) -> None:
    """Two bytes are left in the instance; there is no bulk data and no picture."""
    *above, instance = paths(removing)
    dataset = dcmread(BytesIO(get(removing, instance, "application/dicom").content))
    answers = [get(removing, path, 'multipart/related; type="application/dicom"') for path in above]
    answers += [get(removing, f"{instance}/metadata")]
    refused = [get(removing, f"{instance}/bulk/00420011", MULTIPART), get(removing, f"{instance}/rendered")]

    assert len(dataset.EncapsulatedDocument) <= 2
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.status_code >= 400 for answer in refused)
    assert not any(b"%PDF" in answer.content for answer in (*answers, *refused))
