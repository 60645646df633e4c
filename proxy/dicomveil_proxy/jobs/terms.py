"""The options of a run of an export, none of which changes its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dicomveil_proxy.jobs.allowance import Allowance

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.cms import Certificate


@dataclass(frozen=True)
class Terms:
    """The options of a run, besides its job and its cohort."""

    state: Path | str = field(repr=False)
    report: Path | None = None
    allowance: Allowance = field(default_factory=Allowance)
    workers: int = 2
    retries: int = 3
    linkage: Path | None = None
    recipients: tuple[Certificate, ...] = ()
    """Recipients whose keys can decrypt the linkage file."""
    has_parquet: bool = False
    """Whether the manifest is also written as Parquet."""
