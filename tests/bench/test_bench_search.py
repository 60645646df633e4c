"""How long searches take through the proxy and from Orthanc directly: `make bench`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bench.figures import Figures, Measure
from bench.servers import Server, Servers
from bench.traffic import JSON, Timed, download, fetched, fill
from bench.turns import in_turns
from proxy.fakes import instance

_STUDIES = 1_000
_STUDY_UID = "1.2.3.{}"
_LIST = "includefield=00081030,00080060,00080090,00100030"
"""What OHIF's study list asks for."""


def _study(number: int) -> bytes:
    study = _STUDY_UID.format(number)
    patient, day = f"PATIENT-{number % 400}", f"20{number % 24:02}{number % 12 + 1:02}{number % 28 + 1:02}"
    return instance(
        study, f"{study}.1", f"{study}.1.1", PatientID=patient, StudyDate=day, StudyDescription="Abdomen", pixels=None
    )


def _searches(server: Server) -> dict[str, str]:
    """URLs."""
    study = server.url(_STUDY_UID.format(7)).rpartition("/")[2]
    return {
        "all studies": server.url(then="/studies"),
        "a study list of 101": server.url(then=f"/studies?limit=101&{_LIST}"),
        "its tenth page": server.url(then=f"/studies?limit=101&offset=808&{_LIST}"),
        "one study": server.url(then=f"/studies?StudyInstanceUID={study}"),
        "the series of a study": server.url(_STUDY_UID.format(7), then="/series"),
    }


@pytest.mark.bench
def test_time_of_a_search(servers: Servers, figures: Figures, rounds: int, limited: Callable[[int], int]) -> None:
    """Both give as many results."""
    count = limited(_STUDIES)
    fill(servers.archive, [_study(number) for number in range(count)])
    for name in _searches(servers.orthanc):
        urls = {server: _searches(server)[name] for server in (servers.orthanc, servers.dicomveil)}
        answers = {server: fetched(url, JSON) for server, url in urls.items()}
        assert len({len(json.loads(answer.content)) for answer in answers.values()}) == 1, name

        def search(server: Server, urls: dict[Server, str] = urls) -> Timed:
            return download([urls[server]], JSON)

        sizes = {server: answer.transferred for server, answer in answers.items()}
        orthanc, dicomveil = in_turns(sizes, search, rounds)
        job = f"search {count:,} studies for {name}"
        figures.compare(job, Measure.WALL, dicomveil.seconds, {"Orthanc": orthanc.seconds})
