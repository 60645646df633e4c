"""Instances whose pixels may hold text: looked at once, streamed on meanwhile, refused where anything goes wrong."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicomveil_engine import JSONDataSet, load_policy
from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.gate import PixelVerdict
from dicomveil_engine.pixels.header import JSON_KEYS, PIXEL_KEYS, PixelHeader
from dicomveil_proxy.pixels.processes import LookFailed, LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.verdicts import settings_as_json, settings_of, verdict_as_json, verdict_of
from dicomveil_proxy.transactions.covering import arrival
from dicomveil_proxy.transactions.covering.metadata import SeriesHeaders, json_header
from engine.pixel_instances import CT, JPEG_LS, NATIVE, Array
from engine.pixel_instances import instance as made
from proxy.fakes import ANY_SYNTAX, SERIES, STUDY, Asking, MemoryOrigin, parts, proxy

pytestmark = pytest.mark.anyio

_WHOLE = 'application/dicom; transfer-syntax="*"'
_FOUND = Boxes((Box(0, 0, 8, 4),))


def profile(gate: str = "look", text: str = "allText") -> dict[str, object]:
    return {"profile": "default", "pixels": {"text": text, "gate": gate}}


def bright(shape: tuple[int, int] = (16, 16)) -> Array:
    return np.full(shape, 200, np.uint8)


def uid(number: int) -> str:
    return f"{SERIES}.{number}"


def us(number: int, **attributes: Any) -> bytes:
    uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": uid(number)}
    return made([bright()], **(uids | attributes))


def slices(count: int, **attributes: Any) -> list[bytes]:
    """A series of CT slices as the scanner made them."""
    return [
        made(
            [bright().astype(np.uint16)],
            SOPClassUID=CT,
            Modality="CT",
            StudyInstanceUID=STUDY,
            SeriesInstanceUID=SERIES,
            SOPInstanceUID=uid(number),
            InstanceNumber=number,
            **attributes,
        )
        for number in range(1, count + 1)
    ]


class Looks:
    """Stands in the place of the models: what was looked at, and what is found."""

    def __init__(self, answer: Callable[[Path], Boxes] = lambda _: _FOUND) -> None:
        self.answer = answer
        self.sources: list[Path] = []
        self.most = self._now = 0
        self._lock = threading.Lock()

    def boxes(self, source: Path, verdict: PixelVerdict, settings: PixelSettings) -> Boxes:
        del verdict, settings
        with self._lock:
            self.sources.append(source)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            time.sleep(0.01)
            return self.answer(source)
        finally:
            with self._lock:
                self._now -= 1


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    found = Looks()
    monkeypatch.setattr(PixelProcesses, "boxes", lambda _, *arguments: found.boxes(*arguments))
    return found


def path_of(ask: Asking, number: int = 0) -> str:
    study, series = map(ask.policy.pseudonym_uid, (STUDY, SERIES))
    base = f"/studies/{study}/series/{series}"
    return f"{base}/instances/{ask.policy.pseudonym_uid(uid(number))}" if number else base


async def test_one_look_for_all_who_ask(tmp_path: Path, looks: Looks) -> None:
    """Requests for the same instance at the same time, and later ones, share one look."""
    async with proxy(tmp_path, MemoryOrigin(us(1)), profile=profile()) as ask:
        answers = await asyncio.gather(*(ask.get(path_of(ask, 1), _WHOLE) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert (await ask.get(f"{path_of(ask, 1)}/frames/1", "application/octet-stream")).content[:8] == bytes(8)

    assert len(looks.sources) == 1


async def test_boxes_survive_a_restart(tmp_path: Path, looks: Looks) -> None:
    """The state folder keeps them; an instance with another header under the same UID is looked at anew."""
    origin = MemoryOrigin(us(1))
    for _ in range(2):
        async with proxy(tmp_path, origin, profile=profile()) as ask:
            first = await ask.get(path_of(ask, 1), _WHOLE)
    assert len(looks.sources) == 1
    assert first.content[-256:-248] == bytes(8)

    origin.held = [us(1, WindowCenter=3)]
    async with proxy(tmp_path, origin, profile=profile()) as ask:
        assert (await ask.get(path_of(ask, 1), _WHOLE)).status_code == 200
    assert len(looks.sources) == 2


@pytest.mark.parametrize("kept", [0, 1 << 20])
async def test_temporary_files_are_removed(
    tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Instances that wait for a look leave no file, and come out the same from memory and from their files."""
    monkeypatch.setattr(arrival, "_COPIED_BYTES", kept)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    async with proxy(tmp_path, MemoryOrigin(us(1), us(2)), profile=profile()) as ask:
        found = parts(await ask.get(path_of(ask), ANY_SYNTAX))
        assert list(temporary.iterdir()) == []

    assert [body[-256:-240] for _, body in found] == [bytes(8) + b"\xc8" * 8] * 2
    assert len({source.parent for source in looks.sources}) == 1


