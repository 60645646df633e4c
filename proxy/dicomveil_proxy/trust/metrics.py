"""Metrics for Prometheus.

Labels come from closed lists: projects of the settings, rights, statuses, codes of problems; never a UID, user, path or
free text. Several workers write to files in the folder `PROMETHEUS_MULTIPROC_DIR`, which the command creates, and any
of them responds with the sums.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_proxy.pixels.looking import LookingObserver
from dicomveil_proxy.trust.guarded_routes import is_open, required_access_of
from dicomveil_proxy.wire.sent import counted

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of prometheus-client; set by the command if there are several workers."""
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_NONE = "none"
"""The project and transaction of a request without a route."""
_CHILDREN = 1_024
"""Combinations of labels that are found without prometheus-client."""


class Metrics:
    """The metrics of one worker."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        of_request = ("project", "transaction")
        self._requests = Counter("dicomveil_requests", "Answers, by status", (*of_request, "status"), registry=registry)
        self._seconds = Histogram(
            "dicomveil_request_seconds",
            "From a request's head to the end of its answer",
            ("transaction",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._bytes = Counter("dicomveil_response_bytes", "Bytes of answers' bodies", of_request, registry=registry)
        self._taken = Counter("dicomveil_request_bytes", "Bytes of requests' bodies", of_request, registry=registry)
        self._under_way = Gauge(
            "dicomveil_requests_under_way", "Requests under way", registry=registry, multiprocess_mode="livesum"
        )
        self._problems = Counter(
            "dicomveil_problems", "Answers that are problems, by code", ("code",), registry=registry
        )
        self._origin = Counter(
            "dicomveil_origin_answers", "Answers of origin servers, by class of status", ("status",), registry=registry
        )
        self._origin_seconds = Histogram(
            "dicomveil_origin_seconds",
            "From a request to an origin server to the head of its answer",
            buckets=_SECONDS,
            registry=registry,
        )
        self._findings = Counter(
            "dicomveil_guard_findings", "Originals that the leak guard found", ("project", "outcome"), registry=registry
        )

        self._pixels = Counter(
            "dicomveil_pixel_instances",
            "Instances whose pixels may hold text, by what became of them",
            ("project", "outcome"),
            registry=registry,
        )
        self._looks = Histogram(
            "dicomveil_pixel_look_seconds",
            "Time from the request to search an instance's pixels to its boxes",
            buckets=_SECONDS,
            registry=registry,
        )
        self._waiting = Gauge(
            "dicomveil_pixel_looks_under_way",
            "Searches of pixels that wait for a process, or are running",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._refusals = Counter(
            "dicomveil_refusals", "Requests that were not admitted, by rule", ("rule",), registry=registry
        )
        self._unreleased = Counter(
            "dicomveil_instances_refused",
            "Instances without a safe output: the policy refuses them, or they cannot be read",
            ("project", "transaction", "reason"),
            registry=registry,
        )
        self._lookups = Counter(
            "dicomveil_cache_lookups", "Look-ups in caches", ("cache", "outcome"), registry=registry
        )
        self._of_requests = lru_cache(_CHILDREN)(self._of_requests_with)
        self._of_lookups = lru_cache(_CHILDREN)(self._lookups.labels)
        self._of_origin = lru_cache(_CHILDREN)(self._origin.labels)

    def refusal(self, rule: str) -> None:
        """Count a request that was not admitted."""
        self._refusals.labels(rule).inc()

    def instance_refused(self, project: str, transaction: str, reason: str) -> None:
        """Count an instance that has no safe output."""
        self._unreleased.labels(project, transaction, reason).inc()

    def lookup(self, cache: str, is_hit: bool) -> None:
        """Count a look-up in a cache."""
        self._of_lookups(cache, "hit" if is_hit else "miss").inc()

    def pixels(self, project: str) -> LookingObserver:
        """The observer that counts a project's searches of pixels."""
        return _PixelMetrics(self._pixels, self._looks, self._waiting, project)

    def problem(self, code: str) -> None:
        """Count an answer that is a problem."""
        self._problems.labels(code).inc()

    def origin(self, status: int | None, seconds: float) -> None:
        """Count an origin server's response; `status` is None without one."""
        self._of_origin(f"{status // 100}xx" if status else "failed").inc()
        self._origin_seconds.observe(seconds)

    def finding(self, project: str, outcome: str) -> None:
        """Count a finding of the leak guard."""
        self._findings.labels(project, outcome).inc()

    def written(self) -> bytes:
        """The metrics of all workers in Prometheus' text format."""
        return written_by_workers() if FOLDER in os.environ else generate_latest(self._registry)

    async def answer(self, _: Request) -> Response:
        """The endpoint of `/metrics`."""
        return Response(self.written(), media_type=CONTENT_TYPE_LATEST)

    def begun(self) -> None:
        """Count a request that has started."""
        self._under_way.inc()

    def ended(self, scope: Scope, status: int, seconds: float, sent: int, taken: int) -> None:
        """Count a request that has ended, with its status (0 if broken off) and the bytes of both bodies."""
        self._under_way.dec()
        access = required_access_of(scope)
        project = (access.project or "all") if access else _NONE
        transaction = access.right.value if access else _NONE
        requests, times, bytes_sent, bytes_taken = self._of_requests(project, transaction, status)
        requests.inc()
        times.observe(seconds)
        bytes_sent.inc(sent)
        bytes_taken.inc(taken)

    def _of_requests_with(
        self, project: str, transaction: str, status: int
    ) -> tuple[Counter, Histogram, Counter, Counter]:
        """What counts the requests of one kind. prometheus-client takes longer to find it than to count."""
        return (
            self._requests.labels(project, transaction, str(status) if status else "broken off"),
            self._seconds.labels(transaction),
            self._bytes.labels(project, transaction),
            self._taken.labels(project, transaction),
        )


class _PixelMetrics(LookingObserver):
    def __init__(self, instances: Counter, looks: Histogram, waiting: Gauge, project: str) -> None:
        self._instances = instances
        self._looks = looks
        self._waiting = waiting
        self._project = project

    def instance(self, outcome: str) -> None:
        self._instances.labels(self._project, outcome).inc()

    def looked(self, seconds: float) -> None:
        self._looks.observe(seconds)

    def waiting(self, change: int) -> None:
        self._waiting.inc(change)


def written_by_workers() -> bytes:
    """The sums over all workers."""
    summed = CollectorRegistry()
    multiprocess.MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
    return generate_latest(summed)


class Counting:
    """Counts all requests but those of open paths; around admission, so that refusals are counted, too."""

    def __init__(self, application: ASGIApp, *, metrics: Metrics) -> None:
        self._application = application
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http" or is_open(scope):
            await self._application(scope, receive, send)
            return
        begun, taken = time.monotonic(), 0
        sent, send = counted(scope, send)

        async def received() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message

        self._metrics.begun()
        try:
            await self._application(scope, received, send)
        finally:
            self._metrics.ended(scope, sent.outcome, time.monotonic() - begun, sent.bytes, taken)
