"""Pages of a search's results come to an end, whatever the origin server does with limit and offset."""

from __future__ import annotations

from typing import Any

import pytest

from dicomveil_proxy.errors import OriginMalformed, OriginTimeout
from dicomveil_proxy.origin.pages import pages, unique
from dicomveil_proxy.request.query import Level
from proxy.fakes import MemoryOrigin, instance

pytestmark = pytest.mark.anyio


class Deaf(MemoryOrigin):
    """An origin server that does not know some parameters."""

    def __init__(self, *unknown: str) -> None:
        super().__init__(*(instance("1.2.3.1", "1.2.3.1.1", f"1.2.3.1.1.{n}", pixels=None) for n in range(1, 6)))
        self.unknown = unknown

    async def search(self, *args: Any, limit: int, offset: int) -> list[dict[str, Any]]:
        """Without what it does not know."""
        return await super().search(
            *args, limit=0 if "limit" in self.unknown else limit, offset=0 if "offset" in self.unknown else offset
        )


async def sizes(origin: MemoryOrigin, size: int, **options: Any) -> list[int]:
    """How long the pages are."""
    return [len(page) async for page in pages(origin, Level.INSTANCES, None, None, [], size=size, **options)]


@pytest.mark.parametrize(("size", "expected"), [(2, [2, 2, 1]), (5, [5, 0]), (9, [5])])
async def test_everything_once(size: int, expected: list[int]) -> None:
    """A short page is the last."""
    assert await sizes(Deaf(), size) == expected


async def test_a_server_that_gives_all_at_once() -> None:
    """A longer page than was asked for holds everything."""
    assert await sizes(Deaf("limit", "offset"), 2) == [5]


async def test_a_server_that_repeats_itself() -> None:
    """What cannot be shown whole is refused, not shown in part nor asked for ever."""
    with pytest.raises(OriginMalformed, match="does not support the parameter offset"):
        await sizes(Deaf("offset"), 2)


async def test_from_a_place_on() -> None:
    """Whoever knows where to begin, begins there; a server that gives everything is cut there."""
    assert await sizes(Deaf(), 2, start=3) == [2, 0]
    assert await sizes(Deaf("limit", "offset"), 2, start=3) == [2]


async def test_a_place_that_the_server_does_not_go_to() -> None:
    """It begins again with what is known to stand before."""
    (first, *_) = await Deaf().search(Level.INSTANCES, None, None, [], limit=1, offset=0)

    with pytest.raises(OriginMalformed, match="does not support the parameter offset"):
        await sizes(Deaf("offset"), 2, start=2, before=unique(first))


async def test_pages_that_are_asked_for_ahead() -> None:
    """The same pages, in their order; what nobody waits for any more is called back."""
    origin = Deaf()
    assert await sizes(origin, 2, ahead=2) == [2, 2, 1]

    results = pages(origin, Level.INSTANCES, None, None, [], size=1, ahead=2)
    assert len(await anext(results)) == 1
    await results.aclose()

    origin.failures["search"] = OriginTimeout("the origin server took too long")
    with pytest.raises(OriginTimeout):
        await sizes(origin, 2, ahead=2)


async def test_no_page_is_requested_in_advance() -> None:
    """Unless the caller says that it reads all of them."""
    origin = Deaf()
    results = pages(origin, Level.INSTANCES, None, None, [], size=2)
    await anext(results)
    await results.aclose()

    assert len(origin.asked) == 1
