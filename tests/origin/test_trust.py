"""Trust in front of a real Orthanc, with a stock user agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_auth
from pydicom import dcmread

from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust.chain import verify
from dicomveil_proxy.trust.tokens import TokenFile
from origin.orthanc import Orthanc
from origin.proxy import Proxy, running_proxy
from proxy.fakes import instance
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin

STUDY, SERIES, INSTANCE = "1.2.3.60.1", "1.2.3.60.1.1", "1.2.3.60.1.1.1"
STORED = ("1.2.3.61.1", "1.2.3.61.1.1", "1.2.3.61.1.1.1")
SECRETS = ("Doe", "PATIENT-60", "ACCESSION-1", "20200101", "1.2.3.60", "1.2.3.61")


@dataclass
class Guarded:
    """A proxy that asks for tokens, its audit, and its tokens."""

    proxy: Proxy
    folder: Path

    def token(self, *rights: str) -> str:
        file = TokenFile(self.folder / "dicomveil-tokens.json")
        token, _ = file.new(["default"], rights, name="", now=0, expires=None)
        return token

    def client(self, *rights: str) -> DICOMwebClient:
        """A stock user agent with a token of these rights."""
        session = create_session_from_auth(_Bearer(self.token(*rights)))
        return DICOMwebClient(self.proxy.base_url, session=session)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "audit.jsonl").read_bytes().splitlines()]


class _Bearer:
    """How `requests` is given a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@pytest.fixture(scope="module")
def guarded(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Over an Orthanc with one study for it."""
    orthanc.store(instance(STUDY, SERIES, INSTANCE, PatientID="PATIENT-60"))
    folder = tmp_path_factory.mktemp("trust")
    settings = folder / "dicomveil.toml"
    settings.write_text(f'[access]\n[audit]\nfile = "{folder}/audit.jsonl"\n')
    with running_proxy(folder, orthanc.base_url, over_attributes("default"), "--config", str(settings)) as proxy:
        yield Guarded(proxy, folder)


def test_a_token_opens_what_it_is_for(guarded: Guarded) -> None:
    """Search, retrieve and store by dicomweb-client; a right that is missing is 403."""
    uid = guarded.proxy.policy.pseudonym_uid
    reader, storer = guarded.client("search", "retrieve"), guarded.client("store")

    found = reader.search_for_studies(search_filters={"StudyInstanceUID": uid(STUDY)})
    metadata = reader.retrieve_instance_metadata(uid(STUDY), uid(SERIES), uid(INSTANCE))
    (retrieved,) = reader.retrieve_series(uid(STUDY), uid(SERIES))
    stored = dcmread(BytesIO(instance(*STORED, PatientID="PATIENT-60")))
    storer.store_instances([stored])

    assert (len(found), metadata["00080018"]["Value"], retrieved.SOPInstanceUID) == (1, [uid(INSTANCE)], uid(INSTANCE))
    with pytest.raises(Exception, match="403"):
        storer.search_for_studies()
    with pytest.raises(Exception, match="403"):
        reader.store_instances([stored])


def test_the_audit_names_no_original(guarded: Guarded) -> None:
    """Also where somebody searches by originals, asks for them, or writes them where names of keys belong."""
    token = guarded.token("search", "retrieve")
    before = len(guarded.events())
    with httpx.Client(base_url=guarded.proxy.base_url, headers={"Authorization": f"Bearer {token}"}) as client:
        for path in (
            "/studies?PatientName=Doe*&PatientID=PATIENT-60&StudyDate=20200101",
            f"/studies?StudyInstanceUID={STUDY}",
            f"/studies/{STUDY}/metadata",
            f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/frames/1",
            f"/wado?requestType=WADO&studyUID={STUDY}&seriesUID={SERIES}&objectUID={INSTANCE}",
            "/studies?Doe=1&20200101=2&ACCESSION-1=",
            "/studies/Doe/metadata",
            "/Doe",
        ):
            client.get(path)
        client.get(f"{guarded.proxy.url}/projects/PATIENT-60/dicom-web/studies")
    text = (guarded.folder / "audit.jsonl").read_text()

    assert len(guarded.events()) == before + 9
    assert [secret for secret in SECRETS if secret in text] == []
    assert token not in text


def test_the_chain_is_whole(guarded: Guarded) -> None:
    """After all that."""
    lines = (guarded.folder / "audit.jsonl").read_bytes().splitlines(keepends=True)

    assert verify(lines, read_key(guarded.folder / "audit.jsonl.key")).head.seq == len(lines) - 1
