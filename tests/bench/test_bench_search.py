"""How long searches take through the proxy and from Orthanc directly, in one run.

Wall time, since two programs work for one answer; both are asked in turns, and the median round counts.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import pytest

from origin.orthanc import Orthanc, program, running_orthanc
from origin.proxy import Proxy, running_proxy
from proxy.fakes import instance

RESULTS = Path("dist/bench_search.json")
STUDIES = 1_000
_LIST = "includefield=00081030,00080060,00080090,00100030"
"""What OHIF's study list asks for."""


@dataclass(frozen=True)
class Row:
    """One search."""

    search: str
    results: int
    direct_ms: float
    proxy_ms: float

    @property
    def ratio(self) -> float:
        """How many times the direct time the proxy takes."""
        return self.proxy_ms / self.direct_ms


def measured(name: str, direct: str, through: str, rounds: int) -> Row:
    """Ask both in turns, the same number of times; raise AssertionError where they do not give as many results."""
    milliseconds: dict[str, list[float]] = {direct: [], through: []}
    results: dict[str, int] = {}
    with httpx.Client(timeout=120, headers={"Accept": "application/dicom+json"}) as client:
        for _ in range(rounds):
            for url, taken in milliseconds.items():
                start = time.perf_counter()
                found = client.get(url).raise_for_status().json()
                taken.append(1_000 * (time.perf_counter() - start))
                results[url] = len(found)
    assert results[direct] == results[through], name
    return Row(name, results[direct], *(statistics.median(each) for each in milliseconds.values()))


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    head = ["| search | results | Orthanc | dicomveil | ratio |", "|---|---:|---:|---:|---:|"]
    cells = [
        (row.search, str(row.results), f"{row.direct_ms:.0f} ms", f"{row.proxy_ms:.0f} ms", f"{row.ratio:.2f}")
        for row in rows
    ]
    return "\n".join([*head, *(f"| {' | '.join(each)} |" for each in cells)])


@contextmanager
def _filled(folder: Path) -> Iterator[tuple[Orthanc, Proxy]]:
    """An Orthanc that holds so many studies of one instance, and a proxy before it."""
    with running_orthanc(folder) as orthanc, httpx.Client(timeout=120) as client:
        for begin in range(0, STUDIES, 100):
            parts = b"".join(
                b"--b\r\nContent-Type: application/dicom\r\n\r\n" + _study(number) + b"\r\n"
                for number in range(begin, begin + 100)
            )
            media_type = 'multipart/related; type="application/dicom"; boundary=b'
            headers = {"Content-Type": media_type, "Accept": "application/dicom+json"}
            stored = client.post(f"{orthanc.base_url}/studies", content=parts + b"--b--", headers=headers)
            assert len(stored.raise_for_status().json()["00081199"]["Value"]) == 100
        with running_proxy(folder, orthanc.base_url) as proxy:
            yield orthanc, proxy


def _study(number: int) -> bytes:
    uids = (f"1.2.3.{number}", f"1.2.3.{number}.1", f"1.2.3.{number}.1.1")
    patient, day = f"PATIENT-{number % 400}", f"20{number % 24:02}{number % 12 + 1:02}{number % 28 + 1:02}"
    return instance(*uids, PatientID=patient, StudyDate=day, StudyDescription="Abdomen", pixels=None)


def test_a_row_names_the_ratio() -> None:
    """Literal in, literal out."""
    assert table([Row("all", 7, 20, 30)]).splitlines()[-1] == "| all | 7 | 20 ms | 30 ms | 1.50 |"


@pytest.mark.bench
def test_time_of_a_search(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Print and write the table."""
    asked = [request.config.option.markexpr, *request.config.invocation_params.args]
    if not any("bench" in str(argument) for argument in asked):
        pytest.skip("takes a minute: `make bench`")
    if program() is None:
        pytest.skip("Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)")
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    with _filled(tmp_path) as (orthanc, proxy):
        origin = orthanc.base_url
        study = proxy.policy.pseudonym_uid("1.2.3.7")
        rows = [
            measured(name, f"{origin}/{direct}", f"{proxy.base_url}/{through}", rounds)
            for name, direct, through in (
                ("all studies", "studies", "studies"),
                ("a study list of 101", f"studies?limit=101&{_LIST}", f"studies?limit=101&{_LIST}"),
                ("its tenth page", f"studies?limit=101&offset=808&{_LIST}", f"studies?limit=101&offset=808&{_LIST}"),
                ("one study", "studies?StudyInstanceUID=1.2.3.7", f"studies?StudyInstanceUID={study}"),
                ("the series of a study", "studies/1.2.3.7/series", f"studies/{study}/series"),
            )
        ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows], indent=1))
    with capsys.disabled():
        print("", table(rows), f"written to {RESULTS}", sep="\n")
