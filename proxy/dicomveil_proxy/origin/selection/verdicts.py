"""Whether studies are selected by a project's filter, by search results that are cached for some seconds.

A study without a search result is not selected.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing

from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.settings.filters import StudyFilter

UIDS_ASKED = 50
"""StudyInstanceUIDs in one search: 3 KiB of a URL, while servers accept 8 KiB."""
_STUDY = "0020000D"
_RESULTS_ASKED = 500


class Verdicts:
    """The filter's verdicts on studies."""

    def __init__(
        self,
        origin: Origin,
        selection: StudyFilter,
        *,
        clock: Callable[[], float] = time.monotonic,
        seconds: float = 30.0,
        most: int = 10_000,
    ) -> None:
        self._origin = origin
        self._selection = selection
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._known: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        """Original StudyInstanceUID → whether it passes the filter, and until when that is cached."""

    async def of(self, studies: Iterable[str]) -> dict[str, bool]:
        """Whether each study is selected; studies that are not cached are searched at the origin server."""
        selected = {study: self._selection.lists(study) for study in studies}
        if not self._selection.parameters:
            return selected
        unknown: list[str] = []
        for study in (study for study, is_listed in selected.items() if is_listed):
            verdict, until = self._known.get(study, (False, 0.0))
            selected[study] = verdict
            if until <= self._clock():
                unknown.append(study)
        for first in range(0, len(unknown), UIDS_ASKED):
            selected |= await self._ask(unknown[first : first + UIDS_ASKED])
        return selected

    async def _ask(self, studies: list[str]) -> dict[str, bool]:
        params = (("StudyInstanceUID", ",".join(studies)), *self._selection.included(()))
        found: dict[str, bool] = {}
        rows = pages(self._origin, Level.STUDIES, None, None, params, size=_RESULTS_ASKED)
        async with aclosing(rows):
            async for page in rows:
                for match in page:
                    study = study_of(match)
                    # A UID under two patients gives two results: both must pass, since a retrieve returns both.
                    found[study] = found.get(study, True) and self._selection.passes(match)
        until = self._clock() + self._seconds
        verdicts = {study: found.get(study, False) for study in studies}
        for study, verdict in verdicts.items():
            self._known[study] = verdict, until
            self._known.move_to_end(study)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return verdicts


def study_of(match: Mapping[str, object]) -> str:
    """The StudyInstanceUID of a search result; empty if missing, and so not selected."""
    element = match.get(_STUDY)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and len(values) == 1 else None
    return first.strip(" \0") if isinstance(first, str) else ""
