"""Progress on a terminal, seen through a pseudo-terminal: one line with how far, how fast, how long, what failed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from dicomveil_proxy.command.keygen import write_key
from proxy.exporting import fill

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LARGE = """
import sys, time
from dicomveil_proxy.jobs.watchers import watcher
from dicomveil_proxy.jobs.series import Failure, PlacedInstance, SeriesOutcome
bars = watcher("auto", sys.stderr)
bars.planning(4000, 9000)
bars.begin(10000, 0, 0)
placed = (PlacedInstance("p", "1", "1", 50, ""),) * 50_000
for number in range(24):
    bars.advance(SeriesOutcome(50_000, placed), is_last=True)
    bars.advance(SeriesOutcome(failure=Failure("archive", "it is gone")), is_last=True)
    time.sleep(0.02)
bars.note("a note")
time.sleep(0.3)
bars.end()
"""


def shown(columns: int, *command: str) -> list[str]:
    """The lines that a command draws on a terminal of so many columns, as they come."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")} | {"TERM": "xterm"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    drawn, ends = b"", time.monotonic() + 120
    while time.monotonic() < ends:
        try:
            data = os.read(ours, 65_536)
        except OSError:  # Linux says so at the end
            break
        if not data:
            break
        drawn += data
    os.close(ours)
    assert process.wait(10) == 0, drawn
    lines = (_CONTROL.sub("", line) for line in re.split(r"[\r\n]+", drawn.decode()))
    return [line for line in lines if line.strip()]


@pytest.mark.parametrize("columns", [80, 120])
def test_large_numbers_stay_on_one_line(columns: int) -> None:
    """Series, instances, rate, failures and the time left; a note stands above."""
    lines = shown(columns, sys.executable, "-c", _LARGE)
    bars = [line for line in lines if line.startswith("series")]

    assert all(len(line) <= columns for line in lines)
    assert {line.split(" ")[0] for line in lines} <= {"planning", "series", "a"}
    assert re.search(
        r" 48/10000 1,200,000 instances, [0-9,.]+ MB/s, 24 failed .*[0-9]:[0-9]{2}:[0-9]{2} left", bars[-1]
    )
    assert "a note" in [line.strip() for line in lines]


def test_an_export_on_a_terminal(tmp_path: Path) -> None:
    """A bar until it has ended, and then the sum alone."""
    fill(tmp_path / "in", studies=2, series=2, instances=2)
    write_key(tmp_path / "key")
    ours = (sys.executable, "-m", "dicomveil_proxy")
    given = f"--origin {tmp_path}/in --key-file {tmp_path}/key --query PatientID=PATIENT-* --to {tmp_path}/out"
    lines = shown(80, *ours, "export", *given.split(), "--state", f"{tmp_path}/state", "--jobs", "1")

    assert any(re.match(r"series .* 4/4 +8 instances, [0-9.]+ MB/s", line) for line in lines)
    assert lines[-1] == "studies: 2 exported; instances placed: 8"
    assert all(len(line) <= 80 for line in lines)


def test_anonymize_on_a_terminal(tmp_path: Path) -> None:
    """A line that is drawn again, and what failed above it."""
    fill(tmp_path / "in", studies=1, series=1, instances=2)
    write_key(tmp_path / "key")
    ours = (sys.executable, "-m", "dicomveil_proxy")
    lines = shown(
        80, *ours, "anonymize", "-I", f"{tmp_path}/in", "-O", f"{tmp_path}/out", "--key-file", f"{tmp_path}/key"
    )

    assert any(re.match(r"[12] de-identified, [0-9]+ instances/s", line) for line in lines)
    assert lines[-1].strip() == "2 de-identified"
    assert all(len(line) <= 80 for line in lines)
