"""What the leak guard finds in instances is judged in the thread for long work, and before anything is sent."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomveil_engine import Policy, deidentify_instance, load_policy
from dicomveil_proxy.leaks.guard import Leak, LeakGuard
from proxy.fakes import ANY_SYNTAX, KEY, MemoryOrigin, instance, over_attributes, proxy

pytestmark = pytest.mark.anyio

STUDY_DATE = date(2020, 3, 15)


def with_a_date_that_becomes_the_study_date(policy: Policy) -> bytes:
    """An instance in whose output the original Study Date is the shifted date of something else."""
    shifted = dcmread(BytesIO(deidentify_instance(instance(StudyDate=_da(STUDY_DATE)), policy))).StudyDate
    shift = date(int(shifted[:4]), int(shifted[4:6]), int(shifted[6:])) - STUDY_DATE
    assert shift > timedelta(1) or shift < timedelta(-1)
    return instance(StudyDate=_da(STUDY_DATE), DateOfLastCalibration=[_da(STUDY_DATE - shift), "19990101"])


def _da(day: date) -> str:
    return f"{day:%Y%m%d}"


@pytest.mark.parametrize("pixels", ["keep", "clean"])
@pytest.mark.parametrize("is_leak", [False, True])
async def test_a_hit_is_judged_beside_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: str, *, is_leak: bool
) -> None:
    """Whatever the judgement is: it may have to load pydicom first, and other requests must not wait for that."""
    threads: list[str] = []
    judged = LeakGuard.judged_part10

    def noted(self: LeakGuard, *arguments: Any, **options: Any) -> list[Leak]:
        threads.append(threading.current_thread().name)
        found = judged(self, *arguments, **options)
        return [self.finding(arguments[1][0], None)] if is_leak else found

    monkeypatch.setattr(LeakGuard, "judged_part10", noted)
    profile = {"profile": "default", "pixels": pixels}
    original = with_a_date_that_becomes_the_study_date(load_policy(over_attributes(profile), KEY))
    async with proxy(tmp_path, MemoryOrigin(original), profile=profile) as ask:
        retrieved = await ask.get(ask.path(), ANY_SYNTAX)
        stored = await ask.store(original)

    assert retrieved.status_code == (403 if is_leak else 200)
    assert stored.status_code == 409
    assert set(threads) == {"beside_0"}
    if is_leak:
        assert b"the leak guard holds it back" in retrieved.content
