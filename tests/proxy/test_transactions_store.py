"""Store: what reaches the origin server was de-identified, and what the sender is told is true."""

from __future__ import annotations

import errno
import gc
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread

from dicomveil_engine import deidentify_instance
from dicomveil_engine.methods import METHODS
from dicomveil_proxy.errors import OriginRefused, OriginTimeout
from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.wire import spool as spool_module
from proxy.fakes import ANY_SYNTAX, BASE, INSTANCE, STUDY, MemoryOrigin, instance, parts, proxy, values

pytestmark = pytest.mark.anyio

SECOND = "1.2.3.1.1.2"
UNREADABLE = b"Doe^Jane, no instance at all" * 10


def undeidentifiable(uid: str = SECOND) -> bytes:
    """An instance that is cut off in its pixel data."""
    return instance(instance=uid, pixels=bytes(1000))[:-100]


def stored(response: httpx.Response) -> list[str]:
    """The SOP Instance UIDs of ReferencedSOPSequence."""
    return [values(item, "00081155")[0] for item in values(response.json(), "00081199")]


def failed(response: httpx.Response) -> dict[str, int]:
    """SOP Instance UID and FailureReason, of FailedSOPSequence."""
    return {values(i, "00081155")[0]: values(i, "00081197")[0] for i in values(response.json(), "00081198")}


async def test_what_is_stored_is_deidentified(tmp_path: Path) -> None:
    """The origin gets what the engine makes of it, byte for byte, and no original value."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance(), instance(instance=SECOND))
        expected = [deidentify_instance(each, ask.policy) for each in (instance(), instance(instance=SECOND))]

    assert response.status_code == 200
    assert origin.held == expected
    for secret in (b"Doe", b"PATIENT-1", b"ACCESSION-1", b"20200101", b"1.2.3.1"):
        assert secret not in b"".join(origin.held)


async def test_the_answer_is_in_the_senders_terms(tmp_path: Path) -> None:
    """It names instances as they were sent, and where they can be had, by pseudonyms."""
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        response = await ask.store(instance(), instance(instance=SECOND))
        urls = [values(item, "00081190")[0] for item in values(response.json(), "00081199")]
        assert urls == [BASE + ask.path(), BASE + ask.path(instance=SECOND)]
        assert values(response.json(), "00081190") == [BASE + ask.path(series=None, instance=None)]
        assert (await ask.get(urls[0].removeprefix(BASE), ANY_SYNTAX)).status_code == 200

    assert stored(response) == [INSTANCE, SECOND]
    assert response.headers["content-type"] == "application/dicom+json"


async def test_what_was_stored_is_remembered(tmp_path: Path) -> None:
    """To read it back, the origin need not be searched."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        await ask.store(instance())
        origin.asked.clear()
        await ask.get(ask.path(), ANY_SYNTAX)

    assert [each.split()[0] for each in origin.asked] == ["instances"]


async def test_an_instance_that_fails_harms_no_other(tmp_path: Path) -> None:
    """202: each is stored, or named with a reason, or counted where it has no UID to be named by."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(UNREADABLE, undeidentifiable(), instance(), instance(instance="1.2.3.9")[:300])

    assert response.status_code == 202
    assert stored(response) == [INSTANCE]
    assert failed(response) == {SECOND: 0xC409}
    assert [values(item, "00081197") for item in values(response.json(), "0008119A")] == [[0xC000]] * 2
    assert len(origin.held) == 1
    assert b"Doe" not in response.content


async def test_nothing_stored(tmp_path: Path) -> None:
    """409 where all failed, 204 where nothing was sent."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        assert (await ask.store(undeidentifiable())).status_code == 409
        assert (await ask.store(UNREADABLE)).status_code == 409
        empty = await ask.store()

    assert (empty.status_code, empty.content) == (204, b"")
    assert origin.held == []


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (StoreResult(acknowledged=False), 409, 0x0110),
        (StoreResult(acknowledged=False, failure_reason=0xA700), 503, None),
    ],
)
async def test_what_the_origin_does_not_acknowledge(
    tmp_path: Path, said: StoreResult, status: int, reason: int | None
) -> None:
    """It is not stored, for the origin's reason or none; an origin without room is 503 (PS3.18 Table 10.5.3-1)."""
    origin = MemoryOrigin()
    origin.stores_as = said
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance())

    assert response.status_code == status
    assert stored(response) == []
    assert failed(response) == {INSTANCE: reason or 0xA700}


