"""Runs the child processes that search pixels for text, and stops one that takes too long. Thread-safe.

Original pixels are untrusted input to codecs in C. A child process therefore gets no key, no environment and no
archive. If it crashes or is stopped, its task is refused, and the next task gets a new process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.gate import PixelVerdict
from dicomveil_proxy import errors
from dicomveil_proxy.pixels.transcoder import child_environment
from dicomveil_proxy.pixels.verdicts import settings_as_json, verdict_as_json

_COMMAND = ("-P", "-m", "dicomveil_proxy.pixels.looking_process")
_START_SECONDS = 60.0
"""Added to the time limit of a process's first task, for imports and models."""
_END_SECONDS = 5.0
_PROXY_ERRORS = ("BadRequest", "NotAcceptable", "UnknownResource", "OriginMalformed", "StateUnavailable")
_REFUSALS: Mapping[str, type[Exception]] = {
    "InvalidDataSetError": InvalidDataSetError,
    **{name: getattr(errors, name) for name in _PROXY_ERRORS},
}
"""Exceptions that a process may report; any other becomes DeidentificationError."""


class LookFailed(DeidentificationError):
    """The process crashed or took too long, so that nothing is known about the instance's pixels."""


@dataclass(frozen=True, slots=True)
class LookingLimits:
    """Limits of processes, time and memory for searching pixels."""

    processes: int = 2
    seconds: float = 120
    """Time for one instance."""
    memory_bytes: int = 6 << 30
    """Limit of a process's address space, of which some 700 MB are used and the rest only reserved."""


class PixelProcesses:
    """The processes of one project or job. They are started when needed, and stopped by `close`."""

    def __init__(self, limits: LookingLimits = LookingLimits()) -> None:
        self.limits = limits
        self._places = threading.BoundedSemaphore(limits.processes)
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._is_closed = False

    def warm(self) -> None:
        """Start a process and load its models, so that the first search does not wait for that.

        Raises DeidentificationError if the models are missing, and LookFailed.
        """
        self._outcome({"do": "warm"})

    def boxes(self, source: Path, verdict: PixelVerdict, settings: PixelSettings) -> Boxes:
        """The boxes of an original instance.

        Raises InvalidDataSetError and DeidentificationError as `Looker.boxes` does, and LookFailed.
        """
        task = {"do": "look", "source": str(source), **_common(verdict, settings)}
        return Boxes.from_json(self._outcome(task)[0].get("boxes"))

    def cover(self, source: Path, target: Path, boxes: Boxes, verdict: PixelVerdict, settings: PixelSettings) -> None:
        """Cover a de-identified instance, and write it to `target`. Raises as `InstanceCover` does, and LookFailed."""
        paths = {"source": str(source), "target": str(target)}
        self._outcome({"do": "cover", **paths, "boxes": boxes.as_json(), **_common(verdict, settings)})

    def document(
        self, original: Path, source: Path, target: Path, verdict: PixelVerdict, settings: PixelSettings
    ) -> None:
        """Write a de-identified encapsulated document with covered pages; `source` is the instance without pages."""
        paths = {"original": str(original), "source": str(source), "target": str(target)}
        self._outcome({"do": "document", **paths, **_common(verdict, settings)})

    def render(self, source: Path, frame: int, media_type: str, parameters: Mapping[str, str]) -> bytes:
        """A picture of a frame, by `render`."""
        task = {"do": "render", "source": str(source), "frame": frame}
        return self._outcome({**task, "media_type": media_type, "parameters": dict(parameters)})[1]

    def contact(
        self, original: Path, released: Path, boxes: Boxes, verdict: PixelVerdict, settings: PixelSettings
    ) -> tuple[list[dict[str, Any]], bytes]:
        """Contact prints of an instance: the descriptions by `looking_process`, and the pictures.

        THEY SHOW THE ORIGINAL and its text, and are for the holder of the key only.
        """
        paths = {"original": str(original), "source": str(released)}
        outcome, payload = self._outcome(
            {"do": "contact", **paths, "boxes": boxes.as_json(), **_common(verdict, settings)}
        )
        return outcome["prints"], payload

    def close(self) -> None:
        """Stop idle processes; busy ones end after their tasks."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            _end(process)

    def _outcome(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        with self._places:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            seconds = self.limits.seconds
            if process is None:
                process, seconds = self._begin(), seconds + _START_SECONDS
            is_late = threading.Event()
            timer = threading.Timer(seconds, _end_late, (process, is_late))
            timer.daemon = True
            timer.start()
            try:
                outcome, payload = _asked(process, task)
            except (OSError, ValueError, EOFError):
                _end(process)
                reason = (
                    "looking at its pixels takes longer than limits.pixel_seconds"
                    if is_late.is_set()
                    else "the process that searched its pixels for text ended"
                )
                raise LookFailed(f"the instance is withheld: {reason}") from None
            except BaseException:
                _end(process)
                raise
            finally:
                timer.cancel()
            with self._lock:
                keeps = not self._is_closed and not is_late.is_set() and "failed" not in outcome
                if keeps:
                    self._idle.append(process)
            if not keeps:
                _end(process)
        if "refused" in outcome:
            raise _REFUSALS.get(outcome.get("kind", ""), DeidentificationError)(outcome["refused"])
        if "failed" in outcome:
            raise LookFailed(f"the instance is withheld: {outcome['failed']}")
        return outcome, payload

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, *_COMMAND, str(self.limits.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            cwd=os.sep,
            start_new_session=True,  # Ctrl-C is handled by the parent; the child ends when its input does
        )


def _common(verdict: PixelVerdict, settings: PixelSettings) -> dict[str, Any]:
    return {"verdict": verdict_as_json(verdict), "settings": settings_as_json(settings)}


def _asked(process: subprocess.Popen[bytes], task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The outcome of a task. Raises OSError, ValueError or EOFError if the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(task).encode() + b"\n")
    process.stdin.flush()
    outcome: dict[str, Any] = json.loads(process.stdout.readline())
    payload = process.stdout.read(outcome["size"])
    if len(payload) < outcome["size"]:
        raise EOFError
    return outcome, payload


def _end_late(process: subprocess.Popen[bytes], is_late: threading.Event) -> None:
    is_late.set()
    process.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process: it has no state to be saved."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
