"""Find text in the pixels of all instances of a project in advance, so that viewers do not wait for it.

Series by series. A series that was swept before is skipped if its number of instances is unchanged, so that an
interrupted sweep resumes. Within a series, instances with known boxes are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from dicomveil_engine import EngineError
from dicomveil_engine.pixels.gate import PixelAction
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import ProxyError, UnknownResource
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.transactions.covering.read_ahead import arrivals
from dicomveil_proxy.translation.translation import identity_of

_ASKED = 500


@dataclass
class Swept:
    """The progress of a sweep."""

    series: int = 0
    skipped: int = 0
    """Series that an earlier sweep has completed."""
    failed: int = 0
    """Series that could not be retrieved from the origin server."""
    passed: int = 0
    """Instances without pixels to search."""
    looked_at: int = 0
    """Instances whose boxes are known."""
    refused: int = 0


async def sweep(project: Project, looking: Looking) -> AsyncGenerator[Swept, None]:
    """Sweep a project; yields the progress after each series."""
    swept = Swept()
    studies = pages(project.origin, Level.STUDIES, None, None, (), size=_ASKED)
    async with aclosing(studies):
        async for page in studies:
            for match in page:
                study = OriginalUID(identity_of(match).study_instance_uid)
                series = pages(project.origin, Level.SERIES, study, None, (), size=_ASKED)
                async with aclosing(series):
                    async for found in series:
                        for each in found:
                            uid = OriginalUID(identity_of(each).series_instance_uid)
                            await _series(project, looking, study, uid, swept)
                            yield swept


async def _series(project: Project, looking: Looking, study: OriginalUID, series: OriginalUID, swept: Swept) -> None:
    digest = looking.digest("swept", study, series)
    try:
        count = await _count(project, study, series)
        done = await looking.at_disk(looking.records.get, digest)
        if done is not None and done.get("count") == count:
            swept.skipped += 1
            return
        failures = await _instances(project, looking, study, series, swept)
    except UnknownResource:
        return  # deleted meanwhile
    except ProxyError:
        swept.failed += 1
        return
    swept.series += 1
    if not failures:
        await looking.at_disk(looking.records.put, digest, {"count": count})


async def _count(project: Project, study: OriginalUID, series: OriginalUID) -> int:
    count = 0
    async with aclosing(pages(project.origin, Level.INSTANCES, study, series, (), size=_ASKED)) as found:
        async for page in found:
            count += len(page)
    return count


async def _instances(project: Project, looking: Looking, study: OriginalUID, series: OriginalUID, swept: Swept) -> int:
    """Search the instances of a series, and return the number that were refused."""
    refused = 0
    async with aclosing(arrivals(project, looking, project.origin.instances(study, series, None))) as arriving:
        async for arrival in arriving:
            try:
                with arrival.counting():
                    treatment = await arrival.treatment()
            except EngineError:
                refused += 1
            else:
                if treatment.verdict.action is PixelAction.LOOK:
                    swept.looked_at += 1
                else:
                    swept.passed += 1
            arrival.leave()
    swept.refused += refused
    return refused
