"""Runs the processes that look at pixels, a few at a time, and ends the one that takes too long.

For any thread. A process sees original pixels, which are hostile input to codecs in C: it has no key, no environment
of ours and no archive. One that crashes or is ended takes its own task with it, which is refused; the next task gets
a new process.
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
"""Added to the first task of a process: imports and models."""
_END_SECONDS = 5.0
_REFUSALS: Mapping[str, type[Exception]] = {
    "InvalidDataSetError": InvalidDataSetError,
    **{name: getattr(errors, name) for name in ("BadRequest", "NotAcceptable", "UnknownResource", "OriginMalformed")},
}
"""What a process may refuse with; anything else is DeidentificationError."""


class LookFailed(DeidentificationError):
    """Nothing is known of the instance's pixels: a process ended, or took too long."""


@dataclass(frozen=True, slots=True)
class LookingLimits:
    """What looking at pixels may take."""

    processes: int = 2
    seconds: float = 120
    """For one instance."""
    memory_bytes: int = 6 << 30
    """Limit of a process's address space, most of which is reserved and never used; some 700 MB are."""


class PixelProcesses:
    """The processes of one project or job. They begin when they are needed, and end with `close`."""

    def __init__(self, limits: LookingLimits = LookingLimits()) -> None:
        self.limits = limits
        self._places = threading.BoundedSemaphore(limits.processes)
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._is_closed = False

    def warm(self) -> None:
        """Begin a process, and have it load the models, so that the first look need not wait for that.

        Raises DeidentificationError where the models are missing, and LookFailed.
        """
        self._outcome({"do": "warm"})

    def boxes(self, source: Path, verdict: PixelVerdict, settings: PixelSettings) -> Boxes:
        """The boxes of an original instance.

        Raises InvalidDataSetError and DeidentificationError as `Looker.boxes` does, LookFailed where the process
        ends or takes too long.
        """
        task = {"do": "look", "source": str(source), **_common(verdict, settings)}
        return Boxes.from_json(self._outcome(task)[0].get("boxes"))

    def cover(self, source: Path, target: Path, boxes: Boxes, verdict: PixelVerdict, settings: PixelSettings) -> None:
        """Write a de-identified instance, covered; raises as `InstanceCover` does, and LookFailed."""
        paths = {"source": str(source), "target": str(target)}
        self._outcome({"do": "cover", **paths, "boxes": boxes.as_json(), **_common(verdict, settings)})

    def document(
        self, original: Path, source: Path, target: Path, verdict: PixelVerdict, settings: PixelSettings
    ) -> None:
        """Write a de-identified encapsulated document with its pages covered; `source` is without them."""
        paths = {"original": str(original), "source": str(source), "target": str(target)}
        self._outcome({"do": "document", **paths, **_common(verdict, settings)})

    def render(self, source: Path, frame: int, media_type: str, parameters: Mapping[str, str]) -> bytes:
        """A picture of a frame, as `render` draws it."""
        task = {"do": "render", "source": str(source), "frame": frame}
        return self._outcome({**task, "media_type": media_type, "parameters": dict(parameters)})[1]

    def contact(
        self, original: Path, released: Path, boxes: Boxes, verdict: PixelVerdict, settings: PixelSettings
    ) -> tuple[list[dict[str, Any]], bytes]:
        """Contact prints of an instance: what `looking_process` says of each, and their pictures.

        THEY SHOW THE ORIGINAL, and what text says: for the holder of the key alone.
        """
        paths = {"original": str(original), "source": str(released)}
        outcome, payload = self._outcome(
            {"do": "contact", **paths, "boxes": boxes.as_json(), **_common(verdict, settings)}
        )
        return outcome["prints"], payload

    def close(self) -> None:
        """End the processes that wait; those that work end after their task."""
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
                    else "the process that looked at its pixels ended"
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
            start_new_session=True,  # a Ctrl-C is for us; it ends when its input does
        )


def _common(verdict: PixelVerdict, settings: PixelSettings) -> dict[str, Any]:
    return {"verdict": verdict_as_json(verdict), "settings": settings_as_json(settings)}


def _asked(process: subprocess.Popen[bytes], task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The outcome of a task. Raises OSError, ValueError or EOFError where the process ended."""
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
    """End a process at once: it holds nothing that is worth finishing."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
