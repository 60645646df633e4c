"""How far searches have got is remembered, for some time and some queries."""

from __future__ import annotations

from dicomveil_proxy.origin.cursors import BEGINNING, Cursor, Cursors


class Clock:
    """Time as the test wants it."""

    now = 0.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


def test_the_nearest_place_before() -> None:
    """Never one behind what is asked for, and none of another query."""
    cursors = Cursors()
    near, far = Cursor(10, 0, 25), Cursor(30, 1, 5)
    for cursor in (far, near):
        cursors.note("query", cursor)

    assert [cursors.nearest("query", offset) for offset in (0, 9, 10, 29, 30, 99)] == [
        *(BEGINNING, BEGINNING, near, near, far, far)
    ]
    assert cursors.nearest("other", 99) == BEGINNING


def test_the_last_word_holds() -> None:
    """Of two places with as many matches before them, the later one skips more."""
    cursors = Cursors()
    for offset in (20, 40):
        cursors.note("query", Cursor(10, 0, offset))

    assert cursors.nearest("query", 10).offset == 40


def test_places_grow_old() -> None:
    """What has been added to the archive since must be found some time."""
    clock = Clock()
    cursors = Cursors(seconds=5, clock=clock)
    cursors.note("query", Cursor(10, 0, 10))
    clock.now = 4
    cursors.note("query", Cursor(20, 0, 20))
    assert cursors.nearest("query", 20).seen == 20

    clock.now = 6
    assert cursors.nearest("query", 20) == BEGINNING


def test_memory_is_bounded() -> None:
    """Of many places every second one stays, the last one too; of many queries the latest."""
    cursors = Cursors(queries=2, places=4)
    for query in "abc":
        for seen in range(1, 8):
            cursors.note(query, Cursor(seen, 0, seen))

    assert cursors.nearest("a", 99) == BEGINNING
    assert cursors.nearest("c", 99).seen == 7
    assert len({cursors.nearest("c", offset) for offset in range(1, 8)}) <= 4 + 1


def test_no_repr_holds_what_an_archive_has() -> None:
    """A cursor may be printed while somebody looks for a bug."""
    assert "PATIENT" not in repr(Cursor(before=("1.2.3", "PATIENT-1")))
