"""What it takes to begin: one instance, a small folder, a server that is ready: `make bench`.

Start of the programs included, which is most of it. They run from bytecode, as installed programs do after their first
start: an environment that forbids to write it is not passed on, and the first turn of each does not count.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest

from bench import peers
from bench.figures import Figure, Figures, Measure
from bench.test_bench_anonymize import fill, launched
from dicomveil_proxy.command.keygen import write_key

INSTANCES = 600
_OURS = [sys.executable, "-m", "dicomveil_proxy"]
_READY = """
import subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
for line in process.stdout:
    if b"http://" in line:
        process.terminate()
        process.wait()
        sys.exit(0)
sys.exit(1)
"""
"""Ends a server when it says that it is ready."""


@pytest.fixture(autouse=True)
def with_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, to compile a program's modules is the most of its start, and it is not what users wait for."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


def in_turns(commands: dict[str, list[str]], folder: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Median wall and CPU seconds of command lines that write into `out`, which is removed after each.

    There is one round before those that count.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            status, seconds, cpu_seconds, _ = launched(command, folder)
            assert status == 0, f"{name} ended with {status}"
            assert (folder / "out").exists(), f"{name} wrote nothing"
            if (folder / "out").is_dir():
                shutil.rmtree(folder / "out")
            else:
                (folder / "out").unlink()
            if turn:
                taken[name].append((seconds, cpu_seconds))
    return {name: (median(w for w, _ in each), median(c for _, c in each)) for name, each in taken.items()}


@contextmanager
def a_busy_core() -> Iterator[None]:
    """Another process that never waits."""
    with subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_program_that_writes_nothing_is_noticed(tmp_path: Path) -> None:
    """One that is quick because it does nothing does not get into the table."""
    with pytest.raises(AssertionError, match="idle wrote nothing"):
        in_turns({"idle": ["true"]}, tmp_path, 1)


@pytest.mark.bench
def test_one_instance(figures: Figures, rounds: int, tmp_path: Path) -> None:
    """A single CT, from file to file."""
    write_key(tmp_path / "key")
    fill(tmp_path / "in", 1)
    (tmp_path / "in" / "0000000.dcm").rename(tmp_path / "one.dcm")
    commands = {"dicomveil": [*_OURS, "anonymize", "-i", "one.dcm", "-o", "out", "--key-file", "key"]}
    if importlib.util.find_spec("dicognito") is None:
        figures.note(peers.missing("dicognito"))
    else:
        commands["dicognito"] = [sys.executable, "-m", "dicognito", "--quiet", "one.dcm", "-o", "out"]
    ours, *theirs = in_turns(commands, tmp_path, rounds).items()
    for index, measure in enumerate((Measure.WALL, Measure.CPU)):
        others = {name: values[index] for name, values in theirs}
        figures.compare("anonymize one CT", measure, ours[1][index], others, dict.fromkeys(others, 1.0))


@pytest.mark.bench
def test_a_small_folder(figures: Figures, rounds: int, limited: Callable[[int], int], tmp_path: Path) -> None:
    """Some hundred CT with as many processes as the program takes by itself, beside one, and beside copying."""
    count = limited(INSTANCES)
    write_key(tmp_path / "key")
    fill(tmp_path / "in", count)
    folder = [*_OURS, "anonymize", "-I", "in", "-O", "out", "--key-file", "key"]
    commands = {"dicomveil": folder, "--jobs 1": [*folder, "--jobs", "1"], "cp -r": ["cp", "-r", "in", "out"]}
    ours, *theirs = in_turns(commands, tmp_path, rounds).items()
    others = {name: values[0] for name, values in theirs}
    figures.compare(f"anonymize {count} CT", Measure.WALL, ours[1][0], others, {"--jobs 1": 1.0, "cp -r": 8.0})
    del commands["cp -r"]
    with a_busy_core():
        ours, *theirs = in_turns(commands, tmp_path, rounds).items()
    others = {name: values[0] for name, values in theirs}
    job = f"anonymize {count} CT, a core is busy"
    figures.compare(job, Measure.WALL, ours[1][0], others, {"--jobs 1": 1.0})


@pytest.mark.bench
def test_a_server_is_ready(figures: Figures, rounds: int, tmp_path: Path) -> None:
    """From the command to the first answer, over a folder with one instance."""
    write_key(tmp_path / "key")
    fill(tmp_path / "in", 1)
    command = [*_OURS, "serve", "--origin", "in", "--key-file", "key", "--port", "0", "--state", "state"]
    taken = []
    for _ in range(rounds + 1):
        begun = time.monotonic()
        status, _, cpu_seconds, _ = launched([sys.executable, "-S", "-c", _READY, *command], tmp_path)
        assert status == 0
        taken.append((time.monotonic() - begun, cpu_seconds))
    figures.add(Figure("serve is ready, and ended", Measure.WALL, median(wall for wall, _ in taken[1:])))
    figures.add(Figure("serve is ready, and ended", Measure.CPU, median(cpu for _, cpu in taken[1:])))
