"""How a run of an export works: nothing of it changes what is placed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dicomveil_proxy.jobs.allowance import Allowance

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.cms import Certificate


@dataclass(frozen=True)
class Terms:
    """What was asked of a run, besides its job and its cohort."""

    state: Path | str = field(repr=False)
    report: Path | None = None
    allowance: Allowance = field(default_factory=Allowance)
    workers: int = 2
    retries: int = 3
    linkage: Path | None = None
    recipients: tuple[Certificate, ...] = ()
    """Who may open the linkage file."""
    has_parquet: bool = False
    """Whether there is a manifest in Parquet, too."""
