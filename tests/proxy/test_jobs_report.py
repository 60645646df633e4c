"""What is told of a run."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from dicomveil_proxy.jobs import Event, Outcome, Status
from dicomveil_proxy.jobs.report import Progress, Report

WRITTEN = Event("a/1", "b/2", Outcome(Status.WRITTEN, "", 12))
FAILED = Event("=1", "b/3", Outcome(Status.FAILED, "it is broken"))


class Terminal(io.StringIO):
    """What a person would sit before."""

    def isatty(self) -> bool:
        return True


def test_a_report_is_json_lines(tmp_path: Path) -> None:
    """One object for each file; an output only where there is one."""
    with Report(tmp_path / "report") as report:
        report.add(WRITTEN, "a/1")
        report.add(FAILED, "=1")

    assert [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()] == [
        {"file": "a/1", "output": "b/2", "status": "written", "reason": "", "bytes": 12},
        {"file": "=1", "output": "", "status": "failed", "reason": "it is broken", "bytes": 0},
    ]


def test_a_report_is_a_table_if_its_name_says_so(tmp_path: Path) -> None:
    """In which no spreadsheet finds a formula."""
    with Report(tmp_path / "report.CSV") as report:
        report.add(WRITTEN, "a/1")
        report.add(FAILED, "=1")

    assert (tmp_path / "report.CSV").read_text().splitlines() == [
        "file,output,status,reason,bytes",
        "a/1,b/2,written,,12",
        "'=1,,failed,it is broken,0",
    ]


def test_progress_is_for_terminals() -> None:
    """A log gets only what stays."""
    stream, terminal = io.StringIO(), Terminal()
    for each in (stream, terminal):
        progress = Progress(each)
        progress._shown -= 1
        progress.add(Status.WRITTEN)
        progress.note("failed: x")
        progress.end()

    assert stream.getvalue() == "failed: x\n"
    assert terminal.getvalue().startswith("\r1 de-identified, ")
    assert terminal.getvalue().endswith("\rfailed: x\n\r\r")


def test_counts_are_told_in_words() -> None:
    """What there is none of is not told, but for what was done."""
    progress = Progress(io.StringIO())
    assert progress.described() == "0 de-identified"

    for status, count in ((Status.WRITTEN, 1_000), (Status.UNCHANGED, 2), (Status.FAILED, 1), (Status.SKIPPED, 3)):
        for _ in range(count):
            progress.add(status)

    assert progress.described() == "1,000 de-identified, 2 done before, 1 failed, 3 skipped"


def test_no_name_of_a_file_begins_a_row(tmp_path: Path) -> None:
    """Nor a formula behind a tab; and bytes that are no text do not end the run."""
    with Report(tmp_path / "report.csv") as report:
        report.add(WRITTEN, "\t=1")
        report.add(WRITTEN, "a\rb,c")
        report.add(WRITTEN, "\udcff")

    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["file", "'\t=1", "a\rb,c", r"\udcff"]
