"""The destination of `--to`. Each kind is imported when it is used, since some need a client library."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import Destination, Placing
from dicomveil_proxy.jobs.destinations.folder import FolderDestination, FolderHoldings, FolderPlacing

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.verification import Holdings

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
_STORES = ("s3", "az", "gs")


@dataclass(frozen=True)
class To:
    """A destination as given on the command line."""

    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """The URL's scheme in lower case; empty for a path."""
        found = _URL.match(self.text)
        return found[0][:-3].lower() if found else ""

    @property
    def folder(self) -> Path | None:
        """The local folder that is written to; None for a remote destination."""
        if self.scheme:
            return None
        path = Path(self.text)
        return path.with_name(f"{path.name}{STAGE}") if self.is_zip else path

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip file."""
        return not self.scheme and self.text.lower().endswith(".zip")

    @property
    def canonical(self) -> str:
        """A canonical form of the destination, without credentials."""
        if not self.scheme:
            return os.path.realpath(self.text)
        parts = urlsplit(self.text)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((self.scheme, host.lower(), parts.path.rstrip("/"), "", ""))

    @property
    def is_archive(self) -> bool:
        """Whether it is a DICOMweb server."""
        return self.scheme in ("http", "https")

    def open(self) -> Destination:
        """The destination for the coordinator. Raises ConfigurationError."""
        if self.is_archive:
            from dicomveil_proxy.jobs.destinations.stow import StowDestination  # noqa: PLC0415 - see above

            return StowDestination()
        if self.scheme in _STORES:
            from dicomveil_proxy.jobs.destinations.objects import ObjectDestination  # noqa: PLC0415 - see above

            return ObjectDestination(self.text)
        if self.scheme:
            raise self._unknown()
        if self.is_zip:
            from dicomveil_proxy.jobs.destinations.zip_file import ZipDestination  # noqa: PLC0415 - see above

            assert self.folder is not None
            return ZipDestination(Path(self.text), self.folder)
        return FolderDestination(Path(self.text))

    def placing(self, slots: int) -> Placing:
        """The destination for a worker with so many concurrent instances. Raises ConfigurationError."""
        if self.is_archive:
            from dicomveil_proxy.jobs.destinations.stow import StowPlacing  # noqa: PLC0415 - see above

            return StowPlacing(self.text, slots)
        if self.scheme in _STORES:
            from dicomveil_proxy.jobs.destinations.objects import ObjectPlacing  # noqa: PLC0415 - see above

            return ObjectPlacing(self.text)
        if self.scheme:
            raise self._unknown()
        assert self.folder is not None
        return FolderPlacing(self.folder)

    def holdings(self) -> Holdings:
        """The contents of the destination. Raises ConfigurationError."""
        if self.is_archive:
            raise ConfigurationError("to: an archive keeps no manifest; give a folder, a zip file or an object store")
        if self.scheme in _STORES:
            from dicomveil_proxy.jobs.destinations.objects import ObjectHoldings, open_store  # noqa: PLC0415 - as above

            return ObjectHoldings(open_store(self.text))
        if self.scheme:
            raise self._unknown()
        if self.is_zip:
            from dicomveil_proxy.jobs.destinations.zip_file import ZipHoldings  # noqa: PLC0415 - see above

            return ZipHoldings(Path(self.text))
        if not Path(self.text).is_dir():
            raise ConfigurationError("to: there is no such folder; name the output of an export")
        return FolderHoldings(Path(self.text))

    def _unknown(self) -> ConfigurationError:
        return ConfigurationError(
            "to: give a folder, a file that ends in .zip, s3://bucket/prefix, az://, gs:// or https://host/dicom-web"
        )


STAGE = ".dicomveil-stage"
"""The suffix of the folder beside a zip file with its future contents."""
