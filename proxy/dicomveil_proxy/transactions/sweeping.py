"""Look at all instances of a project beforehand, so that no viewer waits for it.

Series by series; one that was swept, and has as many instances as then, is passed over, so that a sweep that was
stopped resumes where it was. Within a series, instances whose boxes are known are not looked at again.
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
    """What a sweep has come to so far."""

    series: int = 0
    skipped: int = 0
    """Series that an earlier sweep has done."""
    failed: int = 0
    """Series that the origin server did not give."""
    passed: int = 0
    """Instances that are not looked at."""
    looked_at: int = 0
    """Instances whose boxes are known now."""
    refused: int = 0


async def sweep(project: Project, looking: Looking) -> AsyncGenerator[Swept, None]:
    """Look at everything; how far it is, after each series."""
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
        return  # it was removed meanwhile
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
    """Look at the instances of a series; how many were refused."""
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
