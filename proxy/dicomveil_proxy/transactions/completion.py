"""Attributes that an origin server omits from search results, fetched by further requests.

Orthanc omits sequences and private attributes, and has a study's modalities and counts only in results at the study
level. Where a search names them, they are taken from the metadata of one instance of the series or study, or from the
result for the study. The same metadata contains the patient's names, which the values of a result must not repeat.
Everything here is in original space.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from functools import partial

from dicomveil_engine import EngineError, JSONDataSet
from dicomveil_engine.attributes.dictionary import vr_of
from dicomveil_engine.json_model.reading import Reading
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import OriginMalformed, UnknownResource
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level, Query, name_of
from dicomveil_proxy.transactions.superset import is_never_released
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.turns import beside

AT_A_TIME = 8
"""Results that are completed concurrently: half of the connections to the origin server."""

_CONTRIBUTING_EQUIPMENT = 0x0018A001
_OF_STUDIES = frozenset((0x00080061, 0x00080062, 0x00201206, 0x00201208))
"""ModalitiesInStudy, SOPClassesInStudy, NumberOfStudyRelatedSeries, NumberOfStudyRelatedInstances."""


def needs_completion(level: Level, tag: int) -> bool:
    """Whether the origin server may omit the attribute from results although it has it."""
    return vr_of(tag) == "SQ" or bool(tag >> 16 & 1) or (tag in _OF_STUDIES and level is not Level.STUDIES)


class Completion:
    """Completes the results of one search."""

    def __init__(self, project: Project, query: Query, study: OriginalUID | None, series: OriginalUID | None) -> None:
        """`study` and `series` are the original UIDs within which the search runs."""
        self._project = project
        self._level = query.level
        self._study = study
        self._series = series
        asked = {key.path[0] for key in query.keys} | set(query.include)
        tags = {
            tag for tag in asked if needs_completion(query.level, tag) and not is_never_released(project.policy, tag)
        }
        if project.reidentifies and query.level is not Level.STUDIES:
            # The only sign that an instance was re-identified, and its texts written by a user agent
            # (reidentification.restoration).
            tags.add(_CONTRIBUTING_EQUIPMENT)
        self._of_study = tags & _OF_STUDIES
        self._of_instance = tags - self._of_study
        self._studies: dict[OriginalUID, asyncio.Task[JSONDataSet]] = {}

    @property
    def is_needed(self) -> bool:
        """Whether the search requests an attribute that results may omit."""
        return bool(self._of_study or self._of_instance)

    async def complete(self, result: JSONDataSet) -> JSONDataSet:
        """The result with the missing attributes. Raises OriginError."""
        identity = identity_of(result)
        study = OriginalUID(identity.study_instance_uid) or self._study
        if study is None:
            return result
        whole = dict(result)
        if lacking := _lacking(result, self._of_instance):
            series = OriginalUID(identity.series_instance_uid) or self._series
            header, _ = await self._header(study, series, OriginalUID(identity.sop_instance_uid))
            for key, element in header.items():
                tag = int(key, 16)
                is_creator = tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF
                if tag in lacking or (is_creator and any(each >> 16 == tag >> 16 for each in lacking)):
                    whole[key] = element
        if lacking := _lacking(result, self._of_study):
            if study not in self._studies:
                self._studies[study] = asyncio.ensure_future(self._of(study))
            found = await self._studies[study]
            whole |= {key: found[key] for key in map("{:08X}".format, lacking) if key in found}
        return whole

    async def words(self, result: JSONDataSet) -> Reading | None:
        """The identifying words in the metadata of a result's first instance; None where it cannot be read.

        Raises OriginError.
        """
        identity = identity_of(result)
        study = OriginalUID(identity.study_instance_uid) or self._study
        series = OriginalUID(identity.series_instance_uid) or self._series
        if study is None:
            return None
        try:
            header, is_long = await self._header(study, series, OriginalUID(identity.sop_instance_uid))
        except OriginMalformed:
            return None  # values that may name somebody are then emptied
        read = partial(self._project.matches.read_header, header)
        try:
            return (await beside(read) if is_long else read()) if header else None
        except EngineError:
            return None

    async def _header(
        self, study: OriginalUID, series: OriginalUID | None, instance: OriginalUID
    ) -> tuple[JSONDataSet, bool]:
        """The metadata of the instance, or of the first one of the series or study, and whether it is long."""
        if self._level is Level.STUDIES:
            series = None
        origin = self._project.origin
        if not series or not instance:
            fields = [("includefield", name_of(tag)) for tag in (0x0020000E, 0x00080018)]
            found = await origin.search(Level.INSTANCES, study, series, fields, limit=1, offset=0)
            if not found:
                return {}, False
            identity = identity_of(found[0])
            series = series or OriginalUID(identity.series_instance_uid)
            instance = OriginalUID(identity.sop_instance_uid)
        headers: list[JSONDataSet] = []
        is_long = False
        limit = self._project.limits.header_bytes
        try:
            async with aclosing(data_sets(origin, study, series, instance, limit=limit)) as found_headers:
                async for batch in found_headers:
                    headers += batch.datasets
                    is_long |= batch.are_long
        except UnknownResource:
            return {}, False  # deleted since the search
        if len(headers) != 1:
            raise OriginMalformed("the metadata of one instance is not one data set")
        return headers[0], is_long

    async def _of(self, study: OriginalUID) -> JSONDataSet:
        fields = [("includefield", name_of(tag)) for tag in sorted(self._of_study)]
        parameters = [("StudyInstanceUID", study), *fields]
        found = await self._project.origin.search(Level.STUDIES, None, None, parameters, limit=2, offset=0)
        return next((each for each in found if identity_of(each).study_instance_uid == study), {})


def _lacking(result: JSONDataSet, tags: Iterable[int]) -> set[int]:
    return {tag for tag in tags if f"{tag:08X}" not in result}
