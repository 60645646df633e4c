"""Which original a pseudonym stands for."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from dicomveil_proxy.errors import Busy, OriginTimeout, StateUnavailable
from dicomveil_proxy.identity import Identity, IdentityMap, Kind, Resolver

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
    identities.remember([(Kind.STUDY, "2.25.1", "1.2"), STUDY, (Kind.SERIES, "2.25.1", "1.2.4")])

    assert identities.recent(Kind.STUDY, "2.25.1") is None
    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    assert identities.recent(Kind.STUDY, "2.25.1") == "1.2.3"
    assert identities.original(Kind.SERIES, "2.25.1") == "1.2.4"
    assert identities.original(Kind.INSTANCE, "2.25.1") is None


def test_an_original_can_change(identities: IdentityMap) -> None:
    """The origin server may come to hold a study under another UID."""
    identities.remember([STUDY])
    identities.remember([(Kind.STUDY, "2.25.1", "2.25.1"), (Kind.STUDY, "2.25.2", "1.2.5")])

    assert identities.original(Kind.STUDY, "2.25.1") == "2.25.1"


def test_it_outlives_the_process(path: Path, identities: IdentityMap) -> None:
    """A second map over the same file knows what the first remembered, while both are open."""
    identities.remember([STUDY])
    second = IdentityMap(path)

    assert second.original(Kind.STUDY, "2.25.1") == "1.2.3"
    second.close()


def test_other_processes_may_write(path: Path, identities: IdentityMap) -> None:
    """Workers share the file."""
    program = (
        "import sys; from pathlib import Path; from dicomveil_proxy.identity import *;"
        "i = IdentityMap(Path(sys.argv[1])); i.remember([(Kind.STUDY, '2.25.1', '1.2.3')]); i.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_it_is_its_owners_alone(path: Path, identities: IdentityMap) -> None:
    """Every file that can hold an original has mode 0600, even where it was laxer."""
    identities.remember([STUDY])
    path.chmod(0o644)
    IdentityMap(path).close()

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_threads_share_it(identities: IdentityMap) -> None:
    """Threads that write and read at once lose nothing."""

    def work(number: int) -> None:
        for entry in range(20):
            identities.remember([(Kind.INSTANCE, f"2.25.{number}{entry:02}", f"1.2.{number}.{entry}")])
            assert identities.original(Kind.INSTANCE, f"2.25.{number}{entry:02}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert identities.original(Kind.INSTANCE, "2.25.319") == "1.2.3.19"
    assert identities.original(Kind.INSTANCE, "2.25.000") == "1.2.0.0"


@pytest.mark.parametrize("content", [b"Doe^Jane" * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_broken_file_is_made_anew(path: Path, content: bytes) -> None:
    """It is a cache: it starts empty, works, and says so without a value."""
    path.write_bytes(content)
    warnings: list[str] = []
    identities = IdentityMap(path, warn=warnings.append)
    identities.remember([STUDY])
    identities.close()
    again = IdentityMap(path, warn=warnings.append)

    assert warnings == ["the identity map could not be read and was made anew"]
    assert again.original(Kind.STUDY, "2.25.1") == "1.2.3"
    again.close()


def test_a_file_of_another_schema_is_made_anew(path: Path) -> None:
    """An older or newer version's cache is not guessed at."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    identities = IdentityMap(path)
    identities.remember([STUDY])

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    identities.close()


def test_a_file_that_breaks_in_use_is_made_anew(path: Path) -> None:
    """Who finds it broken makes a new one and goes on; who finds it later takes that one."""
    warnings: list[str] = []
    writer, first, second = (IdentityMap(path, warn=warnings.append) for _ in range(3))
    writer.remember([(Kind.STUDY, f"2.25.{number}", f"1.2.{number}") for number in range(2_000)])
    writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))

    assert first.original(Kind.STUDY, "2.25.5") is None
    first.remember([STUDY])
    assert second.original(Kind.STUDY, "2.25.1") == "1.2.3"
    assert warnings == ["the identity map could not be read and was made anew"]
    for each in (writer, first, second):
        each.close()


def test_a_locked_file_is_a_typed_error(path: Path, identities: IdentityMap) -> None:
    """The write is refused after the time given, names no value, and memory has it all the same."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateUnavailable, match=r"^the identity map cannot be used \(SQLITE_BUSY\)$"):
        identities.remember([STUDY])
    other.close()

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_a_full_disk_is_a_typed_error(identities: IdentityMap) -> None:
    """The write is refused, what was there stays, and later writes succeed."""
    identities.remember([STUDY])
    pages = identities._connection.execute("PRAGMA page_count").fetchone()[0]
    identities._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateUnavailable, match="SQLITE_FULL"):
        identities.remember([(Kind.SERIES, f"2.25.{number}", "1.2") for number in range(1_000)])
    identities._connection.execute("PRAGMA max_page_count = 100000")

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    identities.remember([(Kind.SERIES, "2.25.7", "1.2.7")])


def test_a_file_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    """The message does not tell where it would be."""
    with pytest.raises(StateUnavailable) as failure:
        IdentityMap(tmp_path / "absent" / "map")

    assert str(failure.value) == "the identity map cannot be used (FileNotFoundError)"


def test_a_closed_map_is_a_typed_error(path: Path) -> None:
    """No library's error gets out."""
    identities = IdentityMap(path)
    identities.close()
    with pytest.raises(StateUnavailable, match="closed"):
        identities.original(Kind.STUDY, "2.25.1")


