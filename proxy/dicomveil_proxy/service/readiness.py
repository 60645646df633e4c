"""Readiness: whether the archives answer and the identity maps and the audit can be used.

The endpoint needs no credentials: it names the failing part only, and checks the parts once every few seconds however
often it is requested.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.service.responses import json_response
from dicomveil_proxy.translation.identity import Kind
from dicomveil_proxy.trust.audit import Audit

_SECONDS = 5.0
"""How long a result is kept, and the time limit of each check."""
_PROBE = "readiness"
"""Looked up in the identity map: not a pseudonym, so that it is never cached and the table is read."""

_log = logging.getLogger(__name__)


class Readiness:
    """The endpoint of `/readyz`."""

    def __init__(self, projects: Sequence[Project], audit: Audit, seconds: float = _SECONDS) -> None:
        self._projects = projects
        self._audit = audit
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._asked = float("-inf")
        self._failing: tuple[str, ...] = ()

    async def answer(self, _: Request) -> Response:
        """200, or 503 with the parts that fail: archive, state, audit."""
        async with self._lock:
            if time.monotonic() - self._asked >= self._seconds:
                await self._ask()
        if self._failing:
            return json_response({"status": "unavailable", "failing": list(self._failing)}, status=503)
        return json_response({"status": "ok"})

    async def _ask(self) -> None:
        origins = {id(project.origin): project for project in self._projects}.values()
        archives = await asyncio.gather(*map(self._archive_answers, origins))
        states = await asyncio.gather(*map(self._state_answers, self._projects))
        parts = {"archive": all(archives), "state": all(states), "audit": self._audit.is_writable()}
        failing = tuple(name for name, is_well in parts.items() if not is_well)
        if failing != self._failing:
            _log.log(logging.ERROR if failing else logging.INFO, "readiness: %s", ", ".join(failing) or "nothing fails")
        self._failing, self._asked = failing, time.monotonic()

    async def _archive_answers(self, project: Project) -> bool:
        try:
            async with asyncio.timeout(self._seconds):
                await project.origin.search(Level.STUDIES, None, None, [], limit=1, offset=0)
        except (ProxyError, TimeoutError):
            return False
        return True

    async def _state_answers(self, project: Project) -> bool:
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.to_thread(project.identities.original, Kind.STUDY, _PROBE)
        except (ProxyError, TimeoutError):
            return False
        return True