async def test_a_warning_of_the_origin(tmp_path: Path) -> None:
    """It is passed on with the instance."""
    origin = MemoryOrigin()
    origin.stores_as = StoreResult(acknowledged=True, warning_reason=0xB000)
    async with proxy(tmp_path, origin) as ask:
        (item,) = values((await ask.store(instance())).json(), "00081199")

    assert values(item, "00081196") == [0xB000]


@pytest.mark.parametrize(
    ("error", "status", "times"),
    [
        (OriginTimeout("the origin server took too long"), 504, 1),
        (OriginRefused("the origin server answered with status 500", 500), 502, 2),
    ],
)
async def test_an_origin_that_fails(tmp_path: Path, error: Exception, status: int, times: int) -> None:
    """Its error is the answer. One that took too long is not asked again; one that refused is, for the next."""
    origin = MemoryOrigin()
    origin.failures["store"] = error
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance(), instance(instance=SECOND))

    assert response.status_code == status
    assert sum(each.startswith("store") for each in origin.asked) == times


async def test_some_stored_before_the_origin_fails(tmp_path: Path) -> None:
    """What was acknowledged is reported stored, and the others as failed."""
    origin = MemoryOrigin()
    store = origin.store

    async def second_fails(study: Any, uid: str, file: Any, size: int) -> StoreResult:
        if origin.held:
            raise OriginTimeout("the origin server took too long")
        return await store(study, uid, file, size)

    origin.store = second_fails  # type: ignore[method-assign,assignment]
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance(), instance(instance=SECOND), instance(instance="1.2.3.1.1.3"))

    assert response.status_code == 202
    assert stored(response) == [INSTANCE]
    assert failed(response) == {SECOND: 0x0110, "1.2.3.1.1.3": 0x0110}


async def test_a_body_that_breaks_off(tmp_path: Path) -> None:
    """400, and nothing more is stored than what was whole."""
    origin = MemoryOrigin()
    body = b"--b\r\n\r\n" + instance() + b"\r\n--b\r\n\r\n" + instance(instance=SECOND)
    async with proxy(tmp_path, origin) as ask:
        headers = {"Content-Type": "multipart/related; boundary=b"}
        response = await ask.client.post(f"{BASE}/studies", content=body, headers=headers)

    assert response.status_code == 400
    assert [str(dcmread(BytesIO(each)).SOPInstanceUID) for each in origin.held] == [ask.uid(INSTANCE)]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/dicom", 415),
        ("", 415),
        ('multipart/related; type="image/jpeg"; boundary=b', 415),
        ('multipart/related; type="application/dicom"', 400),
        ("multipart/form-data; boundary=b", 415),
    ],
)
async def test_a_body_of_another_kind(tmp_path: Path, content_type: str, status: int) -> None:
    """It is refused."""
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        assert (await ask.store(instance(), **{"Content-Type": content_type})).status_code == status


async def test_limits(tmp_path: Path) -> None:
    """A body over its size is 413, one of too many parts 400; an answer in a strange type 406."""
    limits = Limits(request_bytes=2000, parts=2)
    async with proxy(tmp_path, MemoryOrigin(), limits=limits) as ask:
        assert (await ask.store(instance(pixels=bytes(3000)))).status_code == 413
        assert (await ask.store(b"", b"", b"")).status_code == 400
        assert (await ask.store(instance(), Accept="image/png")).status_code == 406


async def test_refused(tmp_path: Path) -> None:
    """A project that takes no instances says so, and asks nothing."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin, store="refuse") as ask:
        response = await ask.store(instance())

    assert response.status_code == 409
    assert response.json()["detail"] == 'instances are not accepted here: the setting store is "refuse"'
    assert origin.asked == []


async def test_the_study_in_the_path(tmp_path: Path) -> None:
    """It must be the instance's, by its pseudonym; an original is unknown."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        path = ask.path(series=None, instance=None)
        fits = await ask.store(instance(), path=path)
        other = await ask.store(instance("1.2.3.2"), path=path)
        original = await ask.store(instance(), path=f"/studies/{STUDY}")

    assert (fits.status_code, other.status_code, original.status_code) == (200, 409, 404)
    assert failed(other) == {INSTANCE: 0x0110}
    assert len(origin.held) == 1


