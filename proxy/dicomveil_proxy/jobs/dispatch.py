"""The crews of an export, and the messages that they get: a leased unit, and what a worker needs for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicomveil_proxy.jobs.crews import Crew
from dicomveil_proxy.jobs.crews.here import Here
from dicomveil_proxy.jobs.ledger import Leased
from dicomveil_proxy.jobs.series import LOST, SeriesUnit
from dicomveil_proxy.jobs.station import ExportJob, SeriesRecipe
from dicomveil_proxy.jobs.terms import Terms

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.crews.dask import Cluster

_WARM = ("dicomveil_proxy.jobs.station", "dicomveil_proxy.origin.web.origin")
"""What is imported before the first worker is forked; of an origin that is a folder, its own code is little."""


@dataclass(frozen=True)
class Dispatched:
    """A leased unit for a crew."""

    leased: Leased
    unit: SeriesUnit


MakeCrew = Callable[[ExportJob, str, Terms], Crew]


def processes(job: ExportJob, fingerprint: str, terms: Terms) -> Crew:
    """Processes on this machine: as many as asked for, and never more connections than allowed.

    One that reads small files from a folder is this process: it waits for nothing, and neither would the coordinator.
    """
    del fingerprint  # of what the code does, which is the same here
    workers = max(1, min(terms.workers, terms.allowance.connections))
    slots = terms.allowance.connections // workers
    recipe = SeriesRecipe(job, job.job.configuration_digest().hex(), slots)
    if workers == 1 and job.source.is_light():
        return Here(recipe, message=_unit_of)
    from dicomveil_proxy.jobs.crews.processes import Processes  # noqa: PLC0415 - needed for processes only

    warm = _WARM if job.source.folder is None else _WARM[:1]
    return Processes(recipe, workers, LOST, ahead=slots, together=True, warm=warm, message=_unit_of)


def on_dask(cluster: Cluster, job: ExportJob, fingerprint: str, terms: Terms) -> Crew:
    """All Dask workers of the cluster."""
    from dicomveil_proxy.jobs.crews.dask import DaskCrew  # noqa: PLC0415 - few have a cluster

    slots = max(1, terms.allowance.connections // max(1, min(terms.workers, terms.allowance.connections)))
    recipe = SeriesRecipe(job, fingerprint, slots, is_far=True)
    return DaskCrew(recipe, job.job.key, replace(cluster, slots=slots, workers=terms.workers), LOST, _unit_of)


def _unit_of(dispatched: Dispatched) -> SeriesUnit:
    return dispatched.unit
