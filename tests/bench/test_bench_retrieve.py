"""What a series costs on its way through the proxy, beside nginx that passes it as it is: `make bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.attributes import SERIES, STUDY
from bench.figures import Figures, Measure
from bench.series import ct_series
from bench.servers import Server, Servers, running_dicomveil_before
from bench.traffic import INSTANCES, Timed, download, fetched, fill, parts
from bench.turns import in_turns

_CT = 300
_SECOND_SERIES = "1.2.3.1.4"


def _checked(server: Server, series: str, instances: Sequence[bytes]) -> int:
    """Bytes of an answer that has all of them, as the server should give them."""
    answer = fetched(server.url(STUDY, series), INSTANCES)
    assert sorted(parts(answer)) == sorted(map(server.given, instances)), server.name
    return answer.transferred


@pytest.mark.bench
def test_retrieve_of_a_series(servers: Servers, figures: Figures, rounds: int, limited: Callable[[int], int]) -> None:
    """What arrives is each instance as the engine de-identifies it."""
    instances = ct_series(limited(_CT))
    fill(servers.archive, instances)
    sizes = {each: _checked(each, SERIES, instances) for each in (servers.orthanc, servers.nginx, servers.dicomveil)}

    def retrieve(server: Server) -> Timed:
        return download([server.url(STUDY, SERIES)], INSTANCES)

    orthanc, nginx, dicomveil = in_turns(sizes, retrieve, rounds)
    job = f"retrieve a series of {len(instances)} CT"
    figures.compare(
        job, Measure.CPU_PER_BYTE, dicomveil.cpu_per_byte, {"nginx": nginx.cpu_per_byte}, at_most={"nginx": 2.2}
    )
    theirs = {"nginx": nginx.seconds, "Orthanc": orthanc.seconds}
    figures.compare(job, Measure.WALL, dicomveil.seconds, theirs, at_most={"nginx": 1.25})


@pytest.mark.bench
def test_retrieve_with_two_workers(
    servers: Servers, figures: Figures, rounds: int, limited: Callable[[int], int], tmp_path: Path
) -> None:
    """Two series at a time, by one process and by two."""
    content = {each: ct_series(limited(_CT), series=each) for each in (SERIES, _SECOND_SERIES)}
    for instances in content.values():
        fill(servers.archive, instances)

    def retrieve(server: Server) -> Timed:
        return download([server.url(STUDY, series) for series in content], INSTANCES, at_a_time=len(content))

    with running_dicomveil_before(servers.archive, tmp_path / "two", "--workers", "2") as server:
        sizes = {
            each: sum(_checked(each, series, instances) for series, instances in content.items())
            for each in (servers.dicomveil, server)
        }
        one, two = in_turns(sizes, retrieve, rounds)
    job = f"retrieve two series of {limited(_CT)} CT at a time, --workers 2"
    figures.compare(job, Measure.THROUGHPUT, two.throughput, {"--workers 1": one.throughput})
