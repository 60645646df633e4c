"""Search (QIDO-RS, PS3.18 Section 10.6): the de-identified attributes of what matches in pseudonymised space.

The response is defined as {deid(x) | x at the origin server, match(deid(x), query)}. The origin server is asked for
a superset only, to make the search fast. Whether it applied the filters that were sent does not matter: the
definition is applied to everything it returns. A query for an original value therefore finds nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from dataclasses import dataclass, replace

from dicomveil_engine import EngineError, InstanceIdentity, JSONDataSet
from dicomveil_engine.json_model.reading import Reading
from dicomveil_engine.json_model.rewriter import RewrittenPart
from dicomveil_engine.pseudonyms.sides import OriginalUID, PseudonymousUID
from dicomveil_proxy.origin.cursors import BEGINNING, Cursor
from dicomveil_proxy.origin.pages import pages, unique
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level, Query, matches, requested_tags
from dicomveil_proxy.spent import deidentifying
from dicomveil_proxy.transactions.completion import AT_A_TIME, Completion, needs_completion
from dicomveil_proxy.transactions.superset import (
    OWN,
    Question,
    first_level,
    keyed_keys,
    questions,
    without_illegal_offset,
)
from dicomveil_proxy.transactions.tally import Tally
from dicomveil_proxy.translation.translation import identity_of, text_of
from dicomveil_proxy.turns import Turns

_STUDY = 0x0020000D
_RETRIEVE_URL, _PATIENT_ID = "00081190", "00100020"
_SMALLEST_PAGE, _PAGE_OF_MANY, _LARGEST_PAGE = 50, 250, 500
_EACH, _EACH_KEY = 1_300, 100
"""The cost (see `Turns`) of a result, and of matching it with one key: 50 results are some 10 ms of work."""
_MORE = "There are additional results that can be requested"
"""The warning of PS3.18 Section 8.3.4.4, without the number of results, which is not known."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scope:
    """The study or series within which the search runs, in pseudonymised space."""

    study: PseudonymousUID | None = None
    series: PseudonymousUID | None = None


@dataclass(frozen=True)
class Answer:
    """The response to a search."""

    results: list[JSONDataSet]
    warnings: tuple[str, ...] = ()
    """Warnings in the standard's words (PS3.18 Section 8.3.4)."""


@dataclass(frozen=True)
class SearchPlan:
    """A compiled search: the requests to the origin server, and how their results are filtered."""

    query: Query
    scope: Scope
    study: OriginalUID | None
    """The original of the scope's study."""
    series: OriginalUID | None
    """The original of the scope's series."""
    questions: tuple[Question, ...]
    """Requests to the origin server, run in order; empty where no match is possible."""
    plain: Query
    """The query's conditions on attributes that results have before they are completed."""
    completion: Completion
    """Fetches attributes that the origin server omits from its results."""
    fields: frozenset[str] | None
    """The keys of the requested attributes; None for all."""

    @property
    def name(self) -> Hashable:
        """The name under which cursors of this search are cached. It changes with the contents of the identity map."""
        asked = tuple(each.keys for each in self.questions)
        return self.query.level, self.study, self.series, frozenset(self.query.keys), asked

    def released(self, result: JSONDataSet) -> JSONDataSet:
        """The requested attributes of a result."""
        if self.fields is None:
            return result
        return {key: element for key, element in result.items() if key in self.fields}


async def plan(project: Project, scope: Scope, query: Query) -> SearchPlan:
    """Compile a search. Raises UnknownResource where the scope is not a pseudonym of the project."""
    translation = project.translation
    study = await translation.study(scope.study) if scope.study else None
    series = await translation.series(study, scope.series) if scope.series else None
    completion = Completion(project, query, study, series)
    plain = query
    if completion.is_needed:
        keys = [key for key in query.keys if not needs_completion(query.level, key.path[0])]
        plain = replace(query, keys=tuple(keys))
    tags = requested_tags(query, from_level=first_level(study, series)) | {_STUDY, *OWN[query.level]}
    fields = None if query.include_all else frozenset(f"{tag:08X}" for tag in tags)
    asked = await questions(project, query, study, series)
    # The request may have pseudonyms of an older key; the response has those of the first key.
    scope = Scope(*(None if each is None else translation.uid(each) for each in (study, series)))
    return SearchPlan(query, scope, study, series, tuple(asked), plain, completion, fields)