class Origin:
    """An origin server that can be asked for identities, counts how often, and waits until it may answer."""

    def __init__(self, *answer: Identity) -> None:
        self.answer = answer
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self) -> Iterable[Identity]:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return self.answer


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_miss_asks_the_origin_once(identities: IdentityMap) -> None:
    """Many at once share one heal; afterwards the map knows."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(STUDY)
        found = await asyncio.gather(*(resolver.resolve(Kind.STUDY, "2.25.1", origin) for _ in range(20)))
        assert found == ["1.2.3"] * 20
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) == "1.2.3"
        assert origin.asked == 1

    asyncio.run(scene())
    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_questions_of_one_key_share_a_heal(identities: IdentityMap) -> None:
    """One listing of the origin server answers for all its studies."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(STUDY, (Kind.STUDY, "2.25.2", "1.2.4"))
        found = await asyncio.gather(
            *(resolver.resolve(Kind.STUDY, f"2.25.{number}", origin, "all studies") for number in (1, 2, 3))
        )
        assert found == ["1.2.3", "1.2.4", None]
        assert origin.asked == 1

    asyncio.run(scene())


def test_absence_is_remembered_for_a_while(identities: IdentityMap) -> None:
    """Not asked again within the time, unless the map has learnt it meanwhile; asked again afterwards."""

    async def scene() -> None:
        clock, origin = Clock(), Origin()
        resolver = Resolver(identities, clock=clock, negative_seconds=30)
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) is None
        clock.now = 29.9
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) is None
        assert origin.asked == 1
        clock.now = 30
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) is None
        assert origin.asked == 2
        identities.remember([STUDY])
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) == "1.2.3"
        assert origin.asked == 2

    asyncio.run(scene())


def test_absences_are_bounded(identities: IdentityMap) -> None:
    """The oldest is forgotten first."""

    async def scene() -> None:
        resolver, origin = Resolver(identities, clock=Clock(), negative_entries=2), Origin()
        for number in (1, 2, 3, 3, 2, 1):
            await resolver.resolve(Kind.STUDY, f"2.25.{number}", origin)
        assert origin.asked == 4

    asyncio.run(scene())


def test_who_goes_away_does_not_stop_the_others(identities: IdentityMap) -> None:
    """A user agent that disconnects takes its request with it, and not the heal."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(STUDY)
        origin.may_answer.clear()
        first, second = (asyncio.create_task(resolver.resolve(Kind.STUDY, "2.25.1", origin)) for _ in range(2))
        await origin.was_asked.wait()
        first.cancel()
        await asyncio.sleep(0)
        origin.may_answer.set()
        assert await second == "1.2.3"
        assert first.cancelled()
        assert origin.asked == 1

    asyncio.run(scene())


def test_heals_are_bounded(identities: IdentityMap) -> None:
    """Few at a time, some in the queue, and the rest is told to come back."""

    async def scene() -> None:
        origin = Origin()
        origin.may_answer.clear()
        resolver = Resolver(identities, concurrent_heals=1, waiting_heals=2)
        waiting = [asyncio.create_task(resolver.resolve(Kind.STUDY, f"2.25.{number}", origin)) for number in (1, 2)]
        while len(resolver._flights) < 2:  # noqa: ASYNC110 - the second waits, and tells nobody
            await asyncio.sleep(0.001)
        assert origin.asked == 1
        with pytest.raises(Busy):
            await resolver.resolve(Kind.STUDY, "2.25.3", origin)
        origin.may_answer.set()
        assert await asyncio.gather(*waiting) == [None, None]
        assert origin.asked == 2

    asyncio.run(scene())


def test_a_failed_heal_fails_for_all_and_is_no_answer(identities: IdentityMap) -> None:
    """The origin server's failure is told as it is, and the next question asks again."""

    async def scene() -> None:
        async def fails() -> Iterable[Identity]:
            raise OriginTimeout("the origin server took too long")

        resolver = Resolver(identities)
        outcomes = await asyncio.gather(
            *(resolver.resolve(Kind.STUDY, "2.25.1", fails) for _ in range(2)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [OriginTimeout, OriginTimeout]
        assert await resolver.resolve(Kind.STUDY, "2.25.1", Origin(STUDY)) == "1.2.3"

    asyncio.run(scene())


def test_it_works_without_a_disk(path: Path) -> None:
    """The map is a cache: when its file cannot be used, the origin server is asked, and somebody is told."""

    async def scene() -> None:
        warnings: list[str] = []
        identities = IdentityMap(path)
        identities.close()
        resolver = Resolver(identities, warn=warnings.append)
        assert await resolver.resolve(Kind.STUDY, "2.25.1", Origin(STUDY)) == "1.2.3"
        assert warnings == ["the identity map cannot be used (closed)"] * 2

    asyncio.run(scene())
