"""Several projects over one origin server: each knows its own pseudonyms and its own studies, and nothing else."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from pydicom import Dataset

from dicomveil_engine import Policy, load_policy
from dicomveil_proxy.logs import EventFormatter
from dicomveil_proxy.service.application import create_application, prefix_of
from dicomveil_proxy.settings.filters import FilterSettings, read_filter
from dicomveil_proxy.settings.project_table import ProjectTable
from dicomveil_proxy.settings.projects import projects_of
from dicomveil_proxy.settings.server import Settings, load_settings
from proxy.fakes import BASE, HOST, INSTANCE, SERIES, STUDY, Asking, MemoryOrigin, instance, proxy, values
from proxy.test_service_routes import EVERY_ROUTE

pytestmark = pytest.mark.anyio

LUNG_KEY = bytes(range(100, 132))
OTHER = ("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1")
"""The study, series and instance that the filter does not select."""
NOWHERE = ("1.2.3.9", "1.2.3.9.1", "1.2.3.9.1.1")
"""Those that the origin server does not have."""
ROUTES = [*EVERY_ROUTE, "/studies/{study}/series/{series}/instances/{instance}/bulk/7fe00010"]
FILTERS: list[dict[str, object]] = [
    {"studies": [STUDY]},
    {"studies_file": "studies.txt"},
    {"query": {"PatientID": "PATIENT-1"}},
    {"query": {"ModalitiesInStudy": "CT", "StudyDate": "20200101-20201231"}},
    {"query": {"PatientID": "PATIENT-*"}, "studies": [STUDY]},
]
KEEPING_UIDS = {
    "profile": "PS3.15",
    "rules": [{"tag": tag, "method": "keep"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")],
}


def archive() -> MemoryOrigin:
    """Two studies of two patients, with pixels enough to be bulk data."""
    first: dict[str, Any] = {"ModalitiesInStudy": "CT"}
    second: dict[str, Any] = {
        "PatientID": "PATIENT-2",
        "Modality": "MR",
        "ModalitiesInStudy": "MR",
        "StudyDate": "20210101",
    }
    pixels: dict[str, Any] = {"pixels": bytes(2 * 64 * 64), "change": _enlarge}
    study, series, sop_instance = OTHER
    return MemoryOrigin(
        instance(**first, **pixels), instance(study=study, series=series, instance=sop_instance, **second, **pixels)
    )


def _enlarge(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 64


@dataclass
class InProject:
    """A user agent before the project `lung`, that knows its key."""

    default: Asking
    policy: Policy

    def uid(self, original: str) -> str:
        """The UID under which the project knows it."""
        return self.policy.pseudonym_uid(original) if self.policy.replaces_uids else original

    def filled(self, path: str, uids: tuple[str, str, str]) -> str:
        """The path with the project's pseudonyms."""
        study, series, sop_instance = map(self.uid, uids)
        return path.format(study=study, series=series, instance=sop_instance)

    async def get(self, path: str, uids: tuple[str, str, str] = (STUDY, SERIES, INSTANCE)) -> httpx.Response:
        """GET below the root of the project's service."""
        return await self.default.client.get(f"{HOST}/projects/lung/dicom-web{self.filled(path, uids)}")

    async def store(self, data: bytes) -> httpx.Response:
        """POST an instance."""
        body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--b--\r\n"
        headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
        return await self.default.client.post(f"{HOST}/projects/lung/dicom-web/studies", content=body, headers=headers)


@asynccontextmanager
async def lung(
    folder: Path, origin: MemoryOrigin, profile: dict[str, Any] | None = None, **table: Any
) -> AsyncIterator[InProject]:
    """The proxy with a default project, and the project `lung` over the same origin."""
    key_file = folder / "lung.key"
    key_file.touch(0o600)
    key_file.write_text(LUNG_KEY.hex())
    rules = profile or {"profile": "default", "pixels": "keep"}
    (folder / "lung.json").write_text(json.dumps(rules))
    (folder / "studies.txt").write_text(f"# of the study on lungs\n\n{STUDY}  # the first\n")
    if "studies_file" in (selected := table.get("filter", {})):
        table["filter"] = selected | {"studies_file": folder / selected["studies_file"]}
    table = {"key_file": key_file, "profile": str(folder / "lung.json"), "store": "refuse"} | table
    async with proxy(folder, origin, projects={"lung": table}) as ask:
        yield InProject(ask, load_policy(rules, LUNG_KEY))


def told(response: httpx.Response) -> tuple[int, object]:
    """What a refusal says, but for the number of the request."""
    return response.status_code, {name: value for name, value in response.json().items() if name != "request_id"}


