"""Which destination `--to` means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import Destination, Placing
from dicomveil_proxy.jobs.destinations.folder import FolderDestination, FolderHoldings, FolderPlacing
from dicomveil_proxy.jobs.verification import Holdings

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
_STORES = ("s3", "az", "gs")


@dataclass(frozen=True)
class To:
    """A destination, as it was typed."""

    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """In lower case; empty for a path."""
        found = _URL.match(self.text)
        return found[0][:-3].lower() if found else ""

    @property
    def folder(self) -> Path | None:
        """The folder that holds what is written here; None where nothing is."""
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
        """The same for each spelling of one place, without credentials."""
        if not self.scheme:
            return os.path.realpath(self.text)
        parts = urlsplit(self.text)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((self.scheme, host.lower(), parts.path.rstrip("/"), "", ""))

    def open(self) -> Destination:
        """The coordinator's side. Raises ConfigurationError."""
        if self.scheme:
            raise self._unknown()
        return FolderDestination(Path(self.text))

    def placing(self) -> Placing:
        """A worker's side. Raises ConfigurationError."""
        if self.scheme:
            raise self._unknown()
        return FolderPlacing(Path(self.text))

    def holdings(self) -> Holdings:
        """What is there. Raises ConfigurationError."""
        if self.scheme:
            raise self._unknown()
        if not Path(self.text).is_dir():
            raise ConfigurationError("to: there is no such folder")
        return FolderHoldings(Path(self.text))

    def _unknown(self) -> ConfigurationError:
        return ConfigurationError(
            "to: give a folder, a file that ends in .zip, s3://bucket/prefix, az://, gs:// or https://host/dicom-web"
        )


STAGE = ".dicomveil-stage"
"""Beside a zip file, what will be in it."""
