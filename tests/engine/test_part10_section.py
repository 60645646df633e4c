"""What changes in a stretch of a data set."""

from __future__ import annotations

from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE
from dicomveil_engine.part10.section import Section

U32 = EXPLICIT_LITTLE.u32
BUFFER = b"0123456789"


def write(section: Section, buffer: bytes = BUFFER, results: dict[str, bytes] | None = None) -> bytes:
    return bytes(section.write(buffer, len(buffer), lambda: results))  # type: ignore[arg-type, return-value]


def test_nothing_changes() -> None:
    """The buffer, as it is."""
    assert write(Section()) == BUFFER


def test_replace_and_remove() -> None:
    """Runs that are kept, with replacements between them; neighbours that go, go together."""
    section = Section()
    section.leave_out(BUFFER, 0, 1, b"")
    section.replace(BUFFER, 2, 4, b"AB")
    section.leave_out(BUFFER, 4, 5, b"")
    section.leave_out(BUFFER, 6, 7, b"")

    assert write(section) == b"1AB5789"


def test_hold_and_fill() -> None:
    """A held place is empty until it is filled."""
    section = Section()
    place = section.hold(BUFFER, 2, 4)
    other = section.hold(BUFFER, 5, 6)
    section.fill(other, b"X")

    assert place != other
    assert write(section) == b"014X6789"


def test_pending() -> None:
    """What had to wait is asked for when the section is written."""
    section = Section()
    place = section.hold(BUFFER, 2, 4)
    section.pending.append((place, "later"))  # type: ignore[arg-type]

    assert write(section, results={"later": b"..."}) == b"01...456789"


def test_lengths_follow() -> None:
    """A length says how many bytes its content has after all changes in it."""
    buffer = b"LLLL" + b"abcdefgh" + b"tail"
    section = Section()
    section.replace(buffer, 6, 8, b"")
    section.replace(buffer, 9, 9, b"+++++")
    section.note_length(U32, 0, 0, 4, 12)

    assert write(section, buffer) == U32.pack(11) + b"abef"[:2] + b"e+++++fgh" + b"tail"


def test_roll_back() -> None:
    """What was collected since is as if it had never been."""
    section = Section()
    section.leave_out(BUFFER, 1, 2, b"")
    checkpoint = section.checkpoint()
    section.replace(BUFFER, 5, 6, b"X")
    section.note_length(U32, 0, 0, 1, 4)
    section.roll_back(checkpoint)

    assert write(section) == b"023456789"


def test_written_section_is_empty() -> None:
    """A section is used again for what follows."""
    section = Section()
    section.leave_out(BUFFER, 1, 2, b"")
    write(section)
    section.start = 0

    assert write(section, b"next") == b"next"


def test_the_outcome_of_an_insertion() -> None:
    """What is added at the very beginning changes the result, though nothing is left out."""
    section = Section()
    before = section.checkpoint()
    section.replace(BUFFER, 0, 0, b"AB")

    assert section.outcome(before, section.checkpoint(), BUFFER, 0, 4) == b"AB0123"


def test_changes() -> None:
    """What was replaced between two checkpoints, and by what; of adjacent ranges, the second extends the first."""
    section = Section()
    section.replace(BUFFER, 0, 1, b"before")
    since = section.checkpoint()
    section.replace(BUFFER, 2, 4, b"AB")
    section.leave_out(BUFFER, 4, 5, b"")
    section.replace(BUFFER, 7, 7, b"C")
    until = section.checkpoint()
    section.replace(BUFFER, 8, 9, b"after")

    assert list(section.changes(since, until, 1)) == [(1, 4, b"AB"), (6, 6, b"C")]
    assert not list(section.changes(since, since, 1))
