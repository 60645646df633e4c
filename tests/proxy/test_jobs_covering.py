"""Text in pixels, in a job: boxes and samples are those of the state, found once, by whom does not matter."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from dicomveil_engine.configuration.pixels import PixelSettings, PixelText
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs import Job, covering
from dicomveil_proxy.jobs.deidentification import Deidentification
from dicomveil_proxy.jobs.instance import InstanceFiles
from dicomveil_proxy.jobs.outcome import Status
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.pixels.processes import LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.records import BOXES_FILE
from engine.pixel_instances import CT, instance, written
from proxy.exporting import Laboratory
from proxy.fakes import ANY_SYNTAX, KEY, SERIES, STUDY, parts, proxy

COUNT = 9
NOTHING = Boxes()
LINE = Boxes((Box(0, 0, 8, 4),))


class Looks:
    """Stands in the place of the models."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.found: dict[str, Boxes] = {}

    def boxes(self, source: Path) -> Boxes:
        """What is found in an instance."""
        uid = str(dcmread(source, stop_before_pixels=True).SOPInstanceUID)
        self.seen.append(uid.rpartition(".")[2])
        return self.found.get(self.seen[-1], NOTHING)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    stand_in = Looks()
    monkeypatch.setattr(PixelProcesses, "boxes", lambda _, source, *__: stand_in.boxes(source))
    yield stand_in
    covering._processes().close()
    covering._processes.cache_clear()


def fill(folder: Path) -> None:
    """A series of slices as the scanner made them, and an ultrasound frame in another series."""
    folder.mkdir()
    pixels = np.random.default_rng(1).integers(1, 4095, (16, 16)).astype(np.uint16)
    for number in range(1, COUNT + 1):
        uids: dict[str, Any] = {"StudyInstanceUID": STUDY, "SOPInstanceUID": f"{SERIES}.{number}"}
        data = instance(
            [pixels],
            SOPClassUID=CT,
            Modality="CT",
            SeriesInstanceUID=SERIES,
            InstanceNumber=number,
            **uids,
        )
        (folder / f"{number}.dcm").write_bytes(data)
    other: dict[str, Any] = {
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": f"{SERIES}.20",
        "SOPInstanceUID": "1.2.3.99",
    }
    (folder / "us.dcm").write_bytes(instance([written()], **other))


def laboratory(folder: Path, boxes: Path | None, to: str = "out") -> Laboratory:
    """An export under a preset that takes samples."""
    return Laboratory(folder, to, job=Job("tcia", KEY), boxes=boxes)


def test_a_series_is_judged_once(tmp_path: Path, looks: Looks) -> None:
    """Three slices of nine are looked at, and the ultrasound frame; all say that text was looked for."""
    fill(tmp_path / "in")
    summary = laboratory(tmp_path, None).export()
    placed = [dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]

    assert summary.placed == len(placed) == COUNT + 1
    assert sorted(looks.seen) == ["1", "5", "9", "99"]
    assert {dataset.BurnedInAnnotation for dataset in placed} == {"NO"}


def test_text_in_one_slice_means_that_all_are_looked_at(tmp_path: Path, looks: Looks) -> None:
    """And where it was found it is covered."""
    fill(tmp_path / "in")
    looks.found = {"5": LINE}
    assert laboratory(tmp_path, None).export().placed == COUNT + 1
    placed = [dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]

    assert sorted(set(looks.seen)) == sorted([*map(str, range(1, COUNT + 1)), "99"])
    assert sum(not dataset.pixel_array[:4, :8].any() for dataset in placed if dataset.Modality == "CT") == 1


@pytest.mark.anyio
async def test_the_proxy_has_them_from_the_export(tmp_path: Path, looks: Looks) -> None:
    """One state folder, one key: what one has looked at the other knows, and shows alike."""
    fill(tmp_path / "in")
    state = tmp_path / "state"
    looks.found = {"99": LINE}
    first = await asyncio.to_thread(laboratory(tmp_path, state / BOXES_FILE).export)
    exported = {path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    seen, looks.seen = looks.seen, []
    profile: dict[str, object] = {"profile": "tcia", "pixels": {"text": "allText"}}
    async with proxy(tmp_path, FolderOrigin(tmp_path / "in"), profile=profile, state=state) as ask:
        served = {body for _, body in parts(await ask.get(ask.path(STUDY, None, None), ANY_SYNTAX))}

    assert (first.placed, len(seen)) == (COUNT + 1, 4)
    assert looks.seen == []
    assert served == exported


def test_without_a_state_every_slice_is_looked_at(tmp_path: Path, looks: Looks) -> None:
    """A job that sees one instance, and nothing of its series, takes no samples."""
    fill(tmp_path / "in")
    job = Job("tcia", KEY)
    for number in (2, 3):
        work = Deidentification(job.policy())
        chunks = [*work.feed((tmp_path / "in" / f"{number}.dcm").read_bytes()), *work.close()]
        assert dcmread(DicomBytesIO(b"".join(map(bytes, chunks)))).BurnedInAnnotation == "NO"

    assert looks.seen == ["2", "3"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_temporary_folder_fails_the_instance(
    tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance fails with the reason, and nothing of it is written; with room the same instance comes out."""
    fill(tmp_path / "in")
    job = Job("tcia", KEY)
    files = InstanceFiles(job, job.policy())
    source, target = tmp_path / "in" / "us.dcm", tmp_path / "out" / "us.dcm"
    with monkeypatch.context() as patched:
        patched.setattr(covering, "writing", lambda _: Path("/dev/full").open("wb", buffering=0))  # noqa: SIM115
        outcome = files.deidentify(source, target)

    assert (outcome.status, "No space left" in outcome.reason) == (Status.FAILED, True)
    assert "TMPDIR" in outcome.reason
    assert not looks.seen
    assert not target.exists()
    assert not list(target.parent.iterdir())
    assert source.exists()
    assert files.deidentify(source, target).status is Status.WRITTEN
    assert target.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_temporary_folder_fails_the_series(
    tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export names TMPDIR and leaves nothing half written; with room the same export completes."""
    fill(tmp_path / "in")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with monkeypatch.context() as patched:
        # With a buffer: what is left in it fails again when the file is closed.
        patched.setattr(covering, "writing", lambda _: Path("/dev/full").open("wb"))  # noqa: SIM115
        first = laboratory(tmp_path, None)
        summary = first.export()

    assert summary.placed == 0
    assert not list((tmp_path / "out").rglob("*.dcm"))
    reasons = [reason for row in first.reported() for reason in row if "TMPDIR" in reason]
    assert reasons
    assert all(reason.startswith("worker: ") and "No space left" in reason for reason in reasons)
    assert list(temporary.iterdir()) == []
    assert laboratory(tmp_path, None).export().placed == COUNT + 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_covered_instance_without_room(tmp_path: Path) -> None:
    """The process that covers says so, too, instead of finding fault with the pixels."""
    source = tmp_path / "source"
    source.write_bytes(instance([written()]))
    verdict = PixelVerdict(PixelAction.LOOK, "a test", claims=True)
    processes = PixelProcesses(LookingLimits(processes=1))
    try:
        with pytest.raises(StateUnavailable, match=r"No space left.*TMPDIR"):
            processes.cover(source, Path("/dev/full"), LINE, verdict, PixelSettings(text=PixelText.ALL))
    finally:
        processes.close()
