"""The source of a job: an archive or a folder of instances, restricted by the project's filter."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.selection.origin import SelectedOrigin
from dicomveil_proxy.settings.filters import FilterSettings, read_filter
from dicomveil_proxy.settings.project_table import folder_of

_FEW_FILES = 10_000
_LARGE_BYTES = 64 << 20


@dataclass(frozen=True)
class Source:
    """An origin that each worker opens for itself."""

    origin: str = field(repr=False)
    """URL of a DICOMweb server, which may contain a password, or the path of a folder."""
    filter: FilterSettings = field(default_factory=FilterSettings)
    connect_seconds: float = 10
    read_seconds: float = 60

    @property
    def folder(self) -> Path | None:
        """The folder; None for a DICOMweb server."""
        return folder_of(self.origin)

    def is_light(self) -> bool:
        """Whether it is a folder of few files, none of which takes much memory: one process may read all of them.

        The memory that a file takes is bounded by its size. One that ends a process for lack of memory must not end
        the coordinator.
        """
        if self.folder is None:
            return False
        seen = 0
        for directory, _, names in os.walk(self.folder):
            seen += len(names)
            if seen > _FEW_FILES or any(_size(directory, name) > _LARGE_BYTES for name in names):
                return False
        return True

    def open(self, connections: int) -> Origin:
        """Open the origin with a maximum number of connections. Raises ConfigurationError."""
        try:
            origin: Origin
            if self.folder is not None:
                from dicomveil_proxy.origin.folder.origin import FolderOrigin  # noqa: PLC0415 - only what is needed

                origin = FolderOrigin(self.folder, alone=True)
            else:
                from dicomveil_proxy.origin.web.origin import WebLimits, WebOrigin  # noqa: PLC0415 - as above

                limits = WebLimits(
                    connections=connections, connect_seconds=self.connect_seconds, read_seconds=self.read_seconds
                )
                origin = WebOrigin(self.origin, limits=limits)
        except ValueError as error:
            raise ConfigurationError(f"origin: {error}") from None
        if self.filter.selects_all:
            return origin
        return _Filtered(origin, self.filter)


def _size(directory: str, name: str) -> int:
    try:
        return os.lstat(f"{directory}/{name}").st_size
    except OSError:
        return 0  # the worker reports it


class _Filtered(SelectedOrigin):
    """A selection that owns its origin, and closes it."""

    def __init__(self, origin: Origin, settings: FilterSettings) -> None:
        super().__init__(origin, read_filter(settings))
        self._whole = origin

    async def aclose(self) -> None:
        """Close the origin, too."""
        await super().aclose()
        await self._whole.aclose()
