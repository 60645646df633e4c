"""Projects over a real Orthanc: filters by what it says of its studies, and over all routes of a stock user agent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from dicomweb_client import DICOMwebClient

from dicomveil_engine import Policy, load_policy
from origin.orthanc import Orthanc
from origin.proxy import running_proxy
from proxy.fakes import instance
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin

PROJECTS = """
[projects.list]
key_file = "list.key"
store = "refuse"
filter.studies = ["1.2.3.50.1"]

[projects.query]
key_file = "query.key"
store = "refuse"

[projects.query.filter]
query.PatientID = "PATIENT-5*"
query.ModalitiesInStudy = "CT"
query.StudyDescription = "LUNG*"
query.StudyDate = "20200101-20201231"
"""
SELECTED, OTHER = "1.2.3.50.1", "1.2.3.50.2"
HEADERS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


@dataclass
class Here:
    """A project of a running proxy."""

    url: str
    policy: Policy
    log: Path

    def path(self, study: str) -> str:
        """Of a study's only instance, with the project's pseudonyms."""
        uid = self.policy.pseudonym_uid
        return f"/studies/{uid(study)}/series/{uid(f'{study}.1')}/instances/{uid(f'{study}.1.1')}"


@pytest.fixture(scope="module")
def projects(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Here]]:
    """A proxy of two filtered projects, over an Orthanc that holds a study for them, and others."""
    folder = tmp_path_factory.mktemp("projects")
    others = {
        OTHER: {"StudyDate": "20210101"},
        "1.2.3.50.3": {"Modality": "MR"},
        "1.2.3.50.4": {"PatientID": "PATIENT-6"},
        "1.2.3.50.5": {"StudyDescription": "HEART"},
    }
    for study, differing in {SELECTED: {}, **others}.items():
        attributes: dict[str, Any] = {"PatientID": "PATIENT-50", "StudyDescription": "LUNG 1", **differing}
        assert orthanc.store(instance(study, f"{study}.1", f"{study}.1.1", **attributes))
    keys = {name: bytes(range(number, number + 32)) for number, name in enumerate(("list", "query"), 1)}
    for name, key in keys.items():
        (folder / f"{name}.key").touch(0o600)
        (folder / f"{name}.key").write_text(key.hex())
    (folder / "projects.toml").write_text(PROJECTS)
    with running_proxy(folder, orthanc.base_url, over_attributes("default"), "--config", "projects.toml") as proxy:
        yield {
            name: Here(f"{proxy.url}/projects/{name}/dicom-web", load_policy({"profile": "default"}, key), proxy.log)
            for name, key in keys.items()
        }


@pytest.mark.parametrize("name", ["list", "query"])
def test_only_what_is_selected(projects: dict[str, Here], name: str) -> None:
    """At every level of a search, whether it is bound to a study or not."""
    here = projects[name]
    client = DICOMwebClient(here.url)
    study = here.policy.pseudonym_uid(SELECTED)

    for found in (
        client.search_for_studies(),
        client.search_for_series(),
        client.search_for_instances(),
        client.search_for_studies(search_filters={"PatientID": here.policy.pseudonym_patient_id("PATIENT-50")}),
        client.search_for_series(study),
    ):
        assert [match["0020000D"]["Value"] for match in found] == [[study]]


@pytest.mark.parametrize("name", ["list", "query"])
@pytest.mark.parametrize("suffix", ["", "/metadata", "/frames/1", "/rendered"])
def test_nothing_else_is_there(projects: dict[str, Here], name: str, suffix: str) -> None:
    """The selected instance is retrieved, and any other is unknown."""
    here = projects[name]
    accept = {"headers": HEADERS} if not suffix else {}
    there = httpx.get(f"{here.url}{here.path(SELECTED)}{suffix}", **accept)  # type: ignore[arg-type]

    assert there.status_code == 200
    for study in (OTHER, "1.2.3.50.3", "1.2.3.50.4", "1.2.3.50.5"):
        assert httpx.get(f"{here.url}{here.path(study)}{suffix}", **accept).status_code == 404  # type: ignore[arg-type]


def test_what_one_project_shows_means_nothing_in_another(projects: dict[str, Here]) -> None:
    """Though both have the study."""
    one, other = projects["list"], projects["query"]

    assert httpx.get(f"{other.url}{one.path(SELECTED)}/metadata").status_code == 404


def test_the_log_names_projects_only(projects: dict[str, Here]) -> None:
    """Neither a UID nor a value of a filter is in it."""
    httpx.get(f"{projects['list'].url}/studies?PatientID=PATIENT-50")
    text = projects["list"].log.read_text()

    assert "dicomveil.access: project list: request " in text
    assert "1.2.3.50" not in text
    assert "PATIENT-5" not in text
