"""Limits of users: each in each project, refilled with time, and bounded in number."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from dicomveil_proxy.errors import TooManyRequests
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.trust import limits as module
from dicomveil_proxy.trust.limits import Allowances, divided
from dicomveil_proxy.trust.subject import ANONYMOUS, Kind, Subject

JANE, JOHN = Subject(Kind.TOKEN, "jane"), Subject(Kind.TOKEN, "john")
DAY = 86_400


class Counted:
    """Allowances, and the clock by which they are counted."""

    def __init__(self, workers: int = 1, **limits: Any) -> None:
        self.now = 0.0
        self.allowances = Allowances(Limits(**limits), workers, lambda: self.now, lambda: self.now)

    def ask(self, subject: Subject = JANE, project: str = "lung", size: int = 0) -> str | int:
        """One request: what it was refused for, or `ok`; of a refusal, the seconds to wait."""
        try:
            with self.allowances.request(subject, project) as usage:
                usage.bytes += size
        except TooManyRequests as error:
            return error.retry_after
        return "ok"

    def many(self, count: int, **of: Any) -> int:
        """How many of so many are answered."""
        return sum(self.ask(**of) == "ok" for _ in range(count))


def test_requests_a_second() -> None:
    """As many at once as in a second, then as time goes by."""
    counted = Counted(requests_per_second=5)

    assert counted.many(50) == 5
    assert counted.ask() == 1
    counted.now += 0.4
    assert counted.many(50) == 2
    counted.now += 3600
    assert counted.many(50) == 5


def test_a_seldom_request() -> None:
    """One in ten seconds: the answer says how long to wait."""
    counted = Counted(requests_per_second=0.1)

    assert (counted.ask(), counted.ask()) == ("ok", 10)
    counted.now += 4
    assert counted.ask() == 6
    counted.now += 6
    assert counted.ask() == "ok"


def test_users_and_projects_do_not_disturb_each_other() -> None:
    """What one has used up, another has not; nor the same one elsewhere."""
    counted = Counted(requests_per_second=2)
    assert counted.many(9) == 2

    assert counted.many(9, subject=JOHN) == 2
    assert counted.many(9, project="stroke") == 2
    assert counted.many(9, subject=Subject(Kind.OIDC, "jane")) == 2


def test_workers_have_a_share_each() -> None:
    """And the start says so."""
    counted = Counted(workers=4, requests_per_second=20, bytes_per_day=400)

    assert counted.many(50) == 5
    assert counted.ask(project="x", size=100) == "ok"
    assert counted.ask(project="x") != "ok"
    assert divided(Limits(requests_per_second=20), 4) == [
        "limits.requests_per_second: each of 4 workers counts alone, and allows 1/4 of it"
    ]
    assert divided(Limits(), 4) == divided(Limits(requests_per_second=20), 1) == []


def test_bytes_a_day() -> None:
    """An answer that has begun ends; the next waits for midnight. A clock that is set back gives nothing back."""
    counted = Counted(bytes_per_day=100)
    counted.now = 3 * DAY + 100.0
    assert counted.ask(size=1_000) == "ok"

    assert counted.ask() == DAY - 100
    assert counted.ask(JOHN) == "ok"
    counted.now -= DAY
    assert counted.ask() != "ok"
    counted.now = 4.0 * DAY
    assert counted.ask() == "ok"


def test_answers_at_a_time() -> None:
    """One more is refused until one has ended, however it ended. Without users there is no such limit."""
    counted = Counted(subject_streams=1)
    with suppress(ValueError), counted.allowances.request(JANE, "lung"):
        assert counted.ask() == 1
        assert counted.ask(project="stroke") == "ok"
        raise ValueError("broken off")
    assert counted.ask() == "ok"
    with counted.allowances.request(ANONYMOUS, "lung"):
        assert counted.ask(ANONYMOUS) == "ok"


def test_without_limits() -> None:
    """The defaults do not slow down a viewer."""
    assert Counted().many(5_000) == 5_000


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many users come."""
    monkeypatch.setattr(module, "MAXIMUM_USAGES", 10)
    counted = Counted()
    for number in range(100):
        counted.ask(Subject(Kind.OIDC, str(number)))

    assert len(counted.allowances._usages) == 10