@pytest.mark.parametrize("way", ["", "/frames/1", "/rendered"])
async def test_no_room_for_temporary_files(
    tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The server is at fault, and says so: 503, and nothing of the instance."""
    async with proxy(tmp_path, MemoryOrigin(us(1)), profile=profile()) as ask:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        answer = await ask.get(path_of(ask, 1) + way, "*/*")

    assert answer.status_code == 503
    assert answer.json()["code"] == "state-unavailable"
    assert looks.sources == []


async def test_few_at_a_time(tmp_path: Path, looks: Looks) -> None:
    """No more looks run at one time than there are processes, and instances keep their order."""
    origin = MemoryOrigin(*(us(number) for number in range(1, 9)))
    async with proxy(tmp_path, origin, profile=profile(), limits={"pixel_processes": 2}) as ask:
        found = parts(await ask.get(path_of(ask), ANY_SYNTAX))
        pseudonyms = [ask.policy.pseudonym_uid(uid(number)).encode() for number in range(1, 9)]

    assert len(looks.sources) == 8
    assert looks.most <= 2
    assert [pseudonym in body for pseudonym, (_, body) in zip(pseudonyms, found, strict=True)] == [True] * 8


async def test_sample(tmp_path: Path, looks: Looks) -> None:
    """Of a series of slices without text three are looked at, once, and all claim that they were cleaned."""
    looks.answer = lambda _: Boxes()
    async with proxy(tmp_path, MemoryOrigin(*slices(9)), profile=profile("sample")) as ask:
        for _ in range(2):
            found = parts(await ask.get(path_of(ask), ANY_SYNTAX))
        metadata = (await ask.get(f"{path_of(ask)}/metadata", "application/dicom+json")).json()

    assert len(looks.sources) == 3
    assert len(found) == 9
    assert all(b"113101" in body for _, body in found)
    assert [each["00280301"]["Value"] for each in metadata] == [["NO"]] * 9


async def test_metadata_claim_nothing_before_the_look(tmp_path: Path, looks: Looks) -> None:
    """Before an instance was looked at nothing is claimed of it; afterwards metadata say what it says itself."""
    doubts = {1: False, 2: True}
    looks.answer = lambda source: Boxes(leaves_doubt=doubts[1 if uid(1).encode() in source.read_bytes() else 2])
    async with proxy(tmp_path, MemoryOrigin(us(1), us(2)), profile=profile()) as ask:
        path = f"{path_of(ask)}/metadata"
        before = (await ask.get(path, "application/dicom+json")).json()
        bodies = [body for _, body in parts(await ask.get(path_of(ask), ANY_SYNTAX))]
        after = (await ask.get(path, "application/dicom+json")).json()

    assert ["113101" in str(each) for each in before] == [False, False]
    assert [b"113101" in body for body in bodies] == [True, False]
    assert ["113101" in str(each) for each in after] == [True, False]
    assert [each.get("00280301", {}).get("Value") for each in after] == [["NO"], None]


async def test_a_doubt_in_a_sample_is_one_in_all(tmp_path: Path, looks: Looks) -> None:
    """Slices that were not looked at say no more than those that were."""
    looks.answer = lambda _: Boxes(leaves_doubt=True)
    async with proxy(tmp_path, MemoryOrigin(*slices(9)), profile=profile("sample")) as ask:
        found = parts(await ask.get(path_of(ask), ANY_SYNTAX))

    assert len(looks.sources) == 3
    assert not any(b"113101" in body for _, body in found)


async def test_samples_are_looked_at_at_the_same_time(tmp_path: Path, looks: Looks) -> None:
    """As many as there are processes: two looks wait for each other, and neither would end alone."""
    together = threading.Barrier(2)

    def answer(_: Path) -> Boxes:
        together.wait(30)
        return Boxes()

    looks.answer = answer
    origin = MemoryOrigin(*slices(2))
    async with proxy(tmp_path, origin, profile=profile("sample"), limits={"pixel_processes": 2}) as ask:
        assert len(parts(await ask.get(path_of(ask), ANY_SYNTAX))) == 2

    assert looks.most == 2


async def test_text_in_a_sample_means_all(tmp_path: Path, looks: Looks) -> None:
    """Where a sample holds text, or cannot be looked at, all slices are looked at."""
    async with proxy(tmp_path, MemoryOrigin(*slices(5)), profile=profile("sample")) as ask:
        found = parts(await ask.get(path_of(ask), ANY_SYNTAX))

    assert len(looks.sources) == 5
    assert all(body[-512:-496] == bytes(16) for _, body in found)


async def test_a_slice_of_another_kind_is_looked_at(tmp_path: Path, looks: Looks) -> None:
    """What differs from the samples is not taken for one of them, even where the search does not show it."""
    looks.answer = lambda _: Boxes()
    other = slices(5, ManufacturerModelName="Another")[1:2]
    held = slices(5)
    held[1:2] = other
    async with proxy(tmp_path, MemoryOrigin(*held), profile=profile("sample")) as ask:
        await ask.get(path_of(ask), ANY_SYNTAX)

    assert len(looks.sources) == 4


async def test_trusted_slices_are_not_looked_at(tmp_path: Path, looks: Looks) -> None:
    """Under `trust` slices pass, bit for bit, and claim nothing."""
    async with proxy(tmp_path, MemoryOrigin(*slices(2)), profile=profile("trust")) as ask:
        found = parts(await ask.get(path_of(ask), ANY_SYNTAX))

    assert not looks.sources
    assert all(b"113101" not in body and body.endswith(b"\xc8\0" * 256) for _, body in found)


@pytest.mark.parametrize(
    "failure",
    [DeidentificationError("text cannot be told from anatomy"), LookFailed("the process that looked ended")],
)
async def test_refused(tmp_path: Path, looks: Looks, failure: Exception) -> None:
    """A refusal is 403 by every way that shows pixels; on_error decides about a series."""

    def answer(source: Path) -> Boxes:
        if uid(2).encode() in source.read_bytes():
            raise failure
        return _FOUND

    looks.answer = answer
    origin = MemoryOrigin(us(1), us(2), us(3))
    async with proxy(tmp_path, origin, profile=profile(), on_error="omit") as ask:
        assert len(parts(await ask.get(path_of(ask), ANY_SYNTAX))) == 2
        for rest in ("", "/frames/1", "/rendered", "/thumbnail", "/bulk/7fe00010"):
            answered = await ask.get(path_of(ask, 2) + rest, "*/*")
            assert (answered.status_code, answered.json()["code"]) == (403, "not-releasable"), rest
            assert b"\xc8" * 8 not in answered.content
    async with proxy(tmp_path, origin, profile=profile(), on_error="abort") as ask:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the transport makes of an answer broken off
            parts(await ask.get(path_of(ask), ANY_SYNTAX))


@pytest.mark.parametrize("rest", ["", "/frames/1", "/rendered", "/thumbnail", "/bulk/7fe00010"])
async def test_refuse(tmp_path: Path, rest: str) -> None:
    """Under "refuse" nothing that may hold text leaves, and the answer says what to do; slices do."""
    origin = MemoryOrigin(us(1))
    async with proxy(tmp_path, origin, profile=profile("trust", "refuse")) as ask:
        answer = await ask.get(path_of(ask, 1) + rest, "*/*")

    assert answer.status_code == 403
    assert "dicomveil-engine[pixels]" in answer.json()["detail"]


async def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the server starts, refuses what may hold text and says how to install it; slices pass."""
    monkeypatch.setattr("dicomveil_engine.pixels.gate.can_clean", lambda: False)
    held = [us(100), *slices(1)]
    async with proxy(tmp_path, MemoryOrigin(*held), profile=profile("trust")) as ask:
        refused = await ask.get(path_of(ask, 100), _WHOLE)
        passed = await ask.get(path_of(ask, 1), _WHOLE)

    assert (refused.status_code, passed.status_code) == (403, 200)
    assert "install the extra (pip install 'dicomveil-engine[pixels]')" in refused.json()["detail"]


async def test_pixels_within_metadata(tmp_path: Path, looks: Looks) -> None:
    """Pixel Data that an origin server writes into the metadata themselves does not leave with them."""
    del looks

    class Inline(MemoryOrigin):
        async def metadata(self, *uids: Any) -> Any:
            async for chunk in super().metadata(*uids):
                yield chunk.replace(b'"BulkDataURI"', b'"InlineBinary": "yMjIyMjIyMg=", "Unknown"')

    async with proxy(tmp_path, Inline(us(1)), profile=profile()) as ask:
        answer = await ask.get(f"{path_of(ask, 1)}/metadata", "application/dicom+json")

    assert answer.status_code == 200
    assert b"yMjI" not in answer.content


def _rows(count: int) -> bytes:
    return b"\x28\0\x10\0US\2\0" + count.to_bytes(2, "little")


def _columns(count: int) -> bytes:
    return b"\x28\0\x11\0US\2\0" + count.to_bytes(2, "little")


def _hostile() -> dict[str, bytes]:
    """Instances whose pixels are not what their headers say."""
    compressed = made([bright()], syntax=JPEG_LS)
    return {
        "cut": compressed[:-40],
        "noise": compressed[:-120] + bytes(range(100)) + compressed[-20:],
        "native that is short": made([bright()], syntax=NATIVE, Rows=9000, Columns=9000),
        "a bomb": compressed.replace(_rows(16), _rows(65535)).replace(_columns(16), _columns(65535)),
        "another size": compressed.replace(_rows(16), _rows(17)),
        "frames that are not there": made([bright()], syntax=JPEG_LS, NumberOfFrames=9999999),
        "no size": made([bright()], Rows=0),
    }


def test_hostile_pixels_are_refused_in_a_process(tmp_path: Path) -> None:
    """Pixels that lie are refused by the process, which then serves the next; one that ends is replaced."""
    processes = PixelProcesses(LookingLimits(processes=1, seconds=30))
    settings = PixelSettings()
    verdict = PixelVerdict(verdict_of(_VERDICT).action, "a test", claims=True)
    source = tmp_path / "original"
    try:
        for name, data in _hostile().items():
            source.write_bytes(data)
            with pytest.raises(Exception, match=r".") as refused:
                processes.boxes(source, verdict, settings)
            assert type(refused.value).__name__ in {"InvalidDataSetError", "DeidentificationError", "LookFailed"}, name
        source.write_bytes(made([bright((64, 64))]))
        assert processes.boxes(source, verdict, settings) == Boxes()
        [process] = processes._idle
        process.kill()
        process.wait()
        with pytest.raises(LookFailed, match="ended"):
            processes.boxes(source, verdict, settings)
        assert processes.boxes(source, verdict, settings) == Boxes()
    finally:
        processes.close()


def test_a_look_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is ended, and the instance is withheld."""
    monkeypatch.setattr("dicomveil_proxy.pixels.processes._START_SECONDS", 0.0)
    processes = PixelProcesses(LookingLimits(processes=1, seconds=0.05))
    source = tmp_path / "original"
    source.write_bytes(made([bright()]))
    with pytest.raises(LookFailed, match=r"limits\.pixel_seconds"):
        processes.boxes(source, verdict_of(_VERDICT), PixelSettings())
    assert not processes._idle
    processes.close()


_VERDICT = {
    "action": "look",
    "reason": "a test",
    "masks": [[1, 2, 3, 4]],
    "condition": "strokes",
    "claims": True,
    "is_document": False,
    "rotated": True,
    "has_face": True,
}


def test_verdicts_survive_the_pipe() -> None:
    """A verdict and its JSON are the same."""
    verdict = verdict_of(_VERDICT)

    assert verdict.masks == (Box(1, 2, 3, 4),)
    assert verdict_of(_as_json(verdict)) == verdict


def test_settings_survive_the_pipe() -> None:
    """Those for texts, too, which come from another key of the policy."""
    policy = {"pixels": {"text": "sensitiveText"}, "text": {"regions": ["DE"], "ages": "all"}}
    settings = load_policy(policy, b"k" * 32).pixels

    assert (settings.regions, settings.all_ages) == (("DE",), True)
    assert settings_of(settings_as_json(settings)) == settings


def _as_json(verdict: PixelVerdict) -> dict[str, Any]:

    return verdict_as_json(verdict)


def test_headers_of_metadata_describe_pixels() -> None:
    """Metadata without Pixel Data that describe some are not taken for those of an instance without pixels."""

    assert json_header({"00280010": {"vr": "US", "Value": [4]}}).has_pixel_data
    assert not json_header({}).has_pixel_data
    assert PixelHeader().rows == 0


class _Asked(dict[str, Any]):
    """A data set that records which of its keys are read."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.keys_read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.keys_read.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.keys_read.add(str(key))
        return super().__contains__(key)


def test_pixel_attributes_of_a_series() -> None:
    """They are read again when one of the elements on which they depend is another one, and not before."""
    asked = _Asked()
    json_header(asked)
    assert asked.keys_read == {*JSON_KEYS, *PIXEL_KEYS}

    first: JSONDataSet = {key: {"vr": "US", "Value": [1]} for key in (*JSON_KEYS, *PIXEL_KEYS)}
    headers = SeriesHeaders()
    known = headers.of(first)
    assert known == json_header(first)
    assert headers.of(first | {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}) is known
    for key in PIXEL_KEYS:
        assert headers.of(first | {key: {"vr": "OW", "BulkDataURI": "another"}}) is known
    for key in (*JSON_KEYS, *PIXEL_KEYS):
        other: JSONDataSet = first | {key: {"vr": "US", "Value": [2]}}
        lacking: JSONDataSet = {each: element for each, element in first.items() if each != key}
        for changed in (other, lacking):
            assert headers.of(first) == known
            assert headers.of(changed) == json_header(changed)
