"""One event for each request, before its answer, and without anything of a patient in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from dicomveil_proxy.trust.audit_file import AuditFile
from dicomveil_proxy.trust.recording import query_names
from dicomveil_proxy.trust.tokens import TokenFile
from proxy.fakes import HOST, STUDY, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0


class Audited:
    """Settings with an audit and a token, and what was written."""

    def __init__(self, folder: Path, rights: list[str] | None = None) -> None:
        self.file = folder / "audit.jsonl"
        self.settings: dict[str, Any] = {
            "audit": {"file": self.file},
            "access": {"tokens": folder / "tokens.json"},
        }
        granted = rights or ["search", "retrieve", "store"]
        token, _ = TokenFile(folder / "tokens.json").new(["default"], granted, name="viewer", now=NOW, expires=None)
        self.headers = {"Authorization": f"Bearer {token}"}

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.file.read_bytes().splitlines()]
        return [each for each in found if each["event"] in (kinds or ("access", "ended", "refusal"))]

    def text(self) -> str:
        return self.file.read_text()


async def test_a_search(tmp_path: Path) -> None:
    """Who, which project, which keys by name, how many results, how many bytes, and the number of the answer."""
    audited = Audited(tmp_path)
    async with proxy(tmp_path, MemoryOrigin(instance()), **audited.settings) as ask:
        response = await ask.get("/studies?PatientName=Doe*&StudyDate=20200101&limit=5", **audited.headers)
    (event,) = audited.events()

    assert event["subject"], event["project"] == ("token:viewer", "default")
    assert (event["event"], event["outcome"], event["transaction"]) == ("access", 200, "search")
    assert event["query"] == ["PatientName", "StudyDate", "limit"]
    assert (event["count"], event["bytes"]) == (len(response.json()), len(response.content))
    assert event["request_id"] == response.headers["x-request-id"]
    assert event["address"] == "127.0.0.1"
    for secret in ("Doe", "20200101", "Jane"):
        assert secret not in audited.text()


async def test_a_retrieve_names_pseudonyms_only(tmp_path: Path) -> None:
    """An original UID, which somebody may try, is not written down."""
    audited = Audited(tmp_path)
    async with proxy(tmp_path, MemoryOrigin(instance()), **audited.settings) as ask:
        await ask.get(f"{ask.path()}/metadata", **audited.headers)
        await ask.get(f"/studies/{STUDY}/metadata", **audited.headers)
        query = f"requestType=WADO&studyUID={ask.uid(STUDY)}&seriesUID=1.2.3.9&objectUID=x"
        await ask.get(f"/wado?{query}", **audited.headers)
        found, tried, wado = audited.events()
        pseudonym = ask.uid(STUDY)

    assert (found["study"], found["outcome"]) == (pseudonym, 200)
    assert {"series", "instance"} <= found.keys()
    assert ("study" in tried, tried["outcome"]) == (False, 404)
    assert (wado["study"], "series" in wado, wado["transaction"]) == (pseudonym, False, "retrieve")
    assert "1.2.3" not in audited.text()


async def test_a_stream_has_a_beginning_and_an_end(tmp_path: Path) -> None:
    """The first before anything is sent; the second with its size, or that it was broken off."""
    audited = Audited(tmp_path)
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin, **audited.settings) as ask:
        whole = await ask.get(ask.path(instance=None), **audited.headers)
        origin.held.append(instance(instance="1.2.3.1.1.2")[:-4])
        with pytest.raises(AssertionError):  # httpx asserts that an answer in the same process ends
            await ask.get(ask.path(instance=None), **audited.headers)
    begun, ended, _, broken = audited.events()

    assert (begun["event"], begun["outcome"], "bytes" in begun) == ("access", 200, False)
    assert (ended["event"], ended["outcome"], ended["bytes"]) == ("ended", 200, len(whole.content))
    assert (broken["event"], broken["outcome"]) == ("ended", "broken off")


async def test_an_error_of_ours_is_written_down(tmp_path: Path) -> None:
    """Though its answer is made outside."""
    audited = Audited(tmp_path)
    origin = MemoryOrigin(instance())
    origin.failures["search"] = KeyError("Doe^Jane")
    async with proxy(tmp_path, origin, **audited.settings) as ask:
        response = await ask.get("/studies", **audited.headers)
    (event,) = audited.events()

    assert (response.status_code, event["outcome"]) == (500, 500)
    assert "Doe" not in audited.text()


async def test_a_store_is_written_down_before_it_is_taken(tmp_path: Path) -> None:
    """And how many were stored, after it."""
    audited = Audited(tmp_path)
    async with proxy(tmp_path, MemoryOrigin(), **audited.settings) as ask:
        response = await ask.store(instance(), **audited.headers)
    begun, ended = audited.events()

    assert response.status_code == 200
    assert (begun["event"], begun["outcome"], begun["transaction"]) == ("access", "begun", "store")
    assert (ended["event"], ended["outcome"], ended["count"]) == ("ended", 200, 1)
    assert "1.2.3" not in audited.text()


@pytest.mark.parametrize("what", ["search", "retrieve", "stream", "store", "refusal"])
async def test_what_cannot_be_written_down_is_not_answered(tmp_path: Path, what: str) -> None:
    """503, nothing of the answer, nothing stored; and when there is room again, all is well."""
    audited = Audited(tmp_path)
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin, **audited.settings) as ask:

        async def request() -> httpx.Response:
            if what == "store":
                return await ask.store(instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"), **audited.headers)
            paths = {"search": "/studies", "retrieve": f"{ask.path()}/metadata", "stream": ask.path(instance=None)}
            return await ask.get(paths.get(what, "/studies"), **({} if what == "refusal" else audited.headers))

        with mock.patch.object(AuditFile, "append", side_effect=OSError(28, "full")):
            refused = await request()
        assert (refused.status_code, refused.json()["code"]) == (503, "audit-unavailable")
        assert refused.json()["detail"] == "the audit cannot be written"
        assert "www-authenticate" not in refused.headers
        assert len(origin.held) == 1
        assert (await request()).status_code == (401 if what == "refusal" else 200)


async def test_what_need_not_be_written_down(tmp_path: Path) -> None:
    """With `required = false` the answer comes."""
    audited = Audited(tmp_path)
    audited.settings["audit"]["required"] = False
    async with proxy(tmp_path, MemoryOrigin(instance()), **audited.settings) as ask:
        with mock.patch.object(AuditFile, "append", side_effect=OSError(28, "full")):
            assert (await ask.get("/studies", **audited.headers)).status_code == 200


async def test_refusals(tmp_path: Path) -> None:
    """Each is written down: with the subject, where there is one, and without what was presented."""
    audited = Audited(tmp_path, rights=["search"])
    async with proxy(tmp_path, MemoryOrigin(instance()), **audited.settings) as ask:
        await ask.get("/studies")
        await ask.get("/studies", Authorization="Bearer dicomveil_000000000000_wrong")
        await ask.get(f"{ask.path()}/metadata", **audited.headers)
        await ask.client.get(f"{HOST}/projects/Doe/dicom-web/studies", headers=audited.headers)
        await ask.client.get(f"{HOST}/healthz")
    none, wrong, missing, unknown = audited.events("refusal")

    assert [each["outcome"] for each in (none, wrong, missing, unknown)] == [401, 401, 403, 404]
    assert ("subject" in none, "subject" in wrong) == (False, False)
    assert (missing["subject"], missing["project"], missing["transaction"]) == ("token:viewer", "default", "retrieve")
    assert unknown["subject"] == "token:viewer"
    assert "wrong" not in audited.text()
    assert "Doe" not in audited.text()


async def test_a_flood_of_refusals_is_counted(tmp_path: Path) -> None:
    """Anybody can cause them, and must not fill the disk; how many there were is not lost."""
    audited = Audited(tmp_path)
    async with proxy(tmp_path, MemoryOrigin(), **audited.settings) as ask:
        with mock.patch("time.monotonic", return_value=100.5):
            for _ in range(25):
                await ask.get("/studies")
        with mock.patch("time.monotonic", return_value=101.5):
            await ask.get("/studies")
    refusals = audited.events("refusal")

    assert len(refusals) == 11
    assert refusals[-1]["details"] == {"not_recorded": 15}


async def test_start_and_stop(tmp_path: Path) -> None:
    """With the rules and the keys of each project, by digests."""
    audited = Audited(tmp_path)
    async with proxy(tmp_path, MemoryOrigin(), profile={"profile": "basic"}, **audited.settings):
        pass
    start, configuration, keys, stop = audited.events("start", "configuration", "keys", "stop")

    assert start["details"].keys() == {"version"}
    assert configuration["project"] == "default"
    assert configuration["details"]["profile"].startswith("sha256:")
    assert len(keys["details"]["key"]) == 16
    assert stop["event"] == "stop"
    assert bytes(range(32)).hex()[:16] not in audited.text()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (b"", ()),
        (b"PatientName=x&PatientName=y", ("PatientName",)),
        (b"00100010=x&19700101=x", ("00100010", "other")),
        (b"ReferencedStudySequence.ReferencedSOPInstanceUID=1", ("ReferencedStudySequence.ReferencedSOPInstanceUID",)),
        (b"includefield=all&fuzzymatching=true&limit=1&offset=2", ("includefield", "fuzzymatching", "limit", "offset")),
        (b"Doe^Jane=1&19700101=2&patientname=3", ("other",)),
        (b"PatientName.Doe=1", ("other",)),
        (b"&&&", ()),
        (b"&".join(b"a=1" for _ in range(600)), ("other",)),
        (b"\xff=1", ("other",)),
    ],
)
def test_names_of_keys(query: bytes, names: tuple[str, ...]) -> None:
    """Those of the standard; whatever else somebody typed may be a name."""
    assert query_names(query) == names
