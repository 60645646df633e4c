"""`dicomveil check`, and the warnings when `serve` starts: tests of the origin servers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.first_check import check_files, effective_settings
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.origin.web.diagnosis import diagnose
from dicomveil_proxy.settings.projects import projects_of
from dicomveil_proxy.settings.server import Settings

HAS_ERRORS = 1
"""Exit status: an origin server failed its test."""
_CHECK_SECONDS, _START_SECONDS = 10.0, 3.0


def check(config: Path | None) -> None:
    """Check the settings as `serve` does, then test each origin server; exit with 1 after an error."""
    from dicomveil_proxy.command.server_check import check_server  # noqa: PLC0415 - after what needs no clients

    try:
        settings = effective_settings(config)
        check_files(settings)
        warned = check_server(settings)
    except ConfigurationError as error:
        refuse(str(error))
    for warning in warned:
        print(f"warning: {warning}")
    wrong = faults(settings, seconds=_CHECK_SECONDS)
    for fault in wrong:
        print(f"error: {fault}", file=sys.stderr)
    if wrong:
        sys.exit(HAS_ERRORS)
    print("The settings are right, and each origin server answers a search.")


def faults(settings: Settings, *, seconds: float = _START_SECONDS) -> list[str]:
    """The errors of the origin servers, each of which is tested once, even if several projects use it."""
    asked: dict[str, str] = {}
    for project in projects_of(settings):
        if project.origin_folder is None:
            asked.setdefault(project.origin, project.label)

    async def ask() -> list[str | None]:
        return list(await asyncio.gather(*(diagnose(url, seconds=seconds) for url in asked)))

    return [
        f"{label}{fault}" for label, fault in zip(asked.values(), asyncio.run(ask()), strict=True) if fault is not None
    ]
