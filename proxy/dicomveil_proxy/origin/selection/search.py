"""Searches across studies at an origin server of which a project has only some studies.

The filter's keys are sent to the origin server to keep the results few, and every result is checked again.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from weakref import WeakValueDictionary

from dicomveil_engine.attributes.dictionary import tag_of
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.origin.cursors import Cursor, Cursors
from dicomveil_proxy.origin.pages import pages, unique
from dicomveil_proxy.origin.selection.verdicts import UIDS_ASKED, Verdicts, study_of
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.settings.filters import StudyFilter

_STUDY_KEYS = ("StudyInstanceUID", "0020000D")
_NARROWING = frozenset((0x00080020, 0x00080061, 0x00100020))
"""StudyDate, ModalitiesInStudy, PatientID: the keys of a filter that are sent, since all origin servers support them;
some servers refuse or misinterpret others."""
_PLAIN = re.compile(r"[0-9A-Za-z._-]+")
_SMALLEST_PAGE = 100
"""Results of one request at least, since many may be of other studies."""
_ALL_TOGETHER = 500
"""Results of one request where the caller wants all."""

Parameters = tuple[tuple[str, str], ...]


class SelectedSearch:
    """Pages of results for selected studies."""

    def __init__(self, origin: Origin, selection: StudyFilter, verdicts: Verdicts, cursors: Cursors) -> None:
        self._origin = origin
        self._selection = selection
        self._verdicts = verdicts
        self._cursors = cursors
        """Positions of earlier pages. Without them, paging to the end would take time quadratic in the pages."""
        self._locks: WeakValueDictionary[tuple[Level, Parameters], asyncio.Lock] = WeakValueDictionary()

    async def page(self, level: Level, params: Parameters, limit: int, offset: int) -> list[Match]:
        """At most `limit` results for selected studies from `offset` on; all of them if `limit` is 0."""
        query = level, params
        # Concurrent requests for pages run in turn, since each starts at the cursor of the one before.
        lock = self._locks.setdefault(query, asyncio.Lock())
        async with lock:
            begun = self._cursors.nearest(query, offset)
            seen, parts = begun.seen, self._parts(level, params)
            chosen: list[Match] = []
            size = max(limit, _SMALLEST_PAGE) if limit > 0 else _ALL_TOGETHER
            for part in range(begun.source, len(parts)):
                at, before = (begun.offset, begun.before) if part == begun.source else (0, None)
                rows = pages(self._origin, level, None, None, parts[part], size=size, start=at, before=before)
                async with aclosing(rows):
                    async for page in rows:
                        for number, match in await self._selected(level, page):
                            seen += 1
                            if seen > offset:
                                chosen.append(match)
                            if len(chosen) == limit > 0:
                                self._cursors.note(query, Cursor(seen, part, at + number, unique(page[0])))
                                return chosen
                        at += len(page)
            if seen:
                self._cursors.note(query, Cursor(seen, len(parts)))
            return chosen

    async def _selected(self, level: Level, page: list[Match]) -> list[tuple[int, Match]]:
        """The results of a page for selected studies, each with its number in the page.

        A result at the study level has the attributes that the filter needs.
        """
        if level is Level.STUDIES:
            lists, passes = self._selection.lists, self._selection.passes
            return [(n, match) for n, match in enumerate(page, 1) if lists(study_of(match)) and passes(match)]
        selected = await self._verdicts.of({study_of(match) for match in page})
        return [(n, match) for n, match in enumerate(page, 1) if selected[study_of(match)]]

    def _parts(self, level: Level, params: Parameters) -> list[Parameters]:
        """Searches that together find at least all selected studies, each study in one of them."""
        listed = self._selection.studies
        asked = next((value for name, value in params if name in _STUDY_KEYS and value), None)
        if listed is not None:
            if asked is not None:
                listed &= frozenset(uid.strip() for uid in asked.replace("\\", ",").split(","))
                params = tuple(param for param in params if param[0] not in _STUDY_KEYS)
            uids = sorted(listed)
            lists = [",".join(uids[first : first + UIDS_ASKED]) for first in range(0, len(uids), UIDS_ASKED)]
            return [(("StudyInstanceUID", uids), *self._narrowed(level, params)) for uids in lists]
        return [self._narrowed(level, params)]

    def _narrowed(self, level: Level, params: Parameters) -> Parameters:
        """A search for studies with the filter's keys added, unless the search has the same key."""
        if level is not Level.STUDIES:
            return params
        asked = {_tag(name) for name, value in params if value}
        own = tuple(
            (name, value)
            for name, value in self._selection.parameters
            if (tag := _tag(name)) in _NARROWING and tag not in asked and _PLAIN.fullmatch(value)
        )
        return (*own, *params, *self._selection.included(params))


def _tag(name: str) -> int | None:
    return tag_of(name) or (int(name, 16) if re.fullmatch("[0-9A-Fa-f]{8}", name) else None)
