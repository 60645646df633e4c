"""The child process that searches pixels for text: `python -m dicomveil_proxy.pixels.looking_process MEMORY_BYTES`.

It finds text in original instances, covers compressed frames, cleans documents and renders pictures, one task after
another, until its input ends. Tasks and outcomes are JSON objects on a line each; `size` of an outcome is the number of
bytes after it. The process gets no key, no network address and no archive. It returns boxes, but no text, except in the
contact prints for `dicomveil review`.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pydicom  # noqa: F401 - before memory is limited

from dicomveil_engine import EngineError
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.instance import InstanceCover, with_document
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.pixels.process import limit_memory
from dicomveil_proxy.pixels.released import needs_disk
from dicomveil_proxy.pixels.verdicts import settings_of, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicomveil_engine.pixels.looker import Looker

_CHUNK_BYTES = 1 << 22


class Tasks:
    """The tasks. Models are loaded when they are needed."""

    def __init__(self) -> None:
        self._looker: Looker | None = None
        self._limits = PixelLimits()

    def run(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The outcome of one task, and the bytes after it. Raises EngineError and ProxyError for a refusal."""
        kinds: dict[str, Callable[[dict[str, Any]], tuple[dict[str, Any], bytes]]] = {
            "warm": self._warm,
            "look": self._look,
            "cover": self._cover,
            "document": self._document,
            "render": self._render,
            "contact": self._contact,
        }
        return kinds[task["do"]](task)

    def _warm(self, _: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        self._models()
        return {}, b""

    def _look(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        with _mapped(task["source"]) as data:
            boxes = self._models().boxes(data, verdict_of(task["verdict"]), settings_of(task["settings"]))
        return {"boxes": boxes.as_json()}, b""

    def _cover(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        boxes, settings = Boxes.from_json(task["boxes"]), settings_of(task["settings"])
        cover = InstanceCover(boxes, verdict_of(task["verdict"]), settings, self._limits)
        with Path(task["source"]).open("rb") as source, needs_disk(), Path(task["target"]).open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                target.writelines(cover.feed(chunk))
            target.writelines(cover.close())
        return {}, b""

    def _document(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        from dicomveil_engine.pixels.documents import covered_document  # noqa: PLC0415 - loads a PDF library

        instance = read_instance(Path(task["original"]).read_bytes())
        assert instance is not None
        document = covered_document(instance, self._models(), self._limits)
        deidentified = Path(task["source"]).read_bytes()
        covered = with_document(deidentified, document, verdict_of(task["verdict"]), settings_of(task["settings"]))
        with needs_disk():
            Path(task["target"]).write_bytes(covered)
        return {}, b""

    def _render(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        from dicomveil_proxy.pixels.render import render  # noqa: PLC0415 - loads Pillow

        with Path(task["source"]).open("rb") as source:
            return {}, render(source, task["frame"], task["media_type"], task["parameters"])

    def _contact(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        from dicomveil_proxy.pixels.contact import contact_prints  # noqa: PLC0415 - loads Pillow

        boxes, verdict = Boxes.from_json(task["boxes"]), verdict_of(task["verdict"])
        with _mapped(task["original"]) as original, _mapped(task["source"]) as released:
            prints = contact_prints(original, released, boxes, verdict, self._models())
        described = [
            {
                "frame": each.frame,
                "sizes": [len(each.before), len(each.after)],
                "read": [[line.text, line.is_technique] for line in each.still_read],
            }
            for each in prints
        ]
        return {"prints": described}, b"".join(picture for each in prints for picture in (each.before, each.after))

    def _models(self) -> Looker:
        if self._looker is None:
            import cv2  # noqa: PLC0415 - loads a library of 50 MB

            from dicomveil_engine.pixels.looker import Looker  # noqa: PLC0415 - loads the models

            # The proxy runs several processes: threads in each would wait for each other more than they help.
            cv2.setNumThreads(1)
            self._looker = Looker(self._limits)
        return self._looker


def run(tasks: BinaryIO, outcomes: BinaryIO) -> None:
    """Do one task after the other."""
    silence_pydicom()
    doing = Tasks()
    while line := tasks.readline():
        try:
            outcome, payload = doing.run(json.loads(line))
        except (EngineError, ProxyError) as error:
            outcome, payload = {"refused": str(error), "kind": type(error).__name__}, b""
        except MemoryError:
            outcome, payload = {"failed": "the pixels take more memory than a process may have"}, b""
        except Exception:  # noqa: BLE001 - the message may contain anything
            outcome, payload = {"failed": "the pixels cannot be read"}, b""
        outcomes.write(json.dumps(outcome | {"size": len(payload)}).encode() + b"\n")
        outcomes.write(payload)
        outcomes.flush()


@contextmanager
def _mapped(path: str) -> Iterator[bytes]:
    """The memory-mapped bytes of a file."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield cast("bytes", data)


def _own_output() -> BinaryIO:
    """The standard output, redirected so that libraries that print do not write to it."""
    ours = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return os.fdopen(ours, "wb")


if __name__ == "__main__":
    limit_memory(int(sys.argv[1]))
    run(sys.stdin.buffer, _own_output())
