"""A crew of one in this process: units in turn, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicomveil_engine import ConfigurationError, load_policy
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.jobs import behaviour
from dicomveil_proxy.jobs.crews import Pause, Station
from dicomveil_proxy.jobs.crews.here import Here
from proxy.fakes import instance


class Doubling:
    """A station that says twice the number."""

    slots = 1

    def __init__(self) -> None:
        self.is_closed = False

    async def perform(self, message: int) -> int:
        """One unit."""
        return 2 * message

    async def aclose(self) -> None:
        """Remember it."""
        self.is_closed = True


def test_units_in_turn() -> None:
    """Each with its result, also after a pause; the station is closed at the end."""
    station = Doubling()
    units: Iterator[int | Pause | None] = iter([1, Pause(0), 2, None])

    assert list(Here(lambda: station, message=lambda unit: unit + 10).work(lambda: next(units))) == [(1, 22), (2, 24)]
    assert station.is_closed


def test_a_station_is_closed_when_the_caller_stops() -> None:
    """Also where the caller wants no more."""
    station = Doubling()
    work = Here(lambda: station, message=lambda unit: unit).work(lambda: 1)
    next(work)
    work.close()  # type: ignore[attr-defined]

    assert station.is_closed


def test_a_station_that_cannot_be_made() -> None:
    """Its reason is what is refused."""

    def recipe() -> Station:
        raise ConfigurationError("profile: it is gone")

    with pytest.raises(ConfigurationError, match="profile: it is gone"):
        list(Here(recipe, message=lambda unit: unit).work(lambda: None))


def test_the_probe_is_an_instance() -> None:
    """Encoded as pydicom reads it, value by value, the nested ones too."""
    dataset = dcmread(BytesIO(behaviour._probe("1.2.840.10008.5.1.4.1.1.2")))

    assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert (dataset.Modality, dataset.PixelData) == ("CT", b"\1\2")
    assert len(dataset.ReferencedSeriesSequence[0]) > 300
    assert behaviour.behaviour_of(load_policy({"profile": "default"}, bytes(32)), bytes(32)) == behaviour.behaviour_of(
        load_policy({"profile": "default"}, bytes(32)), bytes(32)
    )


def test_a_folder_is_exported_without_what_only_archives_need(tmp_path: Path) -> None:
    """Until all is placed there is no pydicom, no client and no second process."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.dcm").write_bytes(instance())
    write_key(tmp_path / "key")
    program = (
        "import json, sys\n"
        "from dicomveil_proxy.command import main\n"
        "from dicomveil_proxy.jobs import closing\n"
        "heavy = {'pydicom', 'numpy', 'httpx', 'aiohttp', 'requests', 'PIL', 'sqlalchemy', 'dicomweb_client',\n"
        "         'multiprocessing.forkserver', 'multiprocessing.popen_forkserver'}\n"
        "describe = closing.describe\n"
        "def look(*arguments):\n"
        "    print(json.dumps(sorted(heavy & set(sys.modules))))\n"
        "    describe(*arguments)\n"
        "closing.describe = look\n"
        "sys.argv = ['dicomveil', 'export', '--origin', 'in', '--query', 'PatientID=PATIENT-*', '--to', 'out',\n"
        "            '--key-file', 'key', '--state', 'state']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0]) == []
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1
