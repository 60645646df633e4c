"""A run of an export: what it places, what it says, and that it can be stopped and begun again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, deidentify_instance
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.vocabulary import digests_of, written
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.jobs import coordinator
from dicomveil_proxy.jobs.destinations import MARKER, DestinationError
from dicomveil_proxy.jobs.dispatch import Dispatched
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.series import ARCHIVE, DESTINATION, Failure, SeriesOutcome
from dicomveil_proxy.jobs.station import SeriesStation
from dicomveil_proxy.jobs.study_report import StudyStatus
from dicomveil_proxy.jobs.summary import Ending
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.wire.multipart import Event
from proxy.exporting import Laboratory, add, fill, tree
from proxy.fakes import KEY


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    """Three studies of two series of two instances."""
    fill(tmp_path / "in")
    return Laboratory(tmp_path)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures in a row are followed by pauses of up to five seconds."""
    monkeypatch.setattr(coordinator, "_LONGEST_BACKOFF", 0.05)


def failing(*units: int, side: str = ARCHIVE, passing: bool = True) -> Any:
    """A crew whose units of these numbers fail."""

    async def perform(station: SeriesStation, dispatched: Dispatched) -> SeriesOutcome:
        if dispatched.leased.number in units:
            return SeriesOutcome(failure=Failure(side, "it broke", passing))
        return await station.perform(dispatched.unit)

    return perform


def test_all_is_placed_as_the_engine_makes_it(laboratory: Laboratory) -> None:
    """Each instance once, under names that are pseudonyms, and three files that describe them."""
    summary = laboratory.export()

    policy = laboratory.job.policy()
    outputs = {deidentify_instance(path.read_bytes(), policy) for path in laboratory.archive.iterdir()}
    held = laboratory.tree()
    instances = {name: data for name, data in held.items() if name.endswith(".dcm")}
    assert summary.is_whole
    assert summary.studies == {StudyStatus.EXPORTED: 3}
    assert (summary.placed, len(instances), set(instances.values())) == (12, 12, outputs)
    assert held.keys() - instances.keys() == {MARKER, "manifest.csv", "series.csv", "SHA256SUMS"}
    for name, data in held.items():
        assert b"1.2.3." not in name.encode() + data
        assert b"PATIENT" not in name.encode() + data


def test_the_second_run_places_nothing(laboratory: Laboratory) -> None:
    """And asks no worker; the output is the same, byte for byte."""
    laboratory.export()
    before = laboratory.tree()

    summary = laboratory.export()

    assert summary.studies == {StudyStatus.UNCHANGED: 3}
    assert (summary.placed, laboratory.crew) == (0, laboratory.crew)
    assert laboratory.tree() == before


def test_what_is_new_is_fetched(laboratory: Laboratory) -> None:
    """The new instance of a series alone, and a new series."""
    laboratory.export()
    add(laboratory.archive, 1, 1, 3)
    add(laboratory.archive, 2, 3, 1)

    summary = laboratory.export()

    assert summary.placed == 2
    assert summary.studies == {StudyStatus.EXPORTED: 2, StudyStatus.UNCHANGED: 1}
    other = Laboratory(laboratory.folder, "other")
    other.export()
    assert instances_of(other) == instances_of(laboratory)


def instances_of(laboratory: Laboratory) -> dict[str, bytes]:
    """Without what names the job."""
    return {name: data for name, data in laboratory.tree().items() if name != MARKER}


def test_a_series_that_fails_comes_last_and_once_more(laboratory: Laboratory) -> None:
    """The others are placed first; the report says what is missing and why, and a later run fetches it."""
    laboratory.perform = failing(2, passing=False)

    summary = laboratory.export()

    assert laboratory.crew is not None
    assert laboratory.crew.asked == [1, 2, 3, 4, 5, 6, 2]
    assert not summary.is_whole
    assert [row[2:] for row in laboratory.reported()] == [
        ["incomplete", "4", "2", "archive: it broke"],
        ["exported", "4", "4", ""],
        ["exported", "4", "4", ""],
    ]
    laboratory.perform = None
    assert laboratory.export().studies == {StudyStatus.EXPORTED: 1, StudyStatus.UNCHANGED: 2}