async def search(project: Project, scope: Scope, query: Query, base_url: str) -> Answer:
    """Search a project. Raises UnknownResource where the scope is not a pseudonym of the project."""
    compiled = await plan(project, scope, query)
    if not compiled.questions or query.limit == 0:
        return Answer([], query.not_done)
    running = _Execution(project, compiled, base_url)
    results: list[JSONDataSet] = []
    # At our own limit one more match is looked for, to know whether to warn that there are more.
    with running.left_out:
        async with aclosing(running.matches(query.limit + query.is_capped)) as found:
            async for result in found:
                if len(results) == query.limit:
                    return Answer(results, (*query.not_done, _MORE))
                results.append(compiled.released(result))
    return Answer(results, query.not_done)


class _Execution:
    """One execution of a plan."""

    def __init__(self, project: Project, compiled: SearchPlan, base_url: str) -> None:
        self._project = project
        self._plan = compiled
        self._query = compiled.query
        self._base_url = base_url
        self.left_out = Tally(_log, "a search result was left out")
        self._turns = Turns()
        self._watch = project.guard.watch()
        self._cost = _EACH + _EACH_KEY * len(compiled.query.keys)
        self._assumed = InstanceIdentity(
            study_instance_uid=compiled.study or "", series_instance_uid=compiled.series or ""
        )

    async def matches(self, count: int) -> AsyncGenerator[JSONDataSet, None]:
        """De-identified matches with all attributes: at most `count` after the query's offset."""
        query, cursors, asked, name = self._query, self._project.cursors, self._plan.questions, self._plan.name
        end = query.offset + query.limit
        begun = cursors.nearest(name, query.offset)
        if begun.seen < query.offset and len(asked) == 1 and self._gives_everything:
            begun = await self._jump(asked[0])
        seen = begun.seen
        for source in range(begun.source, len(asked)):
            offset, before = (begun.offset, begun.before) if source == begun.source else (0, None)
            found = self._pages(asked[source], query.offset + count - seen, offset, before)
            async with aclosing(found):
                async for page in found:
                    async with aclosing(self._matches_of(page, asked[source])) as of_page:
                        async for index, result in of_page:
                            seen += 1
                            if seen == end:
                                cursors.note(name, Cursor(seen, source, offset + index + 1, unique(page[0])))
                            if seen > query.offset:
                                yield result
                            if seen == query.offset + count:
                                return
                    if page:
                        offset += len(page)
                        cursors.note(name, Cursor(seen, source, offset, unique(page[0])))

    @property
    def _gives_everything(self) -> bool:
        """Whether every result of the origin server is a match, so that offsets are the same on both sides."""
        return not self._query.conditions and not self._project.omits_errors

    async def _jump(self, question: Question) -> Cursor:
        """A cursor at the query's offset, which the origin server skips; with its first result as proof that it did."""
        first = await self._project.origin.search(
            self._query.level, self._plan.study, self._plan.series, question.parameters, limit=1, offset=0
        )
        if len(first) != 1:
            return BEGINNING
        return Cursor(self._query.offset, 0, self._query.offset, unique(first[0]))

    def _pages(
        self, question: Question, wanted: int, start: int, before: tuple[str, ...] | None
    ) -> AsyncGenerator[list[JSONDataSet], None]:
        """The origin server's results from an offset on, in pages whose size suits the number wanted."""
        many = not question.is_narrow or (wanted > _LARGEST_PAGE and not self._query.conditions)
        size = _PAGE_OF_MANY if many else min(max(wanted, _SMALLEST_PAGE), _LARGEST_PAGE)
        return pages(
            self._project.origin,
            self._query.level,
            self._plan.study,
            self._plan.series,
            question.parameters,
            size=size,
            start=start,
            before=before,
            ahead=int(many),
        )

    async def _matches_of(
        self, page: list[JSONDataSet], question: Question
    ) -> AsyncGenerator[tuple[int, JSONDataSet], None]:
        """The matches in a page of the origin server's results, each with its index in the page."""
        await self._project.translation.learn(page)
        one_by_one = 0
        if not self._plan.completion.is_needed:
            for original in page:
                await self._turns.spend(self._cost)
                found = self._match(original, question, self._query)
                if found and found.unsure:
                    break
                if found:
                    yield one_by_one, self._released(original, found)
                one_by_one += 1
        for begin in range(one_by_one, len(page), AT_A_TIME):
            await self._turns.spend(AT_A_TIME * self._cost)
            several = page[begin : begin + AT_A_TIME]
            for step, result in enumerate(await asyncio.gather(*(self._completed(each, question) for each in several))):
                if result:
                    yield begin + step, result

    async def _completed(self, original: JSONDataSet, question: Question) -> JSONDataSet | None:
        """The de-identified result if it matches, with its missing attributes, checked against the whole header."""
        completion = self._plan.completion
        if not self._match(original, question, self._plan.plain):
            return None
        whole = await completion.complete(original) if completion.is_needed else original
        found = self._match(whole, question, self._query)
        if found and found.unsure and (words := await completion.words(original)):
            found = self._match(whole, question, self._query, words)
        elif found and not self._is_match(whole, found, self._query):
            found = None
        return self._released(whole, found) if found else None

    def _match(
        self, original: JSONDataSet, question: Question, query: Query, words: Reading | None = None
    ) -> RewrittenPart | None:
        """deid(x) if it matches and lies within the scope, whether or not the origin server applied the filters.

        Without the identifying words of the header, a value that may name somebody is emptied and matches any key.
        """
        if question.patient is not None and text_of(original, _PATIENT_ID) != question.patient:
            return None
        try:
            with deidentifying():
                found = self._project.matches.rewrite_part(
                    without_illegal_offset(original), assumed=self._assumed, header=words
                )
        except EngineError as error:
            # Which results the origin server gives for moved dates depends on the original dates. An error for one of
            # them would tell whether its date is in the range that was asked for, and so by how many days it moves.
            if not self._project.omits_errors and not question.moves_dates:
                raise
            self.left_out.note(str(error))
            return None
        result = found.dataset
        identity, scope = identity_of(result), self._plan.scope
        if scope.study and identity.study_instance_uid not in ("", scope.study):
            return None
        if scope.series and identity.series_instance_uid not in ("", scope.series):
            return None
        self._complete(result, identity)
        return found if self._is_match(original, found, query.without(found.unsure)) else None

    def _is_match(self, original: JSONDataSet, found: RewrittenPart, query: Query) -> bool:
        """Whether a result matches by its values, or by those that older versions of the key would give.

        Only attributes whose values derive from the key are tried with older versions.
        """
        result = found.dataset
        if matches(result, query):
            return True
        if not self._project.older or not (keyed := keyed_keys(self._project.policy, query)):
            return False
        mixed = dict(result)
        for key in keyed:
            name, only = f"{key.path[0]:08X}", replace(query, keys=(key,))
            if matches(result, only):
                continue
            for rewriter in self._project.older_matches:
                older = rewriter.rewrite_part(without_illegal_offset(original), assumed=self._assumed).dataset
                if matches(older, only):
                    mixed[name] = older[name]
                    break
            else:
                return False
        return matches(mixed, query)

    def _released(self, original: JSONDataSet, found: RewrittenPart) -> JSONDataSet:
        """A match after the leak guard's inspection."""
        if self._watch.is_on:
            self._watch.inspect_json(original, found.dataset, is_alone=True)
            self._watch.settle()
        return found.dataset

    def _complete(self, result: JSONDataSet, identity: InstanceIdentity) -> None:
        """Add the Retrieve URL, and remove an empty Modalities in Study (0008,0061)."""
        level = self._query.level
        study = identity.study_instance_uid or self._plan.scope.study
        path = f"{self._base_url}/studies/{study}" if study else ""
        if level is not Level.STUDIES:
            series = identity.series_instance_uid or self._plan.scope.series
            path = f"{path}/series/{series}" if path and series else ""
        if level is Level.INSTANCES:
            path = f"{path}/instances/{identity.sop_instance_uid}" if path and identity.sop_instance_uid else ""
        if path:
            result[_RETRIEVE_URL] = {"vr": "UR", "Value": [path]}
        # Viewers read its first value without checking that there is one.
        if not result.get("00080061", {}).get("Value"):
            result.pop("00080061", None)