async def test_a_twin_is_refused(tmp_path: Path) -> None:
    """No de-identified copy beside its original, whether it comes as an original or de-identified already."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin) as ask:
        original = await ask.store(instance(instance=SECOND))
        pseudonymous = await ask.store(deidentify_instance(instance(instance=SECOND), ask.policy))

    assert (original.status_code, failed(original)) == (409, {SECOND: 0xC410})
    assert (pseudonymous.status_code, failed(pseudonymous)) == (409, {ask.uid(SECOND): 0xC410})
    assert len(origin.held) == 1


@pytest.mark.parametrize("is_cold", [False, True])
async def test_stored_read_and_stored_again(tmp_path: Path, is_cold: bool) -> None:
    """Twice is once: the same bytes, UIDs and no twin, with or without the identity map."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        await ask.store(instance())
        (state,) = [path for path in (tmp_path / "state").iterdir() if path.suffix == ".sqlite"]
    if is_cold:
        state.unlink()
    async with proxy(tmp_path, origin) as ask:
        ((_, read),) = parts(await ask.get(ask.path(), ANY_SYNTAX))
        again = await ask.store(read)

    assert again.status_code == 200
    assert origin.held[0] == read == origin.held[1]
    assert stored(again) == [ask.uid(INSTANCE)]


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SeriesInstanceUID"])
async def test_an_instance_without_a_uid(tmp_path: Path, missing: str) -> None:
    """It has no place: it is failed, and the origin is not asked."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance(change=lambda dataset: delattr(dataset, missing)))

    assert failed(response) == {INSTANCE: 0xC000}
    assert origin.asked == []


async def test_a_study_with_an_illegal_uid(tmp_path: Path) -> None:
    """It gets a legal one."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance("not/a/uid"))

    assert response.status_code == 200
    assert b"not/a/uid" not in origin.held[0]


class Full(BytesIO):
    """A temporary file on a full disk."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def writelines(self, _: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/Doe")


class FullOnFlush(BytesIO):
    """A full disk that shows when what is held back is written."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("spool", [Full, FullOnFlush])
async def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: Callable[..., BytesIO], caplog: pytest.LogCaptureFixture
) -> None:
    """503 with the instance named as failed for want of room; nothing of it is stored."""
    origin = MemoryOrigin()
    monkeypatch.setattr(spool_module, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "TemporaryFile", spool)
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance())

    assert response.status_code == 503
    assert failed(response) == {INSTANCE: 0xA700}
    assert origin.held == []
    assert "temporary files cannot be written" in caplog.text
    assert "Doe" not in caplog.text


