"""The requests to the origin server for a search: their results together contain at least all matches.

A matching key is sent only if it cannot exclude a match, however the origin server interprets it. All other keys are
applied to the results afterwards (`search.py`). Nothing here looks at a result's values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dicomveil_engine import JSONDataSet, Policy
from dicomveil_engine.attributes.dictionary import keyword_of, tag_of, vr_of
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.pseudonyms.sides import OriginalUID, PseudonymousPatientID, PseudonymousUID
from dicomveil_engine.text.identifying import IDENTIFYING_TAGS
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.matching import widen_dates
from dicomveil_proxy.request.query import Level, MatchingKey, Query, name_of, requested_tags
from dicomveil_proxy.translation.translation import text_of

_STUDY, _SERIES, _INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
_PATIENT_ID = 0x00100020
_RETRIEVE_URL = 0x00081190

_DATES = {Level.STUDIES: (0x00080020,), Level.SERIES: (0x00080020, 0x00080021), Level.INSTANCES: (0x00080020,)}
_CODES = {Level.STUDIES: 0x00080061, Level.SERIES: 0x00080060, Level.INSTANCES: 0x00080060}
"""Keys that are sent, by level. Orthanc 1.10 finds nothing by ModalitiesInStudy or Modality at another level."""

_ALWAYS_ASKED = (_STUDY, _PATIENT_ID, 0x00080020)
"""Attributes that the policy needs for every result: dates move with the study, the name follows the PatientID, and
whether a year reveals an age over 89 depends on the StudyDate."""
_NEVER_ASKED = frozenset((0x00080005, _RETRIEVE_URL))
"""Specific Character Set and Retrieve URL are always returned; Orthanc 1.10 answers 400 to a request for the first."""
OWN = {Level.STUDIES: (), Level.SERIES: (_SERIES,), Level.INSTANCES: (_SERIES, _INSTANCE)}
"""The UIDs of a result at each level, besides the Study Instance UID."""

_TIMEZONE_OFFSET = 0x00080201
"""TimezoneOffsetFromUTC. The profile cleans it as free text, for which all identifying attributes would have to be
requested: that doubles Orthanc's time for a search. A valid value needs no cleaning, and `without_illegal_offset`
removes any other."""
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-4])[0-5][0-9]")

_NAMES = frozenset(
    tag
    for keyword in (
        *("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson"),
        *("ReferringPhysicianName", "ConsultingPhysicianName", "PhysiciansOfRecord", "PerformingPhysicianName"),
        *("NameOfPhysiciansReadingStudy", "OperatorsName", "RequestingPhysician", "ContentCreatorName"),
        *("ScheduledPerformingPhysicianName", "NamesOfIntendedRecipientsOfResults", "ReviewerName"),
    )
    if (tag := tag_of(keyword)) is not None
)
"""Persons' names at the top level of data sets; origin servers return none from sequences in search results."""
_KEYED = frozenset((Effect.UID_PSEUDONYM, Effect.PATIENT_PSEUDONYM, Effect.REPLACE))
"""Effects whose outcome depends on the key."""
_KEYED_VRS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"))
"""VRs whose values are compared as text."""

_LONGEST_LIST = 4_000
"""Characters of a list of UIDs in a query: servers accept requests of 8 or 16 KiB."""


