"""What requests need and a start does not: imported in a thread when the server is ready, and waited for by requests.

A request that came first would import it in the event loop, and hold up all others meanwhile. So each route names the
stage that it needs, and waits for it without holding anything. Nothing here knows what the modules do.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from concurrent.futures import Future
from enum import IntEnum
from importlib import import_module
from threading import Event, Lock, Thread

_log = logging.getLogger(__name__)


class Stage(IntEnum):
    """What is loaded, in this order."""

    ATTRIBUTES = 0
    """What searches, metadata and instances need: how text is cleaned."""
    PIXELS = 1
    """What stores, frames, bulk data and pictures need besides: pydicom, numpy and codecs."""


PARTS = {
    Stage.ATTRIBUTES: (
        "dicomveil_engine.text.detectors",
        "dicomveil_engine.attributes.characters:load_codecs",
        "phonenumbers",
        "dicomveil_engine.text.gazetteer:read_words",
        "dicomveil_engine.text.patterns:compile_all",
    ),
    Stage.PIXELS: (
        "pydicom",
        "pydicom.filereader",
        "pydicom.filewriter",
        "dicomveil_proxy.origin.folder.header_json",
        "dicomveil_proxy.origin.folder.store",
        "dicomveil_proxy.pixels.render",
    ),
}
"""Modules, each with a function to be called after a colon."""


class Loading:
    """The thread that imports, and what it has done; of one application."""

    def __init__(self) -> None:
        self._stages: dict[Stage, Future[None]] = {stage: Future() for stage in Stage}
        for future in self._stages.values():
            future.set_running_or_notify_cancel()  # a request that is cancelled takes nothing from the others
        self._lock = Lock()
        self._thread: Thread | None = None
        self._is_stopped = Event()

    def begin(self) -> None:
        """Load, unless that has begun."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._load, name="loading", daemon=True)
                self._thread.start()

    async def until(self, stage: Stage) -> None:
        """Wait until a stage is loaded; start loading if necessary."""
        future = self._stages[stage]
        if not future.done():
            self.begin()
            await asyncio.wrap_future(future)

    def end(self) -> None:
        """Load nothing more, and wait for what is being loaded."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        for stage, future in self._stages.items():
            for name in PARTS[stage]:
                if self._is_stopped.is_set():
                    break
                try:
                    _load(name)
                except Exception as error:  # noqa: BLE001 - the request that needs it fails, and says so
                    _log.error("a part of the server cannot be loaded", exc_info=error)
            future.set_result(None)
        if gc.get_freeze_count():
            gc.freeze()  # as what was there before (see `serve`): it stays


def _load(name: str) -> None:
    module, _, function = name.partition(":")
    loaded = import_module(module)
    if function:
        getattr(loaded, function)()
