"""What a viewer waits for frames, through the proxy and from Orthanc directly: `make bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from bench.attributes import SERIES, STUDY
from bench.figures import Figures, Measure
from bench.series import ct_series, ct_uid
from bench.servers import Server, Servers
from bench.traffic import FRAMES, Timed, download, fetched, fill, parts
from bench.turns import in_turns

_CT = 300
_AT_A_TIME = 8
_FRAME_BYTES = 512 * 512 * 2
_BOUNDARY_BYTES = 100
"""What the random boundary of one answer can add to it, compressed; a frame is thousands of times as much."""


def _urls(server: Server, count: int) -> list[str]:
    return [server.url(STUDY, SERIES, ct_uid(number), then="/frames/1") for number in range(count)]


def _checked(server: Server, instances: Sequence[bytes], encoding: str) -> int:
    """Bytes of answers that have each frame as it is stored."""
    transferred = 0
    for url, instance in zip(_urls(server, len(instances)), instances, strict=True):
        answer = fetched(url, FRAMES, encoding)
        assert parts(answer) == [instance[-_FRAME_BYTES:]], server.name
        transferred += answer.transferred
    return transferred


@pytest.mark.bench
def test_requests_for_frames(servers: Servers, figures: Figures, rounds: int, limited: Callable[[int], int]) -> None:
    """Eight at a time, as a viewer asks: plainly, and as browsers do, with what encodings they take."""
    instances = ct_series(limited(_CT))
    fill(servers.archive, instances)
    for encoding, at_most in (("identity", 1.3), ("gzip, br", 1 / 8)):
        contestants = (servers.orthanc, servers.nginx, servers.dicomveil)
        sizes = {each: _checked(each, instances, encoding) for each in contestants}

        def retrieve(server: Server, encoding: str = encoding) -> Timed:
            return download(_urls(server, len(instances)), FRAMES, encoding, at_a_time=_AT_A_TIME)

        slack = 0 if encoding == "identity" else _BOUNDARY_BYTES * len(instances)
        orthanc, nginx, dicomveil = in_turns(sizes, retrieve, rounds, slack)
        job = f"{len(instances)} frames, {_AT_A_TIME} at a time, Accept-Encoding: {encoding}"
        theirs = {"Orthanc": orthanc.seconds, "nginx": nginx.seconds}
        figures.compare(job, Measure.WALL, dicomveil.seconds, theirs, at_most={"Orthanc": at_most})
