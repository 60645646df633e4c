"""The originals of an instance's pseudonyms, and the study that it was derived from, from the origin server.

Studies, series and instances are found through the identity map and searches. Other UIDs, such as frames of reference,
are found in the metadata of one instance of the study, or if necessary of all of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from dicomveil_engine import InstanceIdentity, InvalidDataSetError, JSONDataSet
from dicomveil_engine.pseudonyms.sides import OriginalUID, PseudonymousUID
from dicomveil_proxy.errors import Conflict, OriginMalformed, UnknownResource
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.project import Project
from dicomveil_proxy.reidentification.references import Reference
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.translation.identity import Kind
from dicomveil_proxy.translation.translation import PAGE, text_of

_SERIES, _INSTANCE = "0020000E", "00080018"

_UIDs = dict[PseudonymousUID, OriginalUID]


@dataclass
class Original:
    """What has been read of a study at the origin server."""

    study_instance_uid: OriginalUID
    instance: JSONDataSet
    """The metadata of one of its instances."""
    uids: _UIDs = field(default_factory=dict)
    """Pseudonym → original."""
    unknown: set[PseudonymousUID] = field(default_factory=set)
    """Pseudonyms whose originals are not in the study."""


class Originals:
    """The studies that the instances of one store request were derived from."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[PseudonymousUID, Original] = {}

    async def of(self, identity: InstanceIdentity, references: list[Reference]) -> Original:
        """The original of an instance's study, with the originals of all references.

        Raises UnknownResource if the origin server does not have the study, and Conflict if it does not have a
        referenced study, series or instance.
        """
        study = PseudonymousUID(identity.study_instance_uid)
        original = self._known.get(study)
        uids = original.uids if original else {study: await self._project.translation.study(study)}
        missing = [reference for reference in references if reference.pseudonym not in uids]
        await self._look_up(missing, uids, uids[study])
        if original is None:
            instance = await self._instance(uids[study], references, uids)
            original = self._known[study] = Original(uids[study], instance, uids)
        named = [uids[each.pseudonym] for each in references if each.kind is Kind.STUDY and each.pseudonym in uids]
        left = {each.pseudonym for each in missing if each.pseudonym not in uids}
        await self._search_metadata(left, original, [original.study_instance_uid, *named])
        if any(each.kind and each.pseudonym not in uids for each in references):
            raise Conflict("it refers to an instance that the origin server does not have")
        series = PseudonymousUID(identity.series_instance_uid)
        if series in uids:
            await self._check_series(original.study_instance_uid, uids[series])
        return original

    async def _look_up(self, missing: list[Reference], uids: _UIDs, home: OriginalUID) -> None:
        """Look up studies, series and instances through the translation."""
        translation = self._project.translation
        for each in sorted(missing, key=lambda each: each.kind is not Kind.STUDY):
            if each.pseudonym in uids:
                continue
            study = uids.get(each.study, home)
            with suppress(UnknownResource):
                if each.kind is Kind.STUDY:
                    uids[each.pseudonym] = await translation.study(each.pseudonym)
                elif each.kind is Kind.SERIES:
                    uids[each.pseudonym] = await translation.series(study, each.pseudonym)
                elif each.kind is Kind.INSTANCE:
                    uids[each.pseudonym] = await translation.instance(study, None, each.pseudonym)

    async def _instance(self, study: OriginalUID, references: list[Reference], uids: _UIDs) -> JSONDataSet:
        """The metadata of a referenced instance, or else of any in the study."""
        pseudonyms = (each.pseudonym for each in references if each.kind is Kind.INSTANCE)
        instances = [uids[pseudonym] for pseudonym in pseudonyms if pseudonym in uids]
        for keys in (*([("SOPInstanceUID", wanted)] for wanted in instances[:1]), []):
            for match in await self._project.origin.search(Level.INSTANCES, study, None, keys, limit=1, offset=0):
                series, instance = (OriginalUID(text_of(match, key)) for key in (_SERIES, _INSTANCE))
                if series and instance:
                    async with aclosing(self._metadata(study, series, instance)) as metadata:
                        async for found in metadata:
                            return found
        raise UnknownResource("there is no such resource")

    async def _search_metadata(
        self, missing: set[PseudonymousUID], original: Original, studies: list[OriginalUID]
    ) -> None:
        """Look for the missing UIDs in the metadata of the one instance, and then of all studies."""
        missing -= original.unknown
        if missing:
            self._learn(missing, original.instance, original.uids)
        for study in dict.fromkeys(studies):
            if not missing:
                return
            async with aclosing(self._metadata(study)) as instances:
                async for instance in instances:
                    self._learn(missing, instance, original.uids)
                    if not missing:
                        break
        # They are kept as pseudonyms, which de-identification does not change again.
        original.unknown |= missing

    def _learn(self, missing: set[PseudonymousUID], dataset: JSONDataSet, uids: _UIDs) -> None:
        for uid in _uids_in(dataset):
            for pseudonym in self._project.policy.pseudonym_uids(uid):
                if pseudonym in missing:
                    uids[pseudonym] = uid
                    missing.discard(pseudonym)

    async def _metadata(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[JSONDataSet, None]:
        limit = self._project.limits.origin_document_bytes
        try:
            async with aclosing(data_sets(self._project.origin, study, series, instance, limit=limit)) as found:
                async for batch in found:
                    for dataset in batch.datasets:
                        yield dataset
        except InvalidDataSetError as error:
            raise OriginMalformed(str(error)) from None

    async def _check_series(self, study: OriginalUID, series: OriginalUID) -> None:
        """Raise Conflict if the series belongs to another study."""
        keys = [("SeriesInstanceUID", series)]
        async for page in pages(self._project.origin, Level.SERIES, study, None, keys, size=PAGE):
            if any(text_of(match, _SERIES) == series for match in page):
                return
        raise Conflict("its series belongs to another study")


def _uids_in(dataset: Mapping[str, object]) -> Iterator[OriginalUID]:
    for element in dataset.values():
        if not isinstance(element, dict):
            raise OriginMalformed("the metadata cannot be read")
        values = element.get("Value")
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict) and element.get("vr") == "SQ":
                yield from _uids_in(value)
            elif isinstance(value, str) and element.get("vr") == "UI":
                yield OriginalUID(value)
