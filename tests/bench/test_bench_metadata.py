"""How long metadata of a series takes through the proxy and from Orthanc, and in how much memory: `make bench`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import pytest

from bench.attributes import SERIES, STUDY
from bench.figures import Figure, Figures, Measure
from bench.instances import ct
from bench.series import ct_series, ct_uid
from bench.servers import Server, Servers, running_dicomveil_before, watched
from bench.traffic import JSON, Timed, download, fetched, fill
from bench.turns import in_turns

_OTHER_STUDY, _UNKNOWN_STUDY = "1.2.3.2", "1.2.3.99"
_MEMORY_BYTES = 24 << 20
_LONG = 1_000
"""From so many instances on one round is enough: each takes many seconds, and what disturbs it evens out."""


def _metadata(server: Server) -> str:
    return server.url(STUDY, SERIES, then="/metadata")


def _checked(server: Server, count: int, encoding: str) -> int:
    """Bytes of an answer that has all instances."""
    answer = fetched(_metadata(server), JSON, encoding)
    uids = [item["00080018"]["Value"][0] for item in json.loads(answer.content)]
    expected = [server.url(STUDY, SERIES, ct_uid(number)).rpartition("/")[2] for number in range(count)]
    assert sorted(uids) == sorted(expected), server.name
    return answer.transferred


@pytest.mark.bench
@pytest.mark.parametrize("size", [300, 10_000])
def test_metadata_of_a_series(
    size: int, servers: Servers, figures: Figures, rounds: int, limited: Callable[[int], int], tmp_path: Path
) -> None:
    """The memory is that of the first request for the series; before, one for a study of one instance, and what other
    requests need is loaded."""
    count = limited(size)
    fill(servers.archive, [ct(16, 16).replace(STUDY.encode(), _OTHER_STUDY.encode())])
    fill(servers.archive, ct_series(count, 16, 16))
    for encoding in ("identity", "gzip"):
        with running_dicomveil_before(servers.archive, tmp_path / encoding) as server:
            fetched(server.url(_OTHER_STUDY, then="/metadata"), JSON, encoding)
            with pytest.raises(HTTPError):  # which waits until all modules are loaded
                fetched(server.url(_UNKNOWN_STUDY, then="/thumbnail"), "image/png")
            with watched(server) as memory:
                sizes = {server: _checked(server, count, encoding)}
            sizes[servers.orthanc] = _checked(servers.orthanc, count, encoding)

            def retrieve(server: Server, encoding: str = encoding) -> Timed:
                return download([_metadata(server)], JSON, encoding)

            # How far something is compressed depends on the pieces in which it comes.
            slack = max(sizes.values()) // 100 if encoding == "gzip" else 0
            dicomveil, orthanc = in_turns(sizes, retrieve, 1 if count > _LONG else rounds, slack=slack)
        job = f"metadata of {count:,} CT, Accept-Encoding: {encoding}"
        theirs = {"Orthanc": orthanc.seconds}
        figures.compare(job, Measure.WALL, dicomveil.seconds, theirs, at_most={"Orthanc": 1.3})
        figures.add(Figure(job, Measure.MEMORY_ABOVE_IDLE, memory.above_idle, at_most=_MEMORY_BYTES))
