"""Between pseudonymised space, where user agents are, and original space, where the origin server is.

Outward it is the policy's pure function. Inward it is that function's inverse: looked up in the map, or found again by
asking the origin server what it has. Nothing outside this module turns a pseudonym into an original, but for
what is re-identified (`reidentification`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from dicomveil_engine import InstanceIdentity, Policy
from dicomveil_engine.bounded_cache import LONGEST
from dicomveil_engine.pseudonyms.sides import OriginalPatientID, OriginalUID, PseudonymousPatientID, PseudonymousUID
from dicomveil_proxy.errors import StateUnavailable, UnknownResource
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import Resource, parse_uid
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind
from dicomveil_proxy.translation.resolver import Resolver

PAGE = 500
"""Results that are asked of the origin server at a time, when all of them are needed."""

_STUDY, _SERIES, _INSTANCE, _PATIENT_ID = "0020000D", "0020000E", "00080018", "00100020"


@dataclass(frozen=True)
class _Level:
    """What a level of the hierarchy is called, here and there."""

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
    """One project's two directions."""

    def __init__(
        self,
        policy: Policy,
        origin: Origin,
        identities: IdentityMap,
        resolver: Resolver,
        older: Sequence[Policy] = (),
    ) -> None:
        """`older` are the policies under the other versions of the key, whose pseudonyms are understood."""
        self._policy = policy
        self._older = older
        self._origin = origin
        self._identities = identities
        self._resolver = resolver

    # Outward

    def uid(self, original: str) -> PseudonymousUID:
        """The UID under which a user agent knows it."""
        return self._policy.pseudonym_uid(original) if self._policy.replaces_uids else PseudonymousUID(original)

    def outward(self, original: InstanceIdentity) -> InstanceIdentity:
        """The identity under which a user agent knows an instance."""
        return InstanceIdentity(
            original.sop_class_uid,
            self.uid(original.study_instance_uid),
            self.uid(original.series_instance_uid),
            self.uid(original.sop_instance_uid),
        )

    async def learn(self, datasets: Iterable[Mapping[str, object]]) -> None:
        """Record the pseudonyms of these originals, DICOM JSON objects; a full disk only costs time later."""
        await self.record([identity for dataset in datasets for identity in self._identities_of(dataset)])

    async def record(self, identities: list[Identity]) -> None:
        """Record pseudonyms and what they stand for at the origin server."""
        if self._identities.knows(identities):
            return
        try:
            await asyncio.to_thread(self._identities.record, identities)
        except StateUnavailable as error:
            _log.warning("%s; pseudonyms are looked up at the origin server instead", error)

    def _identities_of(self, dataset: Mapping[str, object], *older: Policy) -> list[Identity]:
        """Who is who in an original, by the policy and, where they are given, by those of other versions of its key."""
        found: list[Identity] = []
        for policy in (self._policy, *older):
            if policy.replaces_uids:
                for key, kind in ((_STUDY, Kind.STUDY), (_SERIES, Kind.SERIES), (_INSTANCE, Kind.INSTANCE)):
                    if original := text_of(dataset, key):
                        found.append((kind, policy.pseudonym_uid(original), original))
            if policy.replaces_patient_id and (patient := text_of(dataset, _PATIENT_ID)):
                pseudonym = policy.pseudonym_patient_id(patient)
                # The origin server may hold a patient in both forms; the original is the one that must be known.
                if pseudonym != patient:
                    found.append((Kind.PATIENT, pseudonym, patient))
        # Half a surrogate pair is not text that can be kept, nor one that anybody can ask for; what is too long for any
        # UID or PatientID is not kept either, but looked for at the origin server when it is asked for.
        return [
            identity
            for identity in found
            if len(identity[2]) <= LONGEST and identity[2].encode("utf-8", "replace").decode() == identity[2]
        ]

    # Inward

    async def resource(self, outside: Resource[PseudonymousUID]) -> Resource[OriginalUID]:
        """The resource at the origin server. Raises UnknownResource where the path holds no pseudonym of ours."""
        study = await self.study(outside.study)
        series = await self.series(study, outside.series) if outside.series else None
        instance = await self.instance(study, series, outside.instance) if series and outside.instance else None
        return Resource(study, series, instance, outside.frames, outside.bulk, outside.representation)

    async def study(self, outside: PseudonymousUID) -> OriginalUID:
        """The StudyInstanceUID at the origin server."""
        return await self._inward(Kind.STUDY, outside, Level.STUDIES, None, None)

    async def series(self, study: OriginalUID | None, outside: PseudonymousUID) -> OriginalUID:
        """The SeriesInstanceUID, in a study of the origin server or in any."""
        return await self._inward(Kind.SERIES, outside, Level.SERIES, study, None)

    async def instance(
        self, study: OriginalUID | None, series: OriginalUID | None, outside: PseudonymousUID
    ) -> OriginalUID:
        """The SOPInstanceUID, in a study or series of the origin server or in any."""
        return await self._inward(Kind.INSTANCE, outside, Level.INSTANCES, study, series)

    async def study_held_as(self, pseudonym: PseudonymousUID) -> OriginalUID | None:
        """Under which UID the origin server holds a pseudonym's study; None where it holds none."""
        try:
            return await self.study(pseudonym)
        except UnknownResource:
            return None

    async def patient(self, outside: PseudonymousPatientID) -> OriginalPatientID | None:
        """The PatientID that a pseudonym stands for; None for what is not a pseudonym of ours, or nobody's."""
        if not self._policy.is_pseudonym_patient_id(outside):
            return None
        original = await self._resolver.resolve(
            Kind.PATIENT, outside, lambda: self._list(Level.STUDIES, None, None), heal_key=Level.STUDIES
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
            return OriginalUID(outside)  # under this policy both sides have one UID
        if not self._policy.is_pseudonym_uid(outside):
            # No look-up: an original is unknown here as anything else is.
            raise UnknownResource("there is no such resource")
        original = await self._resolver.resolve(
            kind, outside, lambda: self._list(level, study, series), heal_key=(level, study, series)
        )
        if original is None:
            raise UnknownResource("there is no such resource")
        return OriginalUID(original)

    async def _list(
        self, level: Level, study: OriginalUID | None, series: OriginalUID | None
    ) -> AsyncGenerator[Iterable[Identity], None]:
        """Everything that the origin server has at a level, page by page."""
        params = [("includefield", keyword) for keyword in _IDENTIFIERS]
        async with aclosing(pages(self._origin, level, study, series, params, size=PAGE)) as listing:
            async for page in listing:
                yield [identity for dataset in page for identity in self._identities_of(dataset, *self._older)]

    # What the map says and is no longer so

    async def forget_outdated(
        self,
        study: PseudonymousUID | None,
        series: PseudonymousUID | None = None,
        instance: PseudonymousUID | None = None,
    ) -> bool:
        """Forget what the map says of these pseudonyms, if the origin server no longer has it; whether it was so.

        For a resource that the origin server did not find. It is asked for the originals by name, which costs little,
        and lists nothing; resolving the pseudonyms again lists it.
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
            # What was in a study that is there no longer is not there either.
            if wrong or not await self._is_there(level, originals, original):
                wrong.append((level.kind, outside, original))
            originals.append(original)
        if wrong:
            await self._resolver.forget(wrong)
        return bool(wrong)

    async def _is_there(self, level: _Level, above: list[OriginalUID], original: OriginalUID) -> bool:
        study, series = [*above, None, None][:2]
        params = [(level.keyword, original)]
        # It may not know the filter: then its first page says nothing.
        found = await self._origin.search(level.level, study, series, params, limit=PAGE, offset=0)
        return len(found) == PAGE or any(text_of(dataset, level.key) == original for dataset in found)


def text_of(dataset: Mapping[str, object], key: str) -> str:
    """The only value of a text attribute in DICOM JSON; empty where there is none, or several."""
    element = dataset.get(key)
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        return ""
    return values[0].strip(" \0")


def identity_of(dataset: Mapping[str, object]) -> InstanceIdentity:
    """The UIDs of a data set in DICOM JSON."""
    return InstanceIdentity(
        text_of(dataset, "00080016"), text_of(dataset, _STUDY), text_of(dataset, _SERIES), text_of(dataset, _INSTANCE)
    )
