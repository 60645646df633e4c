"""Instances that are refused because of their pixels: counted, audited, entered in the quarantine; never released."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dicomveil_engine.errors import ConfigurationError, DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_proxy.command import commands
from dicomveil_proxy.pixels.processes import PixelProcesses
from dicomveil_proxy.trust.quarantine import PIXEL_DATA, Quarantine
from engine.pixel_instances import CT, JPEG_LS, instance
from proxy.fakes import HOST, KEY, SERIES, STUDY, MemoryOrigin, proxy

pytestmark = pytest.mark.anyio

PROFILE = {"profile": "default", "pixels": {"text": "allText", "gate": "trust"}}


def made(number: int, **attributes: object) -> bytes:
    uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": f"{SERIES}.{number}"}
    return instance([np.full((16, 16), 200, np.uint8)], **(uids | attributes))  # type: ignore[arg-type]


def series() -> list[bytes]:
    """One in which text is found, one without, one that cannot be judged, one that is broken, and a slice."""
    slice_ = instance(
        [np.full((16, 16), 200, np.uint16)],
        SOPClassUID=CT,
        Modality="CT",
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=SERIES,
        SOPInstanceUID=f"{SERIES}.5",
    )
    return [*(made(number) for number in (1, 2, 3, 4)), slice_]


def boxes(_: PixelProcesses, source: Path, *__: object) -> Boxes:
    data = source.read_bytes()
    if f"{SERIES}.3".encode() in data:
        raise DeidentificationError("text and anatomy cannot be distinguished")
    if f"{SERIES}.4".encode() in data:
        raise InvalidDataSetError("a frame of Pixel Data cannot be decoded")
    return Boxes((Box(0, 0, 8, 4),) if f"{SERIES}.1".encode() in data else ())


def count(text: str, outcome: str) -> float:
    name = f'dicomveil_pixel_instances_total{{outcome="{outcome}",project="default"}} '
    return float(text.partition(name)[2].split()[0])


async def test_outcomes_are_counted_and_refusals_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By project and outcome; one entry for each instance, however often it is asked for; no original is in it."""
    monkeypatch.setattr(PixelProcesses, "boxes", boxes)
    settings = {"guard": {"quarantine": tmp_path / "quarantine"}, "audit": {"file": tmp_path / "audit"}}
    async with proxy(tmp_path, MemoryOrigin(*series()), profile=PROFILE, on_error="omit", **settings) as ask:
        study, series_uid = map(ask.policy.pseudonym_uid, (STUDY, SERIES))
        for _ in range(2):
            answer = await ask.get(
                f"/studies/{study}/series/{series_uid}", 'multipart/related; type="application/dicom"'
            )
            assert answer.status_code in {200, 206}
        text = (await ask.client.get(f"{HOST}/metrics")).text

    counted = {outcome: count(text, outcome) for outcome in ("passed", "nothing found", "covered", "refused")}
    assert counted == {"passed": 2, "nothing found": 2, "covered": 2, "refused": 4}
    # A broken instance is looked at each time: it may be repaired under its UID.
    assert "dicomveil_pixel_look_seconds_count 5.0" in text
    assert "dicomveil_pixel_looks_under_way 0.0" in text
    entries = Quarantine(tmp_path / "quarantine").entries()
    assert sorted(entry.rule for entry in entries) == [
        "a frame of Pixel Data cannot be decoded",
        "text and anatomy cannot be distinguished",
    ]
    assert {(entry.original, entry.place, entry.times, entry.released) for entry in entries} == {
        (PIXEL_DATA, PIXEL_DATA, 2, None)
    }
    written = (tmp_path / "quarantine").read_bytes() + (tmp_path / "audit").read_bytes()
    assert SERIES.encode() not in written
    events = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    alarms = [event for event in events if "entry" in event.get("details", {})]
    assert {event["details"]["entry"] for event in alarms} == {entry.digest for entry in entries}
    assert {event["outcome"] for event in alarms} == {"refused"}


async def test_what_the_gate_refuses_is_entered(tmp_path: Path) -> None:
    """Without looking at anything; by the way of a single frame, too."""
    settings = {"guard": {"quarantine": tmp_path / "quarantine"}}
    origin = MemoryOrigin(made(1))
    profile = {"profile": "default", "pixels": "refuse"}
    async with proxy(tmp_path, origin, profile=profile, **settings) as ask:
        uids = [ask.policy.pseudonym_uid(uid) for uid in (STUDY, SERIES, f"{SERIES}.1")]
        path = "/studies/{}/series/{}/instances/{}".format(*uids)
        answers = [await ask.get(path), await ask.get(f"{path}/frames/1", "application/octet-stream")]

    assert [answer.status_code for answer in answers] == [403, 403]
    [entry] = Quarantine(tmp_path / "quarantine").entries()
    assert "US often holds text" in entry.rule
    assert entry.times == 2


async def test_what_breaks_while_it_is_covered_is_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that was looked at, and then cannot be encoded; native pixels that are cut off."""
    monkeypatch.setattr(PixelProcesses, "boxes", boxes)

    def cover(*_: object) -> None:
        raise DeidentificationError("these pixels cannot be encoded")

    monkeypatch.setattr(PixelProcesses, "cover", cover)
    settings = {"guard": {"quarantine": tmp_path / "quarantine"}}
    short = made(1, Rows=17)
    encoded = made(1, SOPInstanceUID=f"{SERIES}.11", syntax=JPEG_LS)
    async with proxy(tmp_path, MemoryOrigin(short, encoded), profile=PROFILE, **settings) as ask:
        for number in (1, 11):
            uids = [ask.policy.pseudonym_uid(uid) for uid in (STUDY, SERIES, f"{SERIES}.{number}")]
            answer = await ask.get("/studies/{}/series/{}/instances/{}".format(*uids))
            assert answer.status_code in {403, 502}, answer.text

    assert sorted(entry.rule for entry in Quarantine(tmp_path / "quarantine").entries()) == [
        "Pixel Data is shorter than the Image Pixel attributes say",
        "these pixels cannot be encoded",
    ]


def test_a_sweep_enters_refusals_and_no_release_lets_them_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at it elsewhere is the way, and the message says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PixelProcesses, "boxes", boxes)
    Path("in").mkdir()
    for number, data in enumerate(series(), 1):
        Path("in", f"{number}.dcm").write_bytes(data)
    Path("key").write_text(KEY.hex())
    Path("key").chmod(0o600)
    Path("profile.json").write_text(json.dumps(PROFILE))
    options = ["--origin", "in", "--state", "state", "--profile", "profile.json", "--key-file", "key"]
    swept = CliRunner().invoke(commands, ["pixels", "sweep", *options])
    assert swept.exit_code == 0, swept.output
    quarantine = Quarantine(Path("state", "quarantine.sqlite"))
    entries = quarantine.entries()

    assert len(entries) == 2
    with pytest.raises(ConfigurationError, match="--contact-sheet"):
        quarantine.release(entries[0].digest)
    assert [entry.released for entry in quarantine.entries()] == [None, None]
