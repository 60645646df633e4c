"""Orthanc as a user agent: its own DICOMweb client, whose boundaries are longer than RFC 2046 allows."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pydicom
import pytest

from bench.instances import ct
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy

pytestmark = [pytest.mark.origin, pytest.mark.filterwarnings("ignore")]

COUNT = 3
STUDY = "1.2.3.77"


def slices() -> list[bytes]:
    """A study of some CT slices."""
    made = []
    for number in range(1, COUNT + 1):
        dataset = pydicom.dcmread(io.BytesIO(ct(rows=8, columns=8)))
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{STUDY}.1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.1.{number}"
        file = io.BytesIO()
        dataset.save_as(file)
        made.append(file.getvalue())
    return made


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A second Orthanc, that holds a study."""
    with running_orthanc(tmp_path_factory.mktemp("sender")) as server:
        for each in slices():
            assert server.store(each)
        yield server


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc) -> Iterator[tuple[Orthanc, Proxy]]:
    """An empty Orthanc as the archive, and a proxy in front of it."""
    folder: Path = tmp_path_factory.mktemp("receiver")
    with running_proxy(folder, orthanc.base_url) as proxy:
        yield orthanc, proxy


def rest(server: Orthanc, path: str, content: object) -> httpx.Response:
    """Tell Orthanc by its own interface to do something with a server that it knows."""
    return httpx.post(f"{server.base_url}/servers/proxy/{path}", json=content, timeout=60)


def test_stores_a_study(sender: Orthanc, pair: tuple[Orthanc, Proxy]) -> None:
    """All instances arrive, de-identified, and Orthanc takes the answer for what it is."""
    archive, proxy = pair
    url = sender.base_url.removesuffix("/dicom-web")
    httpx.put(f"{sender.base_url}/servers/proxy", json={"Url": f"{proxy.base_url}/"}).raise_for_status()
    (study,) = httpx.get(f"{url}/studies").json()

    sent = rest(sender, "stow", {"Resources": [study]})

    assert sent.status_code == 200, sent.text
    assert archive.count_instances() == COUNT
    (found,) = httpx.get(f"{proxy.base_url}/studies").json()
    assert found["0020000D"]["Value"] == [proxy.policy.pseudonym_uid(STUDY)]


def test_searches_and_retrieves(sender: Orthanc, pair: tuple[Orthanc, Proxy]) -> None:
    """The study comes back by Orthanc's client, under its pseudonym."""
    _, proxy = pair
    study = proxy.policy.pseudonym_uid(STUDY)
    found = rest(sender, "qido", {"Uri": "/studies", "Arguments": {"StudyInstanceUID": study}})
    retrieved = rest(sender, "retrieve", {"Resources": [{"Study": study}]})

    assert len(found.json()) == 1
    assert study in found.text
    assert retrieved.status_code == 200, retrieved.text
    assert sender.count_instances() == 2 * COUNT
