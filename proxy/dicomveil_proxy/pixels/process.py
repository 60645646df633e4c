"""The child process that transcodes: `python -m dicomveil_proxy.pixels.process MEMORY_BYTES`.

It reads tasks from standard input and writes outcomes to standard output until the input ends. A message is a JSON
object on one line; `size` is the number of bytes after it. The process has no origin server, key or network, and error
messages are our own.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import pydicom  # noqa: F401 - before memory is limited

from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, PixelDescription, decode_frame, encode_frame
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.pixels.instance import transcode_instance
from dicomveil_proxy.pixels.pictures import redraw

_READY = {"ready": True}


def run(tasks: BinaryIO, outcomes: BinaryIO) -> None:
    """Do one task after the other."""
    silence_pydicom()
    _send(outcomes, _READY)
    while line := tasks.readline():
        task = json.loads(line)
        payload = tasks.read(task["size"])
        try:
            result = _outcome(task, payload)
        except ProxyError as error:
            _send(outcomes, {"refused": str(error)})
        except MemoryError:
            _send(outcomes, {"refused": "decoding these pixels takes more memory than is allowed"})
        except Exception:  # noqa: BLE001 - the message may contain anything
            _send(outcomes, {"refused": "the instance cannot be transcoded"})
        else:
            _send(outcomes, {}, result)


def _outcome(task: dict[str, Any], payload: bytes) -> bytes:
    if "picture" in task:
        return redraw(payload, task["picture"], task["most_pixels"])
    return _frame(task, payload) if "described" in task else _instance(task)


def _frame(task: dict[str, Any], frame: bytes) -> bytes:
    described = PixelDescription(**task["described"])
    described.check()
    decoded, found = decode_frame(frame, task["stored"], described)
    if task["wanted"] == EXPLICIT_LITTLE:
        return decoded
    return encode_frame(decoded, task["wanted"], found)


def _instance(task: dict[str, Any]) -> bytes:
    with Path(task["source"]).open("rb") as source, Path(task["target"]).open("wb") as target:
        transcode_instance(source, target, task["wanted"], task["decoded_bytes"])
    return b""


def _send(outcomes: BinaryIO, outcome: dict[str, Any], payload: bytes = b"") -> None:
    outcomes.write(json.dumps(outcome | {"size": len(payload)}).encode() + b"\n")
    outcomes.write(payload)
    outcomes.flush()


def limit_memory(memory: int) -> None:
    """Limit the address space if the system can: a code stream may declare a larger image than the attributes."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - Windows has none

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain pixels


if __name__ == "__main__":
    limit_memory(int(sys.argv[1]))
    run(sys.stdin.buffer, sys.stdout.buffer)
