"""What a store costs on its way through the proxy, beside nginx that passes it as it is: `make bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.attributes import SERIES, STUDY
from bench.figures import Figures, Measure
from bench.series import ct_series
from bench.servers import Server, Servers
from bench.traffic import INSTANCES, Timed, fetched, parts, store_body, upload
from bench.turns import in_turns

_CT = 300


@pytest.mark.bench
def test_store_of_a_series(
    servers: Servers, figures: Figures, rounds: int, limited: Callable[[int], int], tmp_path: Path
) -> None:
    """The archive, empty before each, holds all instances afterwards."""
    instances = ct_series(limited(_CT))
    body = tmp_path / "body"
    body.write_bytes(store_body(instances))

    def store(server: Server) -> Timed:
        servers.archive.delete_all()
        timed = upload(server, body, len(instances))
        assert servers.archive.count_instances() == len(instances), server.name
        return timed

    contestants = (servers.nginx, servers.dicomveil)
    for server in contestants:
        store(server)
        study = server.url(STUDY, SERIES).removeprefix(server.base_url)
        held = parts(fetched(f"{servers.orthanc.base_url}{study}", INSTANCES))
        assert sorted(held) == sorted(map(server.given, instances)), server.name
    nginx, dicomveil = in_turns(dict.fromkeys(contestants, body.stat().st_size), store, rounds)
    job = f"store {len(instances)} CT"
    figures.compare(
        job, Measure.CPU_PER_BYTE, dicomveil.cpu_per_byte, {"nginx": nginx.cpu_per_byte}, at_most={"nginx": 2}
    )
    figures.compare(job, Measure.WALL, dicomveil.seconds, {"nginx": nginx.seconds})
