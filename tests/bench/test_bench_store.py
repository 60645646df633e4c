"""What a store costs on its way through the proxy, beside nginx that passes it as it is: `make bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.attributes import SERIES, STUDY
from bench.figures import Figures, Measure
from bench.series import ct_series
from bench.servers import Server, Servers, running_nginx_before
from bench.traffic import INSTANCES, Timed, fetched, parts, store_body, upload
from bench.turns import in_turns

_CT = 300
_UNBUFFERED = "proxy_request_buffering off"
"""By default nginx writes a long body to a file before it passes it on."""


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

    with running_nginx_before(servers.archive, tmp_path / "unbuffered", _UNBUFFERED) as streaming:
        contestants = (servers.nginx, streaming, servers.dicomveil)
        for server in contestants:
            store(server)
            series = server.url(STUDY, SERIES).removeprefix(server.base_url)
            held = parts(fetched(f"{servers.orthanc.base_url}{series}", INSTANCES))
            assert sorted(held) == sorted(map(server.given, instances)), server.name
        *passing, dicomveil = in_turns(dict.fromkeys(contestants, body.stat().st_size), store, rounds)
    nginx = dict(zip(("nginx", "nginx, unbuffered"), passing, strict=True))
    job = f"store {len(instances)} CT"
    theirs = {name: taken.cpu_per_byte for name, taken in nginx.items()}
    figures.compare(job, Measure.CPU_PER_BYTE, dicomveil.cpu_per_byte, theirs, at_most={"nginx": 2})
    theirs = {name: taken.seconds for name, taken in nginx.items()}
    figures.compare(job, Measure.WALL, dicomveil.seconds, theirs)
