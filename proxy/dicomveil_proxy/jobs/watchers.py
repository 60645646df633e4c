"""The watcher of an export that `--progress` selects."""

from __future__ import annotations

from typing import Literal, TextIO

from dicomveil_proxy.jobs.progress import JSONLines, Lines, Quiet

Shown = Literal["auto", "json", "none"]


def watcher(shown: Shown, stream: TextIO) -> Quiet:
    """The watcher that `--progress` selects for this stream."""
    if shown == "none":
        return Quiet(stream)
    if shown == "json":
        return JSONLines(stream)
    if not stream.isatty():
        return Lines(stream)
    from dicomveil_proxy.jobs.bars import Bars  # noqa: PLC0415 - rich, which a job in the background does not need

    return Bars(stream)
