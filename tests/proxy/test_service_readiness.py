"""`/readyz` says whether archive, state and audit work, and asks them seldom."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_proxy.errors import OriginUnavailable
from dicomveil_proxy.settings.access import AuditSettings
from proxy.fakes import HOST, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio


async def test_all_parts_work(tmp_path: Path) -> None:
    """And the archive is asked once for many questions: anybody may ask."""
    archive = MemoryOrigin(instance())
    async with proxy(tmp_path, archive) as ask:
        answers = [await ask.client.get(f"{HOST}/readyz") for _ in range(5)]

    assert {(each.status_code, each.text) for each in answers} == {(200, '{"status":"ok"}')}
    assert len(archive.asked) == 1


async def test_the_archive_fails(tmp_path: Path) -> None:
    """503, and no word of why; the server itself is up."""
    archive = MemoryOrigin()
    archive.failures["search"] = OriginUnavailable("it is away")
    async with proxy(tmp_path, archive) as ask:
        ready, up = await ask.client.get(f"{HOST}/readyz"), await ask.client.get(f"{HOST}/healthz")

    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "failing": ["archive"]})
    assert up.status_code == 200


async def test_the_state_fails(tmp_path: Path) -> None:
    """A map that cannot be read."""
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        (tmp_path / "state" / "identity.sqlite").chmod(0o600)
        for route in ask.application.router.routes:
            if getattr(route, "path", "") == "/readyz":
                for project in route.endpoint.__self__._projects:  # type: ignore[attr-defined]
                    project.identities.close()
        answer = await ask.client.get(f"{HOST}/readyz")

    assert answer.json()["failing"] == ["state"]


async def test_the_audit_fails(tmp_path: Path) -> None:
    """Its folder is away."""
    folder = tmp_path / "log"
    folder.mkdir()
    async with proxy(tmp_path, MemoryOrigin(), audit=AuditSettings(file=folder / "audit.jsonl")) as ask:
        folder.rename(tmp_path / "other")
        answer = await ask.client.get(f"{HOST}/readyz")

    assert answer.json()["failing"] == ["audit"]