def test_an_instance_that_the_archive_cannot_deliver_stops_no_other(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second attempt its series' instances are retrieved one by one; the report says that one is missing."""
    retrieve = FolderOrigin.instances

    async def broken(self: FolderOrigin, study: str, series: str, instance: str | None = None) -> AsyncIterator[Event]:
        if series == "1.2.3.2.1" and instance in {None, "1.2.3.2.1.1"}:
            raise OriginMalformed("the archive's response is cut off")
        async for event in retrieve(self, study, series, instance):
            yield event

    monkeypatch.setattr(FolderOrigin, "instances", broken)
    summary = laboratory.export()

    assert not summary.is_whole
    assert [row[2:] for row in laboratory.reported()] == [
        ["exported", "4", "4", ""],
        ["incomplete", "4", "3", "archive: the archive's response is cut off"],
        ["exported", "4", "4", ""],
    ]
    monkeypatch.undo()
    assert laboratory.export().studies == {StudyStatus.EXPORTED: 1, StudyStatus.UNCHANGED: 2}


def test_five_failures_in_a_row_pause_the_job(laboratory: Laboratory) -> None:
    """The side is named, what was not begun is not marked as failed, and the same command resumes."""
    laboratory.perform = failing(*range(1, 7))

    summary = laboratory.export()

    assert summary.ending is Ending.PAUSED
    assert summary.reason == "archive: 5 series in a row failed: it broke"
    assert laboratory.crew is not None
    assert len(laboratory.crew.asked) == 5
    laboratory.perform = None
    assert laboratory.export().studies == {StudyStatus.EXPORTED: 3}


def test_workers_that_are_lost_pause_the_job(laboratory: Laboratory) -> None:
    """Once something is placed the run was not refused: it says what is missing, and the same command resumes."""

    async def perform(station: SeriesStation, dispatched: Dispatched) -> SeriesOutcome:
        if dispatched.leased.number == 3:
            raise ConfigurationError("scheduler: it cannot be reached")
        return await station.perform(dispatched.unit)

    laboratory.perform = perform
    summary = laboratory.export()

    assert (summary.ending, summary.reason) == (Ending.PAUSED, "worker: scheduler: it cannot be reached")
    assert [row[2] for row in laboratory.reported()] == ["exported", "failed", "failed"]
    laboratory.perform = None
    assert laboratory.export().studies == {StudyStatus.EXPORTED: 3}


def test_five_dead_series_sink_nobody(tmp_path: Path) -> None:
    """When they come again, and the archive answers something else, the job is not paused for them."""
    fill(tmp_path / "in", studies=6, series=1, instances=1)
    laboratory = Laboratory(tmp_path)
    laboratory.perform = failing(1, 2, 3, 4, 5)
    assert laboratory.export().ending is Ending.PAUSED

    summary = laboratory.export(retries=3)

    assert summary.ending is Ending.DONE
    assert summary.studies == {StudyStatus.FAILED: 5, StudyStatus.EXPORTED: 1}


def test_a_success_between_failures_keeps_the_job_going(laboratory: Laboratory) -> None:
    """Five in all are not five in a row."""
    laboratory.perform = failing(1, 2, 4, 5)

    assert laboratory.export(retries=2).ending is Ending.DONE


def test_a_destination_that_is_down_pauses_the_job(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the side that is named."""
    laboratory.perform = failing(*range(1, 7), side=DESTINATION)

    assert laboratory.export().reason.startswith("destination: 5 series in a row failed")

    def full(*_: object) -> None:
        raise DestinationError("it cannot be written (No space left on device)")

    laboratory.perform = None
    monkeypatch.setattr("dicomveil_proxy.jobs.destinations.folder.FolderDestination.synchronise", full)
    summary = laboratory.export()
    assert (summary.ending, "No space left" in summary.reason) == (Ending.PAUSED, True)
    monkeypatch.undo()
    assert laboratory.export().is_whole


@pytest.mark.parametrize(
    "changes",
    [
        {"job": Job("basic", KEY)},
        {"job": Job("default", bytes(32))},
        {"layout": "tcia"},
    ],
)
@pytest.mark.parametrize("forgets", [False, True])
def test_another_key_policy_or_layout_is_refused(
    changes: dict[str, Any], forgets: bool, laboratory: Laboratory
) -> None:
    """By the output itself, also where the state is another; nothing is changed."""
    laboratory.export()
    before = laboratory.tree()
    if forgets:
        (laboratory.folder / "state").rename(laboratory.folder / "other")

    with pytest.raises(ConfigurationError, match="filled under another policy, key"):
        Laboratory(laboratory.folder, **changes).export()

    assert laboratory.tree() == before


def test_another_vocabulary_is_refused(laboratory: Laboratory) -> None:
    """A vocabulary decides what is a name; the same file in another place is the same policy."""
    keys = Keys(KEY)
    digests = digests_of(keys)
    configurations = []
    for number, word in enumerate(("kolibri", "zwanestein", "kolibri")):
        folder = laboratory.folder / str(number)
        folder.mkdir()
        (folder / "words").write_bytes(b"".join(written(keys, 3, [(digests.of(word.encode()), 1, 1)])))
        (folder / "own.json").write_text('{"profile": "default", "text": {"vocabulary": "words"}}')
        configurations.append(folder / "own.json")
    first, other, again = (Laboratory(laboratory.folder, job=Job(path, KEY)) for path in configurations)
    first.export()
    before = first.tree()

    with pytest.raises(ConfigurationError, match="another policy, key, vocabulary"):
        other.export()
    assert again.export().studies == {StudyStatus.UNCHANGED: 3}
    assert first.tree() == before


def test_a_state_that_was_lost_is_made_anew(laboratory: Laboratory) -> None:
    """All is placed again, with the same names and bytes."""
    laboratory.export()
    before = laboratory.tree()
    (laboratory.folder / "state").rename(laboratory.folder / "lost")

    assert laboratory.export().placed == 12
    assert laboratory.tree() == before


def test_a_folder_that_is_not_ours_is_refused(laboratory: Laboratory) -> None:
    """Nothing in it is touched."""
    laboratory.out.mkdir()
    (laboratory.out / "notes").write_bytes(b"mine")

    with pytest.raises(ConfigurationError, match="holds files that no export placed"):
        laboratory.export()

    assert tree(laboratory.out) == {"notes": b"mine"}


def test_a_second_run_at_once_is_refused(laboratory: Laboratory) -> None:
    """Whether it has the same state or another."""
    refused: list[str] = []

    async def perform(station: SeriesStation, dispatched: Dispatched) -> SeriesOutcome:
        if not refused:
            for state in ("state", "elsewhere"):
                second = Laboratory(laboratory.folder)
                second.folder = laboratory.folder / ("" if state == "state" else state)
                second.folder.mkdir(exist_ok=True)
                second.report = second.folder / "report"
                with pytest.raises(ConfigurationError, match="another run is writing there"):
                    second.export()
                refused.append(state)
        return await station.perform(dispatched.unit)

    laboratory.perform = perform

    assert laboratory.export().is_whole
    assert refused == ["state", "elsewhere"]


def test_an_interrupted_run_is_resumed(laboratory: Laboratory) -> None:
    """What was placed before counts as this run's, and nothing unfinished stays."""

    async def perform(station: SeriesStation, dispatched: Dispatched) -> SeriesOutcome:
        if dispatched.leased.number == 3:
            raise KeyboardInterrupt
        return await station.perform(dispatched.unit)

    laboratory.perform = perform
    with pytest.raises(KeyboardInterrupt):
        laboratory.export()
    laboratory.perform = None

    summary = laboratory.export()

    assert laboratory.crew is not None
    assert laboratory.crew.asked == [3, 4, 5, 6]
    assert summary.studies == {StudyStatus.EXPORTED: 3}


def test_nothing_selected_is_not_whole(laboratory: Laboratory) -> None:
    """The folder holds the manifest of nothing."""
    summary = laboratory.export(query="PatientID=NOBODY")

    assert (summary.is_whole, dict(summary.studies)) == (False, {})


def test_an_instance_without_safe_output_is_missing(laboratory: Laboratory) -> None:
    """The rest of its series is placed; it is not tried again in the same run."""
    broken = laboratory.archive / "1-1-1"
    data = broken.read_bytes()
    broken.write_bytes(data[:-8])

    summary = laboratory.export()

    assert (summary.placed, summary.refused) == (11, 1)
    assert laboratory.reported()[0][2:] == [
        "incomplete",
        "4",
        "3",
        "1 refused: the instance is cut off in the middle of (7FE0,0010) PixelData",
    ]
