"""What all benches share: they run only when asked for, add to one table, and take as many rounds as BENCH_ROUNDS says.

Nothing here measures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.figures import Figures
from bench.servers import Servers, running_servers
from origin import nginx, orthanc

_RESULTS = Path("dist/bench.json")
_FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the benches unless `-m bench` asks for them: they take minutes, and the machine for themselves."""
    if "bench" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("bench"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: `make bench`"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """End the run with the table."""
    if figures := config.stash[_FIGURES]:
        figures.write(_RESULTS)
        terminalreporter.write_line(f"\n{figures.table()}\nwritten to {_RESULTS}")


@pytest.fixture
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where a bench puts what it has measured."""
    return pytestconfig.stash[_FIGURES]


@pytest.fixture(scope="session")
def rounds() -> int:
    """How often each contestant has its turn."""
    return int(os.environ.get("BENCH_ROUNDS", "5"))


@pytest.fixture(scope="session")
def limited() -> Callable[[int], int]:
    """How many instances a bench takes that would take so many: BENCH_INSTANCES at most, for a quick look."""
    most = int(os.environ.get("BENCH_INSTANCES", "1000000"))
    return lambda count: min(count, most)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Orthanc, and nginx and dicomveil before it; a skip where one of them, or curl, is not installed."""
    orthanc.demand()
    nginx.demand()
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian: apt-get install curl)")
    with running_servers(tmp_path) as running:
        yield running
    shutil.rmtree(tmp_path, ignore_errors=True)  # gigabytes
