"""The resolver: the same answers however cold the map is, and few questions to the origin server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path

import pytest

from dicomveil_proxy.errors import Busy, OriginTimeout
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind
from dicomveil_proxy.translation.resolver import Resolver

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


class Origin:
    """An origin server that can be asked for identities, counts how often, and waits until it may answer.

    Each identity is a page of its own; before the second one it waits again, where it must.
    """

    def __init__(self, *answer: Identity) -> None:
        self.answer = answer
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self) -> AsyncGenerator[Iterable[Identity], None]:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        for identity in self.answer:
            yield [identity]
            await self.may_go_on.wait()


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_miss_asks_the_origin_once(identities: IdentityMap) -> None:
    """Many at once share one listing; afterwards the map knows."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(STUDY)
        found = await asyncio.gather(*(resolver.resolve(Kind.STUDY, "2.25.1", origin) for _ in range(20)))
        assert found == ["1.2.3"] * 20
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) == "1.2.3"
        assert origin.asked == 1

    asyncio.run(scene())
    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_questions_of_one_key_share_a_listing(identities: IdentityMap) -> None:
    """One listing of the origin server answers for all its studies."""

    async def scene() -> None:
        resolver = Resolver(identities, concurrent_listings=1)
        origin = Origin(STUDY, (Kind.STUDY, "2.25.2", "1.2.4"))
        async with resolver._turn:
            asking = [
                asyncio.create_task(resolver.resolve(Kind.STUDY, f"2.25.{number}", origin, "all studies"))
                for number in (1, 2, 3)
            ]
            flights = resolver._lookups
            while not flights or len(flights["all studies"]._answers) < 3:  # noqa: ASYNC110 - who joins tells nobody
                await asyncio.sleep(0.001)
        found = await asyncio.gather(*asking)
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
        identities.record([STUDY])
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) == "1.2.3"
        assert origin.asked == 2

    asyncio.run(scene())


def test_absences_are_bounded(identities: IdentityMap) -> None:
    """The oldest is forgotten first."""

    async def scene() -> None:
        resolver, origin = Resolver(identities, clock=Clock(), negative_entries=2), Origin()
        asked = []
        for number in (1, 2, 3, 3, 2, 1):
            await resolver.resolve(Kind.STUDY, f"2.25.{number}", origin)
            asked.append(origin.asked)
        assert asked == [1, 2, 3, 3, 3, 4]

    asyncio.run(scene())


def test_who_goes_away_does_not_stop_the_others(identities: IdentityMap) -> None:
    """A user agent that disconnects takes its request with it, and not the listing."""

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


def test_listings_are_bounded(identities: IdentityMap) -> None:
    """Few at a time, some in the queue, and the rest is told to come back."""

    async def scene() -> None:
        origin = Origin()
        origin.may_answer.clear()
        resolver = Resolver(identities, concurrent_listings=1, waiting_listings=2)
        waiting = [asyncio.create_task(resolver.resolve(Kind.STUDY, f"2.25.{number}", origin)) for number in (1, 2)]
        await origin.was_asked.wait()
        while len(resolver._lookups) < 2:  # noqa: ASYNC110 - the second waits, and tells nobody
            await asyncio.sleep(0.001)
        assert origin.asked == 1
        with pytest.raises(Busy):
            await resolver.resolve(Kind.STUDY, "2.25.3", origin)
        origin.may_answer.set()
        assert await asyncio.gather(*waiting) == [None, None]
        assert origin.asked == 2

    asyncio.run(scene())


def test_a_failed_listing_fails_for_all_and_is_no_answer(identities: IdentityMap) -> None:
    """The origin server's failure is told as it is, and the next question asks again."""

    async def scene() -> None:
        async def fails() -> AsyncGenerator[Iterable[Identity], None]:
            raise OriginTimeout("the origin server took too long")
            yield []

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
        await resolver.forget([STUDY])
        assert warnings == ["the identity map cannot be used (closed)"] * 3

    asyncio.run(scene())