@dataclass(frozen=True, slots=True)
class Question:
    """One search request to the origin server."""

    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    patient: str | None = field(default=None, repr=False)
    """Only results with this PatientID are used, so that no result is found by two questions."""
    is_narrow: bool = True
    """Whether every key is sent, so that most results will match."""
    moves_dates: bool = False
    """Whether a range of dates is sent that was widened by the shift's range."""

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The matching keys: the parameters without `includefield`."""
        return tuple(each for each in self.parameters if each[0] != "includefield")


async def questions(
    project: Project, query: Query, study: OriginalUID | None, series: OriginalUID | None
) -> list[Question]:
    """The search requests to the origin server, to be sent in order; empty where no match is possible.

    `study` and `series` are the original UIDs within which the search runs.
    """
    asked: list[tuple[str, str]] = []
    patients: list[str] = []
    is_narrow = True
    moves_dates = False
    for key in query.keys:
        if key.is_universal:
            continue
        if is_never_released(project.policy, key.path[0]):
            return []
        tag = key.path[0]
        if key.path in ((_STUDY,), (_SERIES,), (_INSTANCE,)):
            uids = await _uids(project, tag, key.value, study, series)
            if (scope := {_STUDY: study, _SERIES: series}.get(tag)) and scope in uids:
                continue  # the path says so already, and Orthanc would let the key override the path
            if not uids or scope:
                return []
            value = ",".join(uids)
            value = value if len(value) <= _LONGEST_LIST else ""
        elif key.path == (_PATIENT_ID,) and project.policy.replaces_patient_id:
            found = await _patients(project, key.value)
            if found is None:
                return []
            patients = found
            is_narrow &= bool(patients)
            continue
        else:
            value = _as_it_is(project.policy, query.level, key)
            moves_dates |= bool(value) and tag in _DATES[query.level] and project.policy.date_range > 0
        if value:
            asked.append((keyword_of(tag), value))
        else:
            is_narrow = False
    fields = _fields(project.policy, query, study, series)
    if not patients:
        return [Question((*asked, *fields), None, is_narrow, moves_dates)]
    return [Question((*asked, ("PatientID", each), *fields), each, is_narrow, moves_dates) for each in patients]


def keyed_keys(policy: Policy, query: Query) -> list[MatchingKey]:
    """The matching keys for attributes whose values derive from the project key.

    Without wildcards, which could match an older version's pseudonyms by chance, and without dates and numbers.
    """
    found = []
    for key in query.keys:
        if key.is_universal or len(key.path) > 1 or key.vr not in _KEYED_VRS or any(c in key.value for c in "*?"):
            continue
        if policy.decide(key.path[0], key.vr).method.effect(key.vr) in _KEYED:
            found.append(key)
    return found


def is_never_released(policy: Policy, tag: int) -> bool:
    """Whether the policy leaves no value in this attribute, so that only universal keys match."""
    if tag == _RETRIEVE_URL:
        return False  # set by this proxy
    if tag >> 16 & 1:
        return policy.removes_private
    vr = vr_of(tag) or "UN"
    method = policy.decide(tag, vr).method
    return method.effect(vr).leaves_nothing


def first_level(study: OriginalUID | None, series: OriginalUID | None) -> Level:
    """The highest level whose attributes a result has: the one below the study or series in the path."""
    if study is None:
        return Level.STUDIES
    return Level.SERIES if series is None else Level.INSTANCES


def without_illegal_offset(result: JSONDataSet) -> JSONDataSet:
    """A result of the origin server without an invalid TimezoneOffsetFromUTC."""
    key = f"{_TIMEZONE_OFFSET:08X}"
    if key not in result or _OFFSET.fullmatch(text_of(result, key)):
        return result
    return {each: element for each, element in result.items() if each != key}


def _fields(
    policy: Policy, query: Query, study: OriginalUID | None, series: OriginalUID | None
) -> list[tuple[str, str]]:
    tags = requested_tags(query, from_level=first_level(study, series)) | {*_ALWAYS_ASKED, *OWN[query.level]}
    if any(policy.decide(tag, vr_of(tag) or "UN").method.cleans_by_words for tag in tags - {_TIMEZONE_OFFSET}):
        # Free text is cleaned of the words of these. Other values that are kept and may name somebody are rare, and
        # checked against the whole header (search.py).
        tags |= IDENTIFYING_TAGS | _NAMES
    fields = [("includefield", name_of(tag)) for tag in sorted(tags - _NEVER_ASKED) if not tag >> 16 & 1]
    return [*fields, ("includefield", "all")] if query.include_all else fields


def _as_it_is(policy: Policy, level: Level, key: MatchingKey) -> str:
    """A key's value that can be sent to the origin server, dates widened by the shift's range; empty if it cannot."""
    tag = key.path[0]
    if len(key.path) > 1:
        return ""
    if tag in _DATES[level]:
        method = policy.decide(tag, "DA").method
        if method.date_move is not None:
            return widen_dates(key.value, policy.date_range)
        effect = method.effect("DA")
        return widen_dates(key.value, 0) if effect.keeps else ""
    if tag == _CODES[level] and policy.keeps(tag, "CS"):
        # Our matching ignores case, the origin server's may not: values of CS are in upper case (PS3.5 Section 6.2).
        return key.value.upper() if key.value.isalnum() else ""
    return ""


async def _patients(project: Project, value: str) -> list[str] | None:
    """The PatientIDs of a pseudonym at the origin server; empty if all patients must be looked at, None if none match.

    Besides the original, the origin server may have the pseudonym itself, from instances stored through the proxy.
    """
    if any(character in value for character in "*?"):
        return []
    pseudonym = PseudonymousPatientID(value.strip().upper())  # matching ignores case
    if not project.policy.is_pseudonym_patient_id(pseudonym):
        return None
    original = await project.translation.patient(pseudonym)
    return [pseudonym] if original is None else [original, pseudonym]


async def _uids(
    project: Project, tag: int, value: str, study: OriginalUID | None, series: OriginalUID | None
) -> list[OriginalUID]:
    translation = project.translation
    originals: list[OriginalUID] = []
    for uid in dict.fromkeys(PseudonymousUID(each.strip()) for each in value.replace("\\", ",").split(",")):
        try:
            if tag == _STUDY:
                originals.append(await translation.study(uid))
            elif tag == _SERIES:
                originals.append(await translation.series(study, uid))
            else:
                originals.append(await translation.instance(study, series, uid))
        except UnknownResource:
            continue
    return originals
