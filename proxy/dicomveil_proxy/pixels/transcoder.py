"""Runs the child processes that transcode, and stops one that takes too long.

If a codec crashes, or untrusted pixels keep it busy, only its process is affected; the next task gets a new one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels.frame import PixelDescription

_COMMAND = ("-P", "-m", "dicomveil_proxy.pixels.process")
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""numpy's threads would be idle, and each reserves address space."""
_PASSED_ON = ("PATH", "PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""The variables that child processes inherit; others may contain passwords."""
_END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class TranscodingLimits:
    """Limits of processes, time and memory for transcoding."""

    decoded_bytes: int = 1 << 30
    """All decoded frames of an instance together."""
    seconds: float = 60
    """Time for one instance or frame."""
    processes: int = 2
    memory_bytes: int = 3 << 30
    """Limit of a process's address space, of which the interpreter and numpy take about half a GiB."""


class Transcoder:
    """Transcodes frames and instances. Processes are started when needed, and stopped by `aclose`."""

    def __init__(self, limits: TranscodingLimits = TranscodingLimits()) -> None:
        self._limits = limits
        self._idle: list[Process] = []
        self._places = asyncio.Semaphore(limits.processes)

    async def frame(self, frame: bytes, stored: str, wanted: str, described: PixelDescription) -> bytes:
        """A frame in another transfer syntax. Raises NotAcceptable."""
        described.check_size(self._limits.decoded_bytes)
        task = {"stored": stored, "wanted": wanted, "described": asdict(described)}
        return await self._outcome(task, frame)

    async def picture(self, picture: bytes, media_type: str) -> bytes:
        """A picture encoded again. Raises NotAcceptable."""
        most = self._limits.decoded_bytes // 3
        return await self._outcome({"picture": media_type, "most_pixels": most}, picture)

    async def instance(self, source: Path, target: Path, wanted: str) -> None:
        """Write the Part 10 instance of one file into another; raises NotAcceptable if that is impossible."""
        limit = self._limits.decoded_bytes
        await self._outcome(
            {"source": str(source), "target": str(target), "wanted": wanted, "decoded_bytes": limit}, b""
        )

    async def aclose(self) -> None:
        """End the processes."""
        while self._idle:
            await _end(self._idle.pop())

    async def _outcome(self, task: dict[str, Any], payload: bytes) -> bytes:
        async with self._places, self._process() as process:
            assert process.stdin is not None
            assert process.stdout is not None
            head = json.dumps(task | {"size": len(payload)}).encode() + b"\n"
            process.stdin.write(head)
            process.stdin.write(payload)
            # Not drained: the process reads the whole of a task before it writes.
            outcome = await _receive(process)
            result = await process.stdout.readexactly(outcome["size"])
        if "refused" in outcome:
            raise NotAcceptable(outcome["refused"])
        return result

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """A process for one task; one that fails, or whose task is given up, is ended and not used again."""
        process = self._idle.pop() if self._idle else None
        try:
            async with asyncio.timeout(self._limits.seconds):
                if process is None:
                    process = await self._begin()
                    await _receive(process)
                yield process
        except TimeoutError:
            raise NotAcceptable(
                "decoding takes longer than limits.transcoding_seconds; accept transfer-syntax=* for the stored pixels"
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            raise NotAcceptable("the pixels cannot be decoded here; accept transfer-syntax=* for them") from None
        else:
            self._idle.append(process)
            process = None
        finally:
            if process is not None:
                await _end(process)

    async def _begin(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *_COMMAND,
            str(self._limits.memory_bytes),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=child_environment(),
            start_new_session=True,  # a Ctrl-C is for us; it ends when its input does
        )


def child_environment() -> dict[str, str]:
    """The environment of a process that sees hostile pixels: what Python needs, and nothing of ours."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ENVIRONMENT


async def _receive(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readuntil(b"\n")
    outcome: dict[str, Any] = json.loads(line)
    return outcome


async def _end(process: Process) -> None:
    """End a process at once: it holds nothing that is worth finishing."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _END_SECONDS)
