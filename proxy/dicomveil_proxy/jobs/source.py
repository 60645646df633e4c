"""Where a job reads: an archive, or a folder of instances, narrowed to what the project's filter selects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.selection.origin import SelectedOrigin
from dicomveil_proxy.settings.filters import FilterSettings, read_filter

_URL = re.compile("https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """An origin that each worker opens for itself."""

    origin: str = field(repr=False)
    """URL of a DICOMweb server, which may hold a password, or the path of a folder."""
    filter: FilterSettings = field(default_factory=FilterSettings)
    connect_seconds: float = 10
    read_seconds: float = 60

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one."""
        return None if _URL.match(self.origin) else Path(self.origin)

    def open(self, connections: int) -> Origin:
        """The origin, with so many connections at most. Raises ConfigurationError."""
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


class _Filtered(SelectedOrigin):
    """A selection that closes what it selects from: nobody else has it."""

    def __init__(self, origin: Origin, settings: FilterSettings) -> None:
        super().__init__(origin, read_filter(settings))
        self._whole = origin

    async def aclose(self) -> None:
        """Close the origin too."""
        await super().aclose()
        await self._whole.aclose()
