"""The report of an export: the outcome of each study, with its pseudonym and its row in the list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from dicomveil_proxy.jobs.ledger import StudyRow
from dicomveil_proxy.jobs.tables import write_csv
from dicomveil_proxy.wire import unfinished

COLUMNS = ("row", "StudyInstanceUID", "status", "expected", "placed", "reason")


class StudyStatus(Enum):
    """The outcome of a study."""

    EXPORTED = "exported"
    """Complete, with instances placed by this run."""
    UNCHANGED = "unchanged"
    """Complete since an earlier run."""
    INCOMPLETE = "incomplete"
    """Some of its instances are missing."""
    FAILED = "failed"
    """None of its instances is placed."""
    NOT_FOUND = "not-found"
    """No study in the archive matches the row."""


_TWIN = "another selected study has the same pseudonyms: one of them is a de-identified copy of the other; select one"
IS_WHOLE = frozenset((StudyStatus.EXPORTED, StudyStatus.UNCHANGED))


def status_of(row: StudyRow) -> StudyStatus:
    """The outcome of the row's study."""
    if not row.original or not row.units:
        return StudyStatus.NOT_FOUND
    if row.done == row.units:
        return StudyStatus.EXPORTED if row.fresh else StudyStatus.UNCHANGED
    return StudyStatus.INCOMPLETE if row.placed else StudyStatus.FAILED


def reason_of(row: StudyRow) -> str:
    """Why the study is not complete; empty if it is."""
    status = status_of(row)
    if status is StudyStatus.NOT_FOUND:
        if row.original and not row.pseudonym:
            return _TWIN
        return "none of its series was selected" if row.original else "nothing in the archive matches the row"
    return "" if status in IS_WHOLE else row.reason or "not started"


def report_rows(rows: Iterable[StudyRow]) -> Iterator[tuple[object, ...]]:
    """The rows of the report."""
    for row in rows:
        line = row.line or ""
        yield line, row.pseudonym, status_of(row).value, row.expected, row.placed, reason_of(row)


def write_report(path: Path, rows: Iterable[StudyRow]) -> None:
    """Write the report as CSV, or as JSON lines if its name ends in .jsonl. Raises OSError."""
    with (
        unfinished.whole(path) as part,
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        if path.suffix.lower() == ".jsonl":
            for row in report_rows(rows):
                file.write(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n")
        else:
            write_csv(file, COLUMNS, report_rows(rows))
