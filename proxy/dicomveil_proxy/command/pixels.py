"""`dicomveil pixels sweep`: searches the pixels of an archive for text before they are requested."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.refusal import refuse, sigterm_as_interrupt
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.service.application import origin_of, policy_of, project_of
from dicomveil_proxy.settings.projects import ProjectSettings, projects_of
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.transactions.sweeping import Swept, sweep
from dicomveil_proxy.trust.alarm import PixelAlarm
from dicomveil_proxy.trust.quarantine import Quarantine


def run(settings: Settings) -> None:
    """Sweep each project whose policy searches pixels for text, or refuse."""
    try:
        with sigterm_as_interrupt():
            quarantine = Quarantine(settings.quarantine) if settings.quarantine else None
            looked = [asyncio.run(_project(each, quarantine)) for each in projects_of(settings)]
    except ConfigurationError as error:
        refuse(str(error))
    except ProxyError as error:
        refuse(f"the origin server cannot be swept: {error}; run it again, and it resumes")
    except KeyboardInterrupt:
        refuse("stopped; run it again, and it resumes")
    if not any(looked):
        refuse('profile: no project searches pixels for text; write "pixels": "clean" into its file')


async def _project(settings: ProjectSettings, quarantine: Quarantine | None) -> bool:
    with settings.blamed():
        policy = policy_of(settings)
        origin = origin_of(settings)
        project = project_of(settings, policy, origin)
    swept = Swept()
    try:
        if project.looking is None:
            return False
        project.looking.alarm = PixelAlarm(None, quarantine, label_of(project.name))
        async with aclosing(sweep(project, project.looking)) as progress:
            async for swept in progress:
                if sys.stderr.isatty():
                    print(f"\r{_described(swept)}", end="", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print(file=sys.stderr)
        print(f"{settings.label}{_described(swept)}")
        return True
    finally:
        if project.looking is not None:
            await project.looking.aclose()
        await origin.aclose()
        await project.transcoder.aclose()
        await asyncio.to_thread(project.identities.close)


def _described(swept: Swept) -> str:
    return (
        f"{swept.series:,} series ({swept.skipped:,} done before, {swept.failed:,} could not be retrieved): "
        f"{swept.looked_at:,} instances searched, {swept.passed:,} need no search, {swept.refused:,} refused"
    )
