"""What the origin server is asked for a search: questions that have at least all matches among their answers.

A key is sent only where it can leave no match out, whatever the origin server makes of it; all others are for
the definition of a search to apply. Nothing here looks at a result.
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
"""Keys that are sent by level. At another one Orthanc 1.10 finds nothing by ModalitiesInStudy or Modality."""

_ALWAYS_ASKED = (_STUDY, _PATIENT_ID, 0x00080020)
"""What the policy needs to know of any result: dates move with the study, the name follows the PatientID, and
whether a year shows an age over 89 is computed at the StudyDate."""
_NEVER_ASKED = frozenset((0x00080005, _RETRIEVE_URL))
"""Specific Character Set and Retrieve URL come unasked, and Orthanc 1.10 answers 400 when asked for the first."""
OWN = {Level.STUDIES: (), Level.SERIES: (_SERIES,), Level.INSTANCES: (_SERIES, _INSTANCE)}
"""The UIDs that a result at a level has besides that of the study."""

_TIMEZONE_OFFSET = 0x00080201
"""Cleaned as free text is, though a legal one has nothing to clean: what is not legal, `without_illegal_offset`
takes out. To ask for all that identifies for its sake would double the time of every search at Orthanc."""
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
"""Persons at the top level of data sets; no origin server finds the names in sequences for a search."""
_KEYED = frozenset((Effect.UID_PSEUDONYM, Effect.PATIENT_PSEUDONYM, Effect.REPLACE))
_KEYED_VRS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"))
"""What methods do, and the VRs in which it is compared letter by letter."""

_LONGEST_LIST = 4_000
"""Characters of UIDs in a query: servers take requests of 8 or 16 KiB."""


@dataclass(frozen=True, slots=True)
class Question:
    """One search at the origin server."""

    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    patient: str | None = field(default=None, repr=False)
    """Only results with this PatientID belong to it, so that no result belongs to two questions."""
    is_narrow: bool = True
    """Whether every key was sent, so that most answers will be matches."""

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The parameters that select results, without those that say what results hold."""
        return tuple(each for each in self.parameters if each[0] != "includefield")


async def questions(
    project: Project, query: Query, study: OriginalUID | None, series: OriginalUID | None
) -> list[Question]:
    """What the origin server is asked, one after the other; nothing where it can have no match.

    `study` and `series` are the originals within which is searched.
    """
    asked: list[tuple[str, str]] = []
    patients: list[str] = []
    is_narrow = True
    for key in query.keys:
        if key.is_universal:
            continue
        if is_never_released(project.policy, key.path[0]):
            return []
        tag = key.path[0]
        if key.path in ((_STUDY,), (_SERIES,), (_INSTANCE,)):
            uids = await _uids(project, tag, key.value, study, series)
            if (scope := {_STUDY: study, _SERIES: series}.get(tag)) and scope in uids:
                continue  # Orthanc takes the key for the path, whatever the path says
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
        if value:
            asked.append((keyword_of(tag), value))
        else:
            is_narrow = False
    fields = _fields(project.policy, query, study, series)
    if not patients:
        return [Question((*asked, *fields), is_narrow=is_narrow)]
    return [Question((*asked, ("PatientID", each), *fields), each, is_narrow) for each in patients]


def keyed_keys(policy: Policy, query: Query) -> list[MatchingKey]:
    """The keys whose values come from the project key, and can be compared with what another version of it made.

    Not those with wildcards, which would match pseudonyms of older keys by chance, nor dates and numbers.
    """
    found = []
    for key in query.keys:
        if key.is_universal or len(key.path) > 1 or key.vr not in _KEYED_VRS or any(c in key.value for c in "*?"):
            continue
        if policy.decide(key.path[0], key.vr).method.effect(key.vr) in _KEYED:
            found.append(key)
    return found


def is_never_released(policy: Policy, tag: int) -> bool:
    """Whether no result can have a value there, so that only universal keys match."""
    if tag == _RETRIEVE_URL:
        return False  # ours
    if tag >> 16 & 1:
        return policy.removes_private
    vr = vr_of(tag) or "UN"
    method = policy.decide(tag, vr).method
    return method.effect(vr).leaves_nothing


def first_level(study: OriginalUID | None, series: OriginalUID | None) -> Level:
    """The highest level whose attributes a result holds: that beneath the study or series in the path."""
    if study is None:
        return Level.STUDIES
    return Level.SERIES if series is None else Level.INSTANCES


def without_illegal_offset(result: JSONDataSet) -> JSONDataSet:
    """A result of the origin server without a TimezoneOffsetFromUTC that is none."""
    key = f"{_TIMEZONE_OFFSET:08X}"
    if key not in result or _OFFSET.fullmatch(text_of(result, key)):
        return result
    return {each: element for each, element in result.items() if each != key}


def _fields(
    policy: Policy, query: Query, study: OriginalUID | None, series: OriginalUID | None
) -> list[tuple[str, str]]:
    tags = requested_tags(query, from_level=first_level(study, series)) | {*_ALWAYS_ASKED, *OWN[query.level]}
    if any(policy.decide(tag, vr_of(tag) or "UN").method.cleans_by_words for tag in tags - {_TIMEZONE_OFFSET}):
        # Free text is cleaned of the words of these, so they must be known. What else is kept and may name somebody
        # is rare, and held against a whole header (transactions.search).
        tags |= IDENTIFYING_TAGS | _NAMES
    fields = [("includefield", name_of(tag)) for tag in sorted(tags - _NEVER_ASKED) if not tag >> 16 & 1]
    return [*fields, ("includefield", "all")] if query.include_all else fields


def _as_it_is(policy: Policy, level: Level, key: MatchingKey) -> str:
    """A value that means outside what it means inside, but for the range of the shift; empty for any other."""
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
        # Case does not matter to matching, but may to the origin server: PS3.5 has codes in upper case only.
        return key.value.upper() if key.value.isalnum() else ""
    return ""


async def _patients(project: Project, value: str) -> list[str] | None:
    """The PatientIDs that a pseudonym stands for at the origin server; none when all must be looked at.

    Beside the original, the origin server may hold the pseudonym itself, where it was stored through the proxy.
    """
    if any(character in value for character in "*?"):
        return []
    pseudonym = PseudonymousPatientID(value.strip().upper())  # case does not matter to matching
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
