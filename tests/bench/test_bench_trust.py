"""What trust costs: admission beside a request for metadata, and a line of the audit: `make bench`."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from bench.figures import Figure, Figures, Measure
from bench.series import ct_series
from dicomveil_engine import InstanceRewriter, load_policy
from dicomveil_proxy.leaks.guard import LeakGuard
from dicomveil_proxy.service.application import PREFIX
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.trust.admission import Admission, StaticTokens
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit
from dicomveil_proxy.trust.guarded_routes import GuardedRoutes
from dicomveil_proxy.trust.tokens import TokenFile
from proxy.fakes import KEY, STUDY, MemoryOrigin, application_in, instance
from proxy.identity_provider import IdentityProvider
from proxy.test_trust_oidc import Checked

_ADMISSION_SHARE = 0.05
_LINE_SECONDS = 50e-6
_GUARD_SHARE = 0.25
_CALLS = 2_000

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """What admission stands in front of, when only admission is measured."""


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _scope(path: str, token: str) -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"proxy.test"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def _seconds(application: Application, path: str, token: str, calls: int, status: int | None) -> float:
    """CPU seconds of one request; the first is looked at."""
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await application(_scope(path, token), _receive, send)
    assert statuses == ([] if status is None else [status])
    begun = time.process_time()
    for _ in range(calls):
        await application(_scope(path, token), _receive, send)
    return (time.process_time() - begun) / calls


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["static token", "access token"])
def test_admission(kind: str, figures: Figures, rounds: int, tmp_path: Path) -> None:
    """Beside a request for the metadata of one small instance, from an origin in memory: the cheapest that there is."""
    tokens = TokenFile(tmp_path / "tokens.json")
    provider = IdentityProvider("RS256")
    checked = Checked(provider, clock_skew_seconds=0)
    checked.now = time.time()
    static, _ = tokens.new(["default"], ["retrieve"], name="", now=time.time(), expires=None)
    access = provider.token("RS256", exp=int(checked.now) + 3600, projects=["default"], rights="retrieve")
    open_server = application_in(tmp_path, MemoryOrigin(instance()))
    guard = StaticTokens(tokens) if kind == "static token" else checked.tokens
    admission = Admission(
        _nothing,
        routes=GuardedRoutes(open_server.router.routes),
        authenticators=[guard],
        projects=["default"],
        limits=Limits(requests_per_second=1e9),
        workers=1,
    )
    token = static if kind == "static token" else access

    async def measured() -> tuple[list[float], list[float]]:
        path = _path()
        whole: list[float] = []
        alone: list[float] = []
        for _ in range(rounds):
            whole.append(await _seconds(open_server, path, token, _CALLS // 10, 200))
            alone.append(await _seconds(admission, path, token, _CALLS, None))
        return whole, alone

    whole, alone = asyncio.run(measured())
    theirs = {"a request for metadata": statistics.median(whole)}
    bounds = dict.fromkeys(theirs, _ADMISSION_SHARE)
    figures.compare(f"admission by a {kind}", Measure.CPU, statistics.median(alone), theirs, bounds)


@pytest.mark.bench
def test_line_of_the_audit(figures: Figures, rounds: int, tmp_path: Path) -> None:
    """With all that an access has, into a file on this machine's disk."""
    audit = open_audit(AuditSettings(file=tmp_path / "audit.jsonl"))
    event = AuditEvent(
        Action.ACCESS, 200, "token:viewer", "10.0.0.1", "lung", "retrieve", "0" * 16, "2.25.1", "2.25.2", "2.25.3"
    )
    seconds = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(_CALLS):
            audit.record(event)
        seconds.append((time.process_time() - begun) / _CALLS)
    audit.close()
    figures.add(Figure("a line of the audit", Measure.CPU, statistics.median(seconds), at_most=_LINE_SECONDS))


@pytest.mark.bench
def test_leak_guard(figures: Figures, rounds: int) -> None:
    """A series of CTs of 150 attributes, which differ, de-identified with and without the guard, by turns."""
    policy, series = load_policy({"profile": "default"}, KEY), ct_series(300, 16, 16)
    guard = LeakGuard(policy, KEY)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for is_watched in (False, True) * rounds:
        watch = guard.watch()
        begun = time.process_time()
        for data in series:
            rewriter = InstanceRewriter(policy, watch.inspect if is_watched else None)
            rewriter.feed(data)
            rewriter.close()
            watch.settle()
        seconds[is_watched].append((time.process_time() - begun) / len(series))
    alone = statistics.median(seconds[False])
    added = statistics.median(seconds[True]) - alone
    figures.add(Figure("the leak guard on a CT", Measure.CPU, added, at_most=_GUARD_SHARE * alone))


def _path() -> str:
    return f"{PREFIX}/studies/{load_policy({'profile': 'default'}, KEY).pseudonym_uid(STUDY)}/metadata"