async def test_unrelated_pseudonyms(tmp_path: Path) -> None:
    """The same study has a pseudonym in each project, and neither means anything in the other."""
    async with lung(tmp_path, archive()) as ask:
        here = {values(match, "0020000D")[0] for match in (await ask.get("/studies")).json()}
        there = {values(match, "0020000D")[0] for match in (await ask.default.get("/studies")).json()}
        wrong = await ask.default.client.get(f"{HOST}/projects/lung/dicom-web{ask.default.path()}/metadata")

    assert here == {ask.uid(STUDY), ask.uid(OTHER[0])}
    assert len(there) == 2
    assert not here & there
    assert wrong.status_code == 404


async def test_urls_in_answers_stay_in_the_project(tmp_path: Path) -> None:
    """A user agent that follows them does not leave it."""
    async with lung(tmp_path, archive()) as ask:
        (first, _) = (await ask.get("/studies")).json()
        metadata = (await ask.get("/studies/{study}/metadata")).text

    assert values(first, "00081190")[0].startswith(f"{HOST}/projects/lung/dicom-web/studies/")
    assert f"{HOST}/projects/lung/dicom-web/studies/" in metadata
    assert BASE not in metadata


@pytest.mark.parametrize("path", ["/projects/heart/dicom-web/studies", "/projects/heart", "/projects/lung/studies"])
async def test_an_unknown_project(tmp_path: Path, path: str) -> None:
    """It is answered as any other route that there is not."""
    async with lung(tmp_path, archive()) as ask:
        client = ask.default.client
        assert told(await client.get(HOST + path)) == told(await client.get(f"{HOST}/nothing"))
        assert told(await client.post(HOST + path)) == told(await client.post(f"{HOST}/nothing"))


@pytest.mark.parametrize("selection", FILTERS)
@pytest.mark.parametrize("path", ROUTES)
async def test_a_study_that_is_filtered_out(tmp_path: Path, path: str, selection: dict[str, object]) -> None:
    """By no route is it there; the other is by all."""
    async with lung(tmp_path, archive(), filter=selection) as ask:
        there = await ask.get(path)
        answers = [await ask.get(path, uids) for uids in (OTHER, NOWHERE)]
    out, nowhere = answers

    assert there.status_code == 200
    if "{" in path:
        assert out.status_code == 404
        assert told(out) == told(nowhere)
    else:
        assert [values(match, "0020000D") for match in there.json()] == [[ask.uid(STUDY)]]


@pytest.mark.parametrize("path", [path for path in ROUTES if "{" in path])
async def test_what_was_remembered_before_the_filter(tmp_path: Path, path: str) -> None:
    """The identity map knows the study, and it is there no longer all the same."""
    origin = archive()
    async with lung(tmp_path, origin) as ask:
        assert (await ask.get(path, OTHER)).status_code == 200
    async with lung(tmp_path, origin, filter={"studies": [STUDY]}) as ask:
        out, nowhere = [await ask.get(path, uids) for uids in (OTHER, NOWHERE)]

    assert out.status_code == 404
    assert told(out) == told(nowhere)


@pytest.mark.parametrize("path", [path for path in ROUTES if "{" in path])
async def test_where_uids_are_kept(tmp_path: Path, path: str) -> None:
    """The filter does not rest on pseudonyms that nobody can guess."""
    async with lung(tmp_path, archive(), KEEPING_UIDS, filter={"studies": [STUDY]}) as ask:
        there, out = await ask.get(path), await ask.get(path, OTHER)

    assert (there.status_code, out.status_code) == (200, 404)


@pytest.mark.parametrize("selection", FILTERS)
@pytest.mark.parametrize(
    "search",
    [
        "/studies?StudyInstanceUID={study}",
        "/series?StudyInstanceUID={study}",
        "/instances?StudyInstanceUID={study}",
        "/series?SeriesInstanceUID={series}",
        "/instances?SOPInstanceUID={instance}",
        "/instances?includefield=all&Modality=MR",
        "/studies?limit=1&offset=1",
        "/series?limit=1&offset=1",
    ],
)
async def test_it_is_not_searched_for(tmp_path: Path, search: str, selection: dict[str, object]) -> None:
    """At no level, by no key, on no page."""
    async with lung(tmp_path, archive(), filter=selection) as ask:
        found = await ask.get(search, OTHER)

    assert (found.status_code, found.json()) == (200, [])


async def test_its_patient_is_not_searched_for(tmp_path: Path) -> None:
    """The pseudonymous PatientID finds those that are there."""
    async with lung(tmp_path, archive(), filter={"studies": [STUDY]}) as ask:
        found, out = [
            (await ask.get(f"/studies?PatientID={ask.policy.pseudonym_patient_id(patient)}")).json()
            for patient in ("PATIENT-1", "PATIENT-2")
        ]

    assert (len(found), out) == (1, [])


