"""Which original a pseudonym stands for, in memory and in a table."""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.translation.identity import IdentityMap, Kind, open_identity_map

STUDY = (Kind.STUDY, "2.25.1", "1.2.3")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a map's file will be."""
    return tmp_path / "identities.sqlite"


@pytest.fixture
def identities(path: Path) -> Iterator[IdentityMap]:
    """A map that remembers one entry in memory, so that the file is asked for the others."""
    identities = IdentityMap(path, recent_entries=1, busy_seconds=0.05)
    yield identities
    identities.close()


def test_what_was_remembered_is_known(identities: IdentityMap) -> None:
    """From memory, and from the file; by kind and pseudonym; the last one counts."""
    identities.record([(Kind.STUDY, "2.25.1", "1.2"), STUDY, (Kind.SERIES, "2.25.1", "1.2.4")])

    assert identities.recent(Kind.STUDY, "2.25.1") is None
    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    assert identities.recent(Kind.STUDY, "2.25.1") == "1.2.3"
    assert identities.original(Kind.SERIES, "2.25.1") == "1.2.4"
    assert identities.original(Kind.INSTANCE, "2.25.1") is None


def test_nothing_to_be_remembered(identities: IdentityMap) -> None:
    """What memory has already, by kind, pseudonym and original; what only the file has may be written again."""
    series = (Kind.SERIES, "2.25.1", "1.2.4")
    assert identities.knows([])
    assert not identities.knows([STUDY])
    identities.record([STUDY])

    assert identities.knows([STUDY])
    assert not identities.knows([STUDY, series])
    assert not identities.knows([(Kind.STUDY, "2.25.1", "1.2.9")])
    identities.record([series])
    assert not identities.knows([STUDY])


def test_an_original_can_change(identities: IdentityMap) -> None:
    """The origin server may come to hold a study under another UID."""
    identities.record([STUDY])
    identities.record([(Kind.STUDY, "2.25.1", "2.25.1"), (Kind.STUDY, "2.25.2", "1.2.5")])

    assert identities.original(Kind.STUDY, "2.25.1") == "2.25.1"


def test_what_is_wrong_is_forgotten(path: Path, identities: IdentityMap) -> None:
    """In memory and in the file, and only where nobody says otherwise by now."""
    identities.record([STUDY])
    second = IdentityMap(path)
    second.record([(Kind.SERIES, "2.25.1", "1.2.4")])
    identities.forget([STUDY, (Kind.SERIES, "2.25.1", "1.2.9")])

    assert identities.original(Kind.STUDY, "2.25.1") is None
    assert identities.original(Kind.SERIES, "2.25.1") == "1.2.4"
    second.close()


def test_projects_do_not_meet(path: Path, identities: IdentityMap) -> None:
    """One project's pseudonym means nothing in another, even in the same file."""
    identities.record([STUDY])
    other = IdentityMap(path, project="other")
    assert other.original(Kind.STUDY, "2.25.1") is None

    other.record([(Kind.STUDY, "2.25.1", "1.2.9")])
    other.close()
    identities.record([(Kind.STUDY, "2.25.2", "1.2.4")])

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_memory_waits_for_nobody(path: Path, identities: IdentityMap) -> None:
    """While another thread waits for the file, what is in memory is told at once."""
    identities.record([STUDY])
    is_writing, may_write = threading.Event(), threading.Event()

    class Slow:
        def write(self, rows: object) -> None:
            is_writing.set()
            may_write.wait(10)

    fast, identities._table = identities._table, Slow()  # type: ignore[assignment]
    writer = threading.Thread(target=identities.record, args=([(Kind.STUDY, "2.25.1", "1.2.9")],))
    writer.start()
    is_writing.wait(10)
    assert identities.recent(Kind.STUDY, "2.25.1") == "1.2.9"
    may_write.set()
    writer.join()
    identities._table = fast


def test_without_a_table_memory_remembers(identities: IdentityMap) -> None:
    """What cannot be written is remembered, or forgotten, by this process all the same."""
    identities.close()
    with pytest.raises(StateUnavailable):
        identities.record([STUDY])
    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    with pytest.raises(StateUnavailable):
        identities.forget([STUDY])

    assert identities.recent(Kind.STUDY, "2.25.1") is None


def test_opened_in_a_folder(tmp_path: Path) -> None:
    """The folder is made, and is its owner's alone."""
    open_identity_map(tmp_path / "new" / "state").close()

    assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "state" / "identity.sqlite").exists()


def test_the_setting(tmp_path: Path) -> None:
    """docs/configuration.md: a database's URL stays as it is written, and is not shown; all else is a folder."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    (sample,) = re.findall(
        r"```toml\n(.*?)```", page.partition("## State")[2].partition("## The process")[0], re.DOTALL
    )
    file = tmp_path / "dicomveil.toml"
    file.write_text(sample)
    given = {"origin": "http://origin.test", "key_file": "key"}

    assert load_settings(file, **given).state == tomllib.loads(sample)["state"]
    assert "database.example.org" not in repr(load_settings(file, **given))
    assert load_settings(file, state="Doe", **given).state == Path("Doe")


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    """The message names the setting, and neither folder nor address, user or password."""
    (tmp_path / "Doe").write_text("a file")
    with pytest.raises(ConfigurationError) as folder:
        open_identity_map(tmp_path / "Doe")
    with pytest.raises(ConfigurationError) as database:
        open_identity_map("postgresql://Doe:Jane@127.0.0.1:1/Doe")

    assert str(folder.value) == "state: the folder cannot be created or written; name a writable one"
    assert str(database.value) == (
        "state: the identity map cannot be used (OperationalError); check that the database exists, that address and "
        "password are right, and that this user may create tables in it"
    )
