"""Search (QIDO-RS, PS3.18 Section 10.6): the de-identified attributes of what matches in pseudonymised space.

The answer is defined as {deid(x) | x at the origin server, match(deid(x), query)}. What the origin server is
asked is only a superset that makes it fast, and a filter that was sent is never taken for one that was applied:
the definition is applied to whatever comes back. An original value therefore finds nothing.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dicomveil_engine import EngineError, InstanceIdentity, JSONDataSet
from dicomveil_engine.dictionary import keyword_of, vr_of
from dicomveil_engine.identifying import IDENTIFYING_TAGS
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.matching import widen_dates
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.project import Project
from dicomveil_proxy.query import Level, MatchingKey, Query, matches, requested_tags
from dicomveil_proxy.translation import identity_of

_STUDY, _SERIES, _INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
_PATIENT_ID, _STUDY_DATE = 0x00100020, 0x00080020
_MODALITY, _MODALITIES_IN_STUDY = 0x00080060, 0x00080061
_RETRIEVE_URL = "00081190"

_ALWAYS_ASKED = (_STUDY, _PATIENT_ID, _STUDY_DATE)
"""What the policy needs to know of any result: dates move with the study, the name follows the PatientID, and
whether a year shows an age over 89 is reckoned at the StudyDate."""
_NEVER_ASKED = frozenset((0x00080005, 0x00081190))
"""Specific Character Set and Retrieve URL come unasked, and Orthanc 1.10 answers 400 when asked for the first."""
_OWN = {Level.STUDIES: (), Level.SERIES: (_SERIES,), Level.INSTANCES: (_SERIES, _INSTANCE)}

_SMALLEST_PAGE, _LARGEST_PAGE = 50, 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scope:
    """The study or series within which is searched, in pseudonymised space."""

    study: str | None = None
    series: str | None = None


async def search(project: Project, scope: Scope, query: Query, base_url: str) -> list[JSONDataSet]:
    """The results of a search. Raises UnknownResource where the scope is no pseudonym of the project."""
    translation = project.translation
    study = await translation.study(scope.study) if scope.study else None
    series = await translation.series(study, scope.series) if scope.series else None
    parameters = await _parameters(project, query)
    if parameters is None:
        return []
    assumed = InstanceIdentity(study_instance_uid=study or "", series_instance_uid=series or "")
    wanted = requested_tags(query, with_parents=study is None)
    wanted_keys = {f"{tag:08X}" for tag in wanted | {_STUDY, *_OWN[query.level]}}
    results: list[JSONDataSet] = []
    passed = 0
    if query.limit == 0:
        return results
    async for original in _originals(project, query, study, series, parameters):
        try:
            result = project.matches.rewrite(original, assumed=assumed)
        except EngineError as error:
            if not project.omits_errors:
                raise
            _log.warning("a search result was left out: %s", error)
            continue
        _mend(result, identity_of(result), scope, query.level, base_url)
        if not matches(result, query):
            continue
        passed += 1
        if passed > query.offset:
            if not query.include_all:
                result = {key: element for key, element in result.items() if key in wanted_keys}
            results.append(result)
            if len(results) == query.limit:
                break
    return results


async def _originals(
    project: Project, query: Query, study: str | None, series: str | None, parameters: list[tuple[str, str]]
) -> AsyncIterator[JSONDataSet]:
    """What the origin server gives for the superset, page by page, as long as somebody asks for more."""
    size = min(max(query.offset + query.limit, _SMALLEST_PAGE), _LARGEST_PAGE)
    async for page in pages(project.origin, query.level, study, series, parameters, size=size):
        await project.translation.learn(page)
        for original in page:
            yield original


async def _parameters(project: Project, query: Query) -> list[tuple[str, str]] | None:
    """What the origin server is asked; None when nothing there can match."""
    asked: list[tuple[str, str]] = []
    for key in query.keys:
        values = await _translated(project, key)
        if values is None:
            return None
        if values:
            asked.append((_name(key.path[0]), values))
    tags = requested_tags(query) | {*_ALWAYS_ASKED, *_OWN[query.level]}
    if any(project.policy.decide(tag, vr_of(tag) or "UN").method.name == Clean.name for tag in tags):
        # Free text is cleaned of the words of these, so they must be known.
        tags |= IDENTIFYING_TAGS
    asked += [("includefield", _name(tag)) for tag in sorted(tags - _NEVER_ASKED) if not tag >> 16 & 1]
    if query.include_all:
        asked.append(("includefield", "all"))
    return asked


async def _translated(project: Project, key: MatchingKey) -> str | None:
    """A key's value for the origin server: empty when it is not sent, None when it can match nothing."""
    if key.test is None or len(key.path) > 1:
        return ""
    tag, policy = key.path[0], project.policy
    if tag in {_STUDY, _SERIES, _INSTANCE}:
        return await _uids(project, tag, key.value)
    if tag == _PATIENT_ID and policy.replaces_patient_id:
        if any(character in key.value for character in "*?"):
            return ""
        return await project.translation.patient(key.value.strip().upper())  # case does not matter to matching
    if tag == _STUDY_DATE and isinstance(policy.decide(tag, "DA").method, ShiftDates):
        return widen_dates(key.value, policy.date_range)
    if tag in {_MODALITY, _MODALITIES_IN_STUDY} and policy.keeps(tag, "CS"):
        # Case does not matter to matching, but may to the origin server: PS3.5 has codes in upper case only.
        return key.value.upper() if key.value.isalnum() else ""
    return ""


async def _uids(project: Project, tag: int, value: str) -> str | None:
    translation = project.translation
    originals: list[str] = []
    for outside in value.replace("\\", ",").split(","):
        try:
            if tag == _STUDY:
                originals.append(await translation.study(outside.strip()))
            elif tag == _SERIES:
                originals.append(await translation.series(None, outside.strip()))
            else:
                originals.append(await translation.instance(None, None, outside.strip()))
        except UnknownResource:
            continue
    return ",".join(originals) or None


def _mend(result: JSONDataSet, identity: InstanceIdentity, scope: Scope, level: Level, base_url: str) -> None:
    """Say what holds here: where the result can be retrieved, and no modalities where there are none."""
    study = identity.study_instance_uid or scope.study
    path = f"{base_url}/studies/{study}" if study else ""
    if level is not Level.STUDIES:
        series = identity.series_instance_uid or scope.series
        path = f"{path}/series/{series}" if path and series else ""
    if level is Level.INSTANCES:
        path = f"{path}/instances/{identity.sop_instance_uid}" if path and identity.sop_instance_uid else ""
    if path:
        result[_RETRIEVE_URL] = {"vr": "UR", "Value": [path]}
    # Viewers read the first value without looking whether there is one.
    if not result.get("00080061", {}).get("Value"):
        result.pop("00080061", None)


def _name(tag: int) -> str:
    return keyword_of(tag) or f"{tag:08X}"