def test_who_is_found_early_does_not_wait(identities: IdentityMap) -> None:
    """A listing's first page answers while the second has not come; the listing goes on to its end."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(STUDY, (Kind.STUDY, "2.25.2", "1.2.4"))
        origin.may_go_on.clear()
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin, "all studies") == "1.2.3"
        late = asyncio.create_task(resolver.resolve(Kind.STUDY, "2.25.2", origin, "all studies"))
        origin.may_go_on.set()
        assert await late == "1.2.4"
        assert origin.asked == 1

    asyncio.run(scene())


def test_a_listing_that_began_before_the_question_proves_no_absence(identities: IdentityMap) -> None:
    """What came to the origin server behind a listing's back is found by the next, which all share who came late."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(STUDY)
        origin.may_go_on.clear()
        await resolver.resolve(Kind.STUDY, "2.25.1", origin, "all studies")
        origin.answer = (STUDY, (Kind.STUDY, "2.25.2", "1.2.4"))
        late = [
            asyncio.create_task(resolver.resolve(Kind.STUDY, f"2.25.{number}", origin, "all studies"))
            for number in (2, 2, 3, 3)
        ]
        await asyncio.sleep(0.05)
        origin.may_go_on.set()
        assert await asyncio.gather(*late) == ["1.2.4", "1.2.4", None, None]
        assert origin.asked == 2

    asyncio.run(scene())


def test_what_is_forgotten_is_asked_for(identities: IdentityMap) -> None:
    """The map's entry was wrong: the origin server is asked again, once."""

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin((Kind.STUDY, "2.25.1", "2.25.1"))
        identities.record([STUDY])
        await resolver.forget([STUDY])
        assert await resolver.known(Kind.STUDY, "2.25.1") is None
        assert await resolver.resolve(Kind.STUDY, "2.25.1", origin) == "2.25.1"
        assert origin.asked == 1

    asyncio.run(scene())


def test_an_original_on_a_page_that_has_passed_needs_no_second_listing(
    identities: IdentityMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that read the map before that page, and joins the listing after it, reads the map again."""
    read, listings = identities.original, 0
    reads, has_passed = threading.Event(), threading.Event()

    def slowly(kind: Kind, pseudonym: str) -> str | None:
        found = read(kind, pseudonym)
        if pseudonym == "2.25.1" and not has_passed.is_set():
            reads.set()
            has_passed.wait(30)
        return found

    async def scene() -> None:
        resolver = Resolver(identities)

        async def listing() -> AsyncGenerator[Iterable[Identity], None]:
            nonlocal listings
            listings += 1
            yield [STUDY]
            has_passed.set()
            while (Kind.STUDY, "2.25.1") not in resolver._lookups["all studies"]._answers:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            yield [(Kind.STUDY, "2.25.2", "1.2.4")]

        late = asyncio.create_task(resolver.resolve(Kind.STUDY, "2.25.1", listing, "all studies"))
        await asyncio.to_thread(reads.wait, 30)
        assert await resolver.resolve(Kind.STUDY, "2.25.2", listing, "all studies") == "1.2.4"
        assert await late == "1.2.3"
        assert listings == 1

    monkeypatch.setattr(identities, "original", slowly)
    asyncio.run(scene())


@pytest.mark.parametrize("answer", [(STUDY,), ()])
def test_a_listing_that_ended_while_the_map_was_read_is_not_repeated(
    identities: IdentityMap, monkeypatch: pytest.MonkeyPatch, answer: tuple[Identity, ...]
) -> None:
    """Its answer is used, also that there is no such study."""
    read, reads, may_return = identities.original, threading.Event(), threading.Event()

    def slowly_once(kind: Kind, pseudonym: str) -> str | None:
        found = read(kind, pseudonym)
        if not reads.is_set():
            reads.set()
            may_return.wait(30)
        return found

    async def scene() -> None:
        resolver, origin = Resolver(identities), Origin(*answer)
        first = asyncio.create_task(resolver.resolve(Kind.STUDY, "2.25.1", origin))
        await asyncio.to_thread(reads.wait, 30)
        expected = await resolver.resolve(Kind.STUDY, "2.25.1", origin)
        may_return.set()
        assert await first == expected == ("1.2.3" if answer else None)
        assert origin.asked == 1

    monkeypatch.setattr(identities, "original", slowly_once)
    asyncio.run(scene())
