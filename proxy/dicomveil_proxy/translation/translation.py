"""Translation between original space (the origin server) and pseudonymised space (user agents).

Outward, it is the policy's pure function. Inward, the original is looked up in the identity map, or found at the
origin server. Only this module and `reidentification` turn pseudonyms into originals.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from dicomveil_engine import InstanceIdentity, JSONDataSet, Policy
from dicomveil_engine.bounded_cache import LONGEST
from dicomveil_engine.json_model.alike import share
from dicomveil_engine.pseudonyms.sides import OriginalPatientID, OriginalUID, PseudonymousPatientID, PseudonymousUID
from dicomveil_proxy.errors import StateUnavailable, UnknownResource
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import Resource, parse_uid
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind
from dicomveil_proxy.translation.resolver import Resolver

PAGE = 500
"""Results of one request to the origin server where all of them are needed."""

_STUDY, _SERIES, _INSTANCE, _PATIENT_ID = "0020000D", "0020000E", "00080018", "00100020"
_SHARED = frozenset((_STUDY, _SERIES, _PATIENT_ID))
"""What the instances of a series have in common."""


@dataclass(frozen=True)
class _Level:
    """The names of a level of the hierarchy in different contexts."""

    level: Level
    kind: Kind
    key: str
    keyword: str


_LEVELS = (
    _Level(Level.STUDIES, Kind.STUDY, _STUDY, "StudyInstanceUID"),
    _Level(Level.SERIES, Kind.SERIES, _SERIES, "SeriesInstanceUID"),
    _Level(Level.INSTANCES, Kind.INSTANCE, _INSTANCE, "SOPInstanceUID"),
)
_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID")

_log = logging.getLogger(__name__)


class Translation:
    """The translation of one project, in both directions."""

    def __init__(
        self,
        policy: Policy,
        origin: Origin,
        identities: IdentityMap,
        resolver: Resolver,
        older: Sequence[Policy] = (),
    ) -> None:
        """`older` are the policies under older versions of the key, whose pseudonyms are recognised."""
        self._policy = policy
        self._older = older
        self._origin = origin
        self._identities = identities
        self._resolver = resolver

    # Outward

    def uid(self, original: str) -> PseudonymousUID:
        """The UID in pseudonymised space."""
        return self._policy.pseudonym_uid(original) if self._policy.replaces_uids else PseudonymousUID(original)

    def outward(self, original: InstanceIdentity) -> InstanceIdentity:
        """The UIDs of an instance in pseudonymised space."""
        return InstanceIdentity(
            original.sop_class_uid,
            self.uid(original.study_instance_uid),
            self.uid(original.series_instance_uid),
            self.uid(original.sop_instance_uid),
        )

    async def learn(self, datasets: Iterable[JSONDataSet]) -> None:
        """Record the pseudonyms of original data sets in DICOM JSON; a full disk is only logged."""
        found: list[Identity] = []
        last: JSONDataSet = {}
        for dataset in datasets:
            is_known = share(dataset, last, _SHARED)  # as mostly in a series
            found += self._instance_of(dataset, self._policy) if is_known else self._identities_of(dataset)
            last = dataset
        await self.record(found)

    async def record(self, identities: list[Identity]) -> None:
        """Record pseudonyms and their originals in the identity map."""
        if self._identities.knows(identities):
            return
        try:
            await asyncio.to_thread(self._identities.record, identities)
        except StateUnavailable as error:
            _log.warning("%s; pseudonyms are looked up at the origin server instead", error)

    def _identities_of(self, dataset: Mapping[str, object], *older: Policy) -> list[Identity]:
        """The identities in an original data set, under the current key and those of the `older` policies."""
        found: list[Identity] = []
        for policy in (self._policy, *older):
            for key, kind in ((_STUDY, Kind.STUDY), (_SERIES, Kind.SERIES)):
                if policy.replaces_uids and (original := text_of(dataset, key)):
                    found.append((kind, policy.pseudonym_uid(original), original))
            found += self._instance_of(dataset, policy)
            if policy.replaces_patient_id and (patient := text_of(dataset, _PATIENT_ID)):
                pseudonym = policy.pseudonym_patient_id(patient)
                # The origin server may have the pseudonym itself, too; the map records the original.
                if pseudonym != patient:
                    found.append((Kind.PATIENT, pseudonym, patient))
        return [identity for identity in found if _can_be_recorded(identity[2])]

    @staticmethod
    def _instance_of(dataset: Mapping[str, object], policy: Policy) -> list[Identity]:
        """The identity of the instance alone."""
        original = text_of(dataset, _INSTANCE) if policy.replaces_uids else ""
        is_recorded = original and _can_be_recorded(original)
        return [(Kind.INSTANCE, policy.pseudonym_uid(original), original)] if is_recorded else []

    # Inward

    async def resource(self, outside: Resource[PseudonymousUID]) -> Resource[OriginalUID]:
        """The resource at the origin server. Raises UnknownResource for UIDs that are not pseudonyms of the project."""
        study = await self.study(outside.study)
        series = await self.series(study, outside.series) if outside.series else None
        instance = await self.instance(study, series, outside.instance) if series and outside.instance else None
        return Resource(study, series, instance, outside.frames, outside.bulk, outside.representation)

    async def study(self, outside: PseudonymousUID) -> OriginalUID:
        """The StudyInstanceUID at the origin server. Raises UnknownResource; so do `series` and `instance`."""
        return await self._inward(Kind.STUDY, outside, Level.STUDIES, None, None)

    async def series(self, study: OriginalUID | None, outside: PseudonymousUID) -> OriginalUID:
        """The SeriesInstanceUID at the origin server, in one study or in any."""
        return await self._inward(Kind.SERIES, outside, Level.SERIES, study, None)

    async def instance(
        self, study: OriginalUID | None, series: OriginalUID | None, outside: PseudonymousUID
    ) -> OriginalUID:
        """The SOPInstanceUID at the origin server, in one study or series or in any."""
        return await self._inward(Kind.INSTANCE, outside, Level.INSTANCES, study, series)

    async def study_held_as(self, pseudonym: PseudonymousUID) -> OriginalUID | None:
        """The UID of a pseudonym's study at the origin server; None if it does not have the study."""
        try:
            return await self.study(pseudonym)
        except UnknownResource:
            return None

    async def patient(self, outside: PseudonymousPatientID) -> OriginalPatientID | None:
        """The original of a PatientID; None if it is not a pseudonym of the project, or of no patient there."""
        if not self._policy.is_pseudonym_patient_id(outside):
            return None
        original = await self._resolver.resolve(
            Kind.PATIENT, outside, lambda: self._list(Level.STUDIES, None, None), listing_key=Level.STUDIES
        )
        return None if original is None else OriginalPatientID(original)

    async def _inward(
        self,
        kind: Kind,
        outside: PseudonymousUID,
        level: Level,
        study: OriginalUID | None,
        series: OriginalUID | None,
    ) -> OriginalUID:
        parse_uid(outside)
        if not self._policy.replaces_uids:
            return OriginalUID(outside)  # the policy keeps UIDs
        if not self._policy.is_pseudonym_uid(outside):
            # No look-up: original UIDs are unknown in pseudonymised space, like any other.
            raise UnknownResource("there is no such resource")
        original = await self._resolver.resolve(
            kind, outside, lambda: self._list(level, study, series), listing_key=(level, study, series)
        )
        if original is None:
            raise UnknownResource("there is no such resource")
        return OriginalUID(original)

    async def _list(
        self, level: Level, study: OriginalUID | None, series: OriginalUID | None
    ) -> AsyncGenerator[Iterable[Identity], None]:
        """The identities of everything at a level of the origin server, page by page."""
        params = [("includefield", keyword) for keyword in _IDENTIFIERS]
        async with aclosing(pages(self._origin, level, study, series, params, size=PAGE)) as listing:
            async for page in listing:
                yield [identity for dataset in page for identity in self._identities_of(dataset, *self._older)]

    # Outdated entries of the identity map

    async def forget_outdated(
        self,
        study: PseudonymousUID | None,
        series: PseudonymousUID | None = None,
        instance: PseudonymousUID | None = None,
    ) -> bool:
        """Remove these pseudonyms from the map if the origin server no longer has their originals.

        Called when the origin server did not find a resource. Returns whether any was removed. Each original is
        searched by its UID, which is cheap; resolving the pseudonyms again lists the level.
        """
        if not self._policy.replaces_uids:
            return False
        wrong: list[Identity] = []
        originals: list[OriginalUID] = []
        for level, outside in zip(_LEVELS, (study, series, instance), strict=True):
            if outside is None or not self._policy.is_pseudonym_uid(outside):
                break
            known = await self._resolver.known(level.kind, outside)
            if known is None:
                break
            original = OriginalUID(known)
            # If the study is gone, so are its series and instances.
            if wrong or not await self._is_there(level, originals, original):
                wrong.append((level.kind, outside, original))
            originals.append(original)
        if wrong:
            await self._resolver.forget(wrong)
        return bool(wrong)

    async def _is_there(self, level: _Level, above: list[OriginalUID], original: OriginalUID) -> bool:
        study, series = [*above, None, None][:2]
        params = [(level.keyword, original)]
        # A full page is no proof of absence: the server may have ignored the filter.
        found = await self._origin.search(level.level, study, series, params, limit=PAGE, offset=0)
        return len(found) == PAGE or any(text_of(dataset, level.key) == original for dataset in found)


def _can_be_recorded(original: str) -> bool:
    """A lone surrogate cannot be stored as UTF-8. Values longer than any UID or PatientID are not recorded either, but
    found at the origin server when they are needed."""
    is_unicode = original.isascii() or original.encode("utf-8", "replace").decode() == original
    return is_unicode and len(original) <= LONGEST


def text_of(dataset: Mapping[str, object], key: str) -> str:
    """The single value of a text attribute in DICOM JSON; empty if there is none, or several."""
    element = dataset.get(key)
    if element is None:
        return ""
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        return ""
    return values[0].strip(" \0")


def identity_of(dataset: Mapping[str, object]) -> InstanceIdentity:
    """The UIDs of a data set in DICOM JSON."""
    return InstanceIdentity(
        text_of(dataset, "00080016"), text_of(dataset, _STUDY), text_of(dataset, _SERIES), text_of(dataset, _INSTANCE)
    )