async def test_no_original_touches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spool holds de-identified bytes only, also of an instance that fails in the end."""
    written: list[bytes] = []

    class Watched(BytesIO):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def writelines(self, lines: Any) -> None:
            written.extend(map(bytes, lines))

    monkeypatch.setattr(spool_module, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "TemporaryFile", Watched)
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        await ask.store(instance(), undeidentifiable(), UNREADABLE)

    assert sum(map(len, written)) > 1000
    assert b"Doe" not in b"".join(written)
    assert b"1.2.3.1" not in b"".join(written)


async def test_uids_that_are_kept(tmp_path: Path) -> None:
    """Under a policy that keeps UIDs there are no twins, and the study in the path is the original."""
    rules = [{"tag": tag, "method": "keep"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin, profile={"profile": "PS3.15", "rules": rules}) as ask:
        response = await ask.store(instance(instance=SECOND), path=f"/studies/{STUDY}")
        other = await ask.store(instance("1.2.3.2"), path=f"/studies/{STUDY}")

    assert (response.status_code, other.status_code) == (200, 409)
    assert str(dcmread(BytesIO(origin.held[1])).SOPInstanceUID) == SECOND
    assert b"Doe" not in origin.held[1]


EVERY_METHOD: list[dict[str, Any]] = [
    {"tag": "PatientName", "method": "substitute", "params": {"replaceWith": "ANONYMOUS"}},
    {"tag": "PatientID", "method": "cryptoHash"},
    {"tag": "RequestedProcedureDescription", "method": "encrypt"},
    {"tag": "StudyDate", "method": "dateShift"},
    {"tag": "PatientBirthDate", "method": "generalize", "params": {"dateTo": "Month"}},
    {"tag": "PatientWeight", "method": "perturb", "params": {"span": 10}},
    {"tag": "PatientAge", "method": "redact"},
    {"tag": "OperatorsName", "method": "remove"},
    {"tag": "Modality", "method": "keep"},
    {"tag": "StudyDescription", "method": "clean"},
    {"tag": "EncapsulatedDocument", "method": "cleanDocument"},
    {"tag": "StationName", "method": "dummy"},
    {"tag": "InstitutionName", "method": "pseudonym"},
    {"tag": "StudyInstanceUID", "method": "refreshUID"},
]


async def test_twice_is_once(tmp_path: Path) -> None:
    """With every method in the policy: what was stored, read and stored again is the same, byte for byte."""
    assert {rule["method"].lower() for rule in EVERY_METHOD} == METHODS.keys()
    origin = MemoryOrigin()
    sent = instance(
        PatientBirthDate="19500115",
        PatientWeight="70.5",
        PatientAge="070Y",
        OperatorsName="Doe^John",
        StudyDescription="Head, seen by Doe",
        StationName="STATION-1",
        RequestedProcedureDescription="CT",
        InstitutionName="Hospital-1",
        EncapsulatedDocument=b"MSH|^~\\&|A\rPID|||||Roe^Jo\rNTE|1|L|CT for Roe\r",
    )
    async with proxy(tmp_path, origin, profile={"profile": "PS3.15", "rules": EVERY_METHOD}) as ask:
        await ask.store(sent)
        ((_, read),) = parts(await ask.get(ask.path(), ANY_SYNTAX))
        again = await ask.store(read)
        found = (await ask.get("/studies")).json()

    assert again.status_code == 200
    assert origin.held[0] == read == origin.held[1]
    assert len(found) == 1
    changed = dcmread(BytesIO(read))
    assert (changed.PatientName, changed.Modality) == ("ANONYMOUS", "CT")
    assert changed.EncapsulatedDocument == b"MSH|^~\\&\rNTE|1|L|CT for\r"
    assert changed.StudyDate not in {"", "20200101"}
    assert changed.RequestedProcedureDescription not in {"", "CT"}


async def test_no_twin_by_any_method(tmp_path: Path) -> None:
    """A copy of a study whose original is there is refused: as original, and as it was read, one by one."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin, profile={"profile": "PS3.15", "rules": EVERY_METHOD}) as ask:
        ((_, read),) = parts(await ask.get(ask.path(), ANY_SYNTAX))
        response = await ask.store(instance(), read)

    assert response.status_code == 409
    assert failed(response) == {INSTANCE: 0xC410, ask.uid(INSTANCE): 0xC410}
    assert len(origin.held) == 1


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/related; transfer-syntax=1.2.840.10008.1.2.1; type="application/dicom"; boundary=b',
        'multipart/related; type="application/dicom; transfer-syntax=1.2.840.10008.1.2.1"; boundary=b',
        'Multipart/Related;transfer-syntax="1.2.840.10008.1.2.1";boundary="b";type=application/dicom',
    ],
)
async def test_a_transfer_syntax_before_the_boundary(tmp_path: Path, content_type: str) -> None:
    """Parameters of the body's media type have no order (RFC 2045 Section 5.1)."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.store(instance(), **{"Content-Type": content_type})

    assert (response.status_code, len(origin.held)) == (200, 1)


async def test_parts_that_cannot_be_read_are_no_garbage(tmp_path: Path) -> None:
    """They are freed at once: a collection of tens of thousands of objects would hold the event loop."""
    count = 1_000
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nx\r\n" * count + b"--b--"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        await ask.client.post(f"{BASE}/studies", headers=headers, content=body)
        gc.collect()
        gc.disable()
        try:
            await ask.client.post(f"{BASE}/studies", headers=headers, content=body)
            left = gc.collect()
        finally:
            gc.enable()

    assert left < count
