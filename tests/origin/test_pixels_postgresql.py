"""Boxes in the PostgreSQL database of a state: shared by replicas, bounded, without a picture or a UID."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_proxy.pixels.processes import PixelProcesses
from dicomveil_proxy.pixels.records import BoxRecords
from dicomveil_proxy.pixels.records_postgresql import PostgreSQLBoxes
from dicomveil_proxy.translation.identity.postgresql import database_engine
from engine.pixel_instances import instance, written
from origin.postgresql import PostgreSQL
from proxy.fakes import SERIES, STUDY, MemoryOrigin, proxy

RECORD = {"boxes": {"every": [[1, 2, 3, 4]]}, "syntax": "1.2.840.10008.1.2.1", "witness": "ab"}
INSTANCE = f"{SERIES}.1"


def table(url: str, project: str = "", most: int = 1000, **clock: object) -> PostgreSQLBoxes:
    """The rows of a project."""
    return PostgreSQLBoxes(database_engine(url), project, most, **clock)  # type: ignore[arg-type]


def rows(url: str) -> list[tuple[str, bytes, str]]:
    """All that the database holds."""
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute("SELECT project, digest, record FROM pixel_boxes ORDER BY project, digest").fetchall()


def test_replicas_share_them(postgresql: PostgreSQL) -> None:
    """What one has found the other knows; another project does not; the last write counts."""
    url = postgresql.make("boxes_shared")
    one, two, other = BoxRecords(table(url)), BoxRecords(table(url)), BoxRecords(table(url, "lung"))
    one.put(b"\0digest", RECORD)
    found = two.get(b"\0digest")
    unknown = other.get(b"\0digest"), two.get(b"another")
    one.put(b"\0digest", RECORD | {"witness": "cd"})
    fresh = BoxRecords(table(url))
    again = fresh.get(b"\0digest")
    for each in (one, two, other, fresh):
        each.close()

    assert (found, unknown) == (RECORD, (None, None))
    assert again is not None
    assert again["witness"] == "cd"


def test_rows_are_bounded(postgresql: PostgreSQL) -> None:
    """Those of a project; the others keep theirs."""
    url = postgresql.make("boxes_bounded")
    kept, many = BoxRecords(table(url, "lung", 1)), BoxRecords(table(url, "", 10))
    kept.put(b"kept", RECORD)
    for number in range(260):
        many.put(number.to_bytes(4, "big"), RECORD)
    kept.close()
    many.close()
    found = [project for project, _, _ in rows(url)]

    assert found.count("lung") == 1
    assert found.count("") <= 10 + 3


def test_a_database_that_is_gone(postgresql: PostgreSQL) -> None:
    """Records in memory are still found; nothing is raised."""
    now = [0.0]
    url = postgresql.make("boxes_gone")
    records = BoxRecords(table(url, clock=lambda: now[0]))
    records.put(b"1", RECORD)
    broken = BoxRecords(table(postgresql.url("boxes_gone", password="wrong"), clock=lambda: now[0]))
    broken.put(b"1", RECORD)

    fresh = BoxRecords(table(url))
    found = broken.get(b"1"), broken.get(b"2"), fresh.get(b"1")
    for each in (records, broken, fresh):
        each.close()

    assert found == (RECORD, None, RECORD)


@pytest.mark.anyio
async def test_the_proxy_looks_once(postgresql: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replicas one after the other: the second looks at nothing, and what is kept holds no UID and no pixel."""
    sources: list[Path] = []

    def boxes(_: PixelProcesses, source: Path, *__: object) -> Boxes:
        sources.append(source)
        return Boxes((Box(0, 0, 8, 4),))

    monkeypatch.setattr(PixelProcesses, "boxes", boxes)
    url = postgresql.make("boxes_proxy")
    uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": INSTANCE}
    origin = MemoryOrigin(instance([written()], **uids))
    answers = []
    for replica in ("one", "two"):
        (tmp_path / replica).mkdir()
        profile = {"profile": "default", "pixels": "clean"}
        async with proxy(tmp_path / replica, origin, profile=profile, state=url) as ask:
            answers.append(await ask.get(ask.path(STUDY, SERIES, INSTANCE), "application/dicom"))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert len(sources) == 1
    [(project, digest, record)] = rows(url)
    assert (project, len(digest) >= 16) == ("", True)
    assert not any(uid in record for uid in (STUDY, SERIES, INSTANCE))
    assert len(record) < 300
