"""Another archive, by STOW-RS (PS3.18 Section 10.5), with one instance in each request.

An instance is placed if the response names it in ReferencedSOPSequence, whatever the status. Sending an instance twice
does no harm: an archive stores it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import OriginRefused, ProxyError
from dicomveil_proxy.jobs.destinations import DestinationError, InstanceRefused, PlacedFile, Staged
from dicomveil_proxy.jobs.destinations.spooled import SpooledStaged
from dicomveil_proxy.origin.web.origin import WebLimits, WebOrigin


class StowPlacing:
    """A worker's side."""

    def __init__(self, url: str, connections: int = 4) -> None:
        try:
            self._archive = WebOrigin(url, limits=WebLimits(connections=connections))
        except ValueError:
            raise ConfigurationError("to: it is not a URL; write it as https://host/dicom-web, with no query") from None

    def stage(self) -> Staged:
        """As `Placing.stage`."""
        return SpooledStaged()

    async def place(self, staged: Staged, path: str, uids: tuple[str, str, str], sha256: bytes) -> None:
        """As `Placing.place`."""
        del path, sha256
        spooled = cast("SpooledStaged", staged)
        try:
            result = await self._archive.store(None, uids[2], cast("BinaryIO", spooled.file), spooled.size)
        except OriginRefused as error:
            raise DestinationError(f"it answered with status {error.status}") from None
        except ProxyError:
            raise DestinationError("it cannot be reached, or its answer cannot be read") from None
        if not result.acknowledged:
            reason = result.failure_reason
            code = f" (failure reason {reason:04X}H)" if reason is not None else ""
            raise InstanceRefused(f"the destination did not confirm that it was stored{code}")

    async def aclose(self) -> None:
        """Close its connections."""
        await self._archive.aclose()


class StowDestination:
    """The coordinator's side: there is nothing but instances."""

    holds_files = False

    def prepare(self, marker: bytes, *, shared: bool) -> None:
        """Do nothing: an archive has no incomplete instances."""

    def missing(self, placed: Iterable[PlacedFile]) -> Iterator[PlacedFile]:
        """Nothing: the archive is responsible for instances that it has acknowledged."""
        del placed
        return iter(())

    def synchronise(self) -> None:
        """What it has acknowledged is durable."""

    def put(self, path: str, file: BinaryIO) -> None:
        """Do nothing: an archive stores instances only."""
        raise NotImplementedError

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: there are no open resources."""
