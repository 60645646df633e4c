"""The limits of the processes that look at pixels are those of the children, and work."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dicomveil_engine.configuration.pixels import PixelSettings, read_pixels
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.processes import LookFailed, LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.transcoder import child_environment
from engine.pixel_instances import instance

VERDICT = PixelVerdict(PixelAction.LOOK, "a test", claims=True)


def test_memory_is_limited_in_the_child(tmp_path: Path) -> None:
    """The models alone take more than it may have: the instance is withheld, and this process has no limit."""
    processes = PixelProcesses(LookingLimits(processes=1, memory_bytes=400 << 20))
    source = tmp_path / "original"
    source.write_bytes(instance([np.full((64, 64), 20, np.uint8)]))
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        with pytest.raises(LookFailed):
            processes.boxes(source, VERDICT, PixelSettings())
        assert not processes._idle
    finally:
        processes.close()

    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.parametrize("module", ["looking_process", "process"])
def test_a_child_has_the_limits_that_it_is_given(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address space and no dump, before anything of an instance is read; and nothing of our environment."""
    monkeypatch.setenv("DICOMVEIL_KEY_FILE", "/a/key")
    code = (
        f"import runpy, sys, resource; sys.argv = ['x', str(3 << 30)]; "
        f"runpy.run_module('dicomveil_proxy.pixels.{module}', run_name='__main__'); "
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CORE)[0], file=sys.stderr)"
    )
    child = subprocess.run(
        [sys.executable, "-P", "-c", code],
        input=b"",
        capture_output=True,
        env=child_environment(),
        check=True,
        timeout=60,
    )

    assert child.stderr.split()[-2:] == [str(3 << 30).encode(), b"0"]
    assert not any(name.startswith("DICOMVEIL") for name in child_environment())


def test_a_warm_process_serves_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has loaded the models: the first look begins no other process."""
    processes = PixelProcesses(LookingLimits(processes=1))
    source = tmp_path / "original"
    source.write_bytes(instance([np.full((64, 64), 20, np.uint8)]))
    try:
        processes.warm()
        [warm] = processes._idle
        monkeypatch.setattr(processes, "_begin", lambda: pytest.fail("another process was begun"))
        processes.boxes(source, VERDICT, PixelSettings())
        assert processes._idle == [warm]
    finally:
        processes.close()


@pytest.mark.anyio
@pytest.mark.parametrize(("gate", "expected"), [("sample", 2), ("look", 2), ("trust", 0)])
async def test_processes_begin_early_where_slices_are_looked_at(
    gate: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under `trust` nothing is loaded before something must be looked at."""
    warmed: list[int] = []
    monkeypatch.setattr(PixelProcesses, "warm", lambda _: warmed.append(1))
    looking = Looking(read_pixels({"gate": gate}), b"k" * 32)
    looking.warm()
    await asyncio.sleep(0)
    await looking.in_process(int)
    await looking.in_process(int)
    await looking.aclose()

    assert len(warmed) == expected