@pytest.mark.parametrize("is_remembered", [False, True])
async def test_nothing_is_stored_into_it(tmp_path: Path, is_remembered: bool) -> None:
    """What was made of it does not come home, and the answer is that for a study that nobody has."""
    origin = archive()
    if is_remembered:
        async with lung(tmp_path, origin) as ask:
            assert (await ask.get("/studies/{study}/metadata", OTHER)).status_code == 200
    async with lung(tmp_path, origin, filter={"studies": [STUDY]}, store="reidentify") as ask:
        home, out, nowhere = [
            await ask.store(instance(ask.uid(uids[0]), "1.2.3.7", "1.2.3.7.1", PatientID="x", PatientName="x"))
            for uids in ((STUDY, SERIES, INSTANCE), OTHER, NOWHERE)
        ]
    held = [str(dataset.StudyInstanceUID) for dataset, _ in origin.datasets()]

    assert (home.status_code, out.status_code) == (200, 409)
    assert out.json() == nowhere.json()
    assert held == [STUDY, OTHER[0], STUDY]


async def test_lines_of_the_log_name_the_project(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is told on the way of its requests, and of nothing else; a name that is none is not repeated."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(EventFormatter().format(record))  # type: ignore[method-assign]
    caplog.set_level(logging.INFO)
    logging.root.addHandler(handler)
    try:
        origin = archive()
        async with lung(tmp_path, origin) as ask:
            await ask.get("/studies")
            await ask.default.get("/studies")
            await ask.default.client.get(f"{HOST}/projects/doe/dicom-web/studies")
    finally:
        logging.root.removeHandler(handler)
    of_requests = [line.partition("dicomveil.access: ")[2] for line in lines if "dicomveil.access" in line]

    assert [line.partition("request ")[0] for line in of_requests] == ["project lung: ", "", ""]
    assert "doe" not in "".join(lines)


async def test_they_share_an_origin_and_let_go_of_it(tmp_path: Path) -> None:
    """Once, when the server ends."""
    origin = archive()
    async with lung(tmp_path, origin, filter={"studies": [STUDY]}) as ask:
        await ask.get("/studies")
        assert not origin.is_closed

    assert origin.is_closed


async def test_without_a_default_project(tmp_path: Path) -> None:
    """Where only projects have keys, nothing is at the root: nobody sees all studies by accident."""
    key_file = tmp_path / "lung.key"
    key_file.touch(0o600)
    key_file.write_text(LUNG_KEY.hex())
    settings = Settings(origin="http://origin.test", state=tmp_path, projects={"lung": ProjectTable(key_file=key_file)})
    application = create_application(settings, archive())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=HOST) as client:
        default, lung = [(await client.get(f"{prefix_of(name)}/studies")) for name in ("", "lung")]

    assert default.status_code == 404
    assert len(lung.json()) == 2


# The page

PAGE = (Path(__file__).resolve().parents[2] / "docs/configuration.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Projects\n")[2].partition("## Limits\n")[0]


def test_the_example_of_the_page(tmp_path: Path) -> None:
    """It is what the text around it says: two projects and no default one."""
    file = tmp_path / "dicomveil.toml"
    file.write_text(SECTION.partition("```toml\n")[2].partition("```")[0])
    lung, stroke = projects_of(load_settings(file))

    assert (lung.name, lung.profile, lung.store, lung.origin) == ("lung", "basic", "refuse", stroke.origin)
    assert (stroke.name, stroke.profile, stroke.store) == ("stroke", "default", "reidentify")
    assert lung.filter.studies_file == Path("/etc/dicomveil/lung-studies.txt")
    assert read_filter(stroke.filter).query.keys


def test_the_example_for_deployment() -> None:
    """It has two projects and no default one, and only one of them takes what is sent."""
    lung, stroke = projects_of(load_settings(Path(__file__).resolve().parents[2] / "deploy/projects/dicomveil.toml"))

    assert (lung.store, lung.profile, stroke.store, stroke.profile) == ("refuse", "basic", "reidentify", "default")
    assert read_filter(stroke.filter).passes(
        {
            "00080061": {"vr": "CS", "Value": ["SR", "CT"]},
            "00081030": {"vr": "LO", "Value": ["CT STROKE"]},
        }
    )


@pytest.mark.parametrize(("head", "model"), [("In a table", ProjectTable), ("In a filter", FilterSettings)])
def test_every_setting_of_a_project_is_documented(head: str, model: type[BaseModel]) -> None:
    """All of them, and no others."""
    table = SECTION.partition(f"| {head} |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(model.model_fields)
