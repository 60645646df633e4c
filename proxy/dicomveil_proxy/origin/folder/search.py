"""Searches of a folder (PS3.18 Section 10.6).

The index finds instances by UIDs and PatientID. The attributes of a result are read from the header of one instance of
the study or series; its related instances are counted. Other matching keys are not applied: the proxy matches results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dicomveil_engine.attributes.dictionary import tag_of
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import Match
from dicomveil_proxy.origin.folder.index import FolderIndex, Place
from dicomveil_proxy.origin.folder.plain import HEAD_BYTES, plain_json
from dicomveil_proxy.request.query import DEFAULT_ATTRIBUTES, Level

_LEVELS = (Level.STUDIES, Level.SERIES, Level.INSTANCES)
_UID_KEYS = (
    ("StudyInstanceUID", "0020000D"),
    ("SeriesInstanceUID", "0020000E"),
    ("SOPInstanceUID", "00080018"),
)
_PATIENT_ID_KEYS = ("PatientID", "00100020")
_STUDY_DESCRIPTION = 0x00081030
_MODALITIES_IN_STUDY = "00080061"
_STUDY_SERIES, _STUDY_INSTANCES, _SERIES_INSTANCES = "00201206", "00201208", "00201209"


def search_folder(
    index: FolderIndex,
    level: Level,
    parents: tuple[str | None, str | None],
    params: Sequence[tuple[str, str]],
    page: slice,
    *,
    brief: bool = False,
) -> list[Match]:
    """The results of one page, in the order of their UIDs.

    With `brief`, results for instances have only indexed attributes, unless others are requested by name.
    """
    depth = _LEVELS.index(level) + 1
    if brief and level is Level.INSTANCES and not params:
        return [_brief(place) for place in index.places(*parents)[page]]
    groups: dict[tuple[str, ...], list[Place]] = {}
    for place in _candidates(index, parents, params):
        groups.setdefault(place[:depth], []).append(place)
    tags = _tags(level, params)
    results: list[Match] = []
    in_study: list[Place] = []
    for first, *_ in list(groups.values())[page]:
        match = _header(index.path(first), tags)
        if level is not Level.INSTANCES:
            if not in_study or in_study[0].study != first.study:
                in_study = index.places(first.study)
            _count(match, first, in_study, index.modalities(first.study), level)
        results.append(match)
    return results


def _brief(place: Place) -> Match:
    return {tag: {"vr": "UI", "Value": [uid]} for (_, tag), uid in zip(_UID_KEYS, place, strict=True)}


def _candidates(
    index: FolderIndex, parents: tuple[str | None, str | None], params: Sequence[tuple[str, str]]
) -> Iterable[Place]:
    places = index.places(*parents)
    for name, value in params:
        if not value:
            continue
        for level, names in enumerate(_UID_KEYS):
            if name in names:
                wanted = set(value.replace("\\", ",").split(","))
                places = [place for place in places if place[level] in wanted]
        if name in _PATIENT_ID_KEYS:
            studies = index.studies_of(value)
            places = [place for place in places if place.study in studies]
    return places


def _tags(level: Level, params: Sequence[tuple[str, str]]) -> list[int] | None:
    """The attributes of results: the default ones of this level and those above, and the requested ones."""
    names = [n for name, value in params for n in (value.split(",") if name == "includefield" else [name])]
    if "all" in names:
        return None
    tags = {_STUDY_DESCRIPTION, 0x0020000D, 0x0020000E, 0x00080018}
    for above in _LEVELS[: _LEVELS.index(level) + 1]:
        tags |= DEFAULT_ATTRIBUTES[above]
    for name in names:
        first = name.split(".")[0]
        try:
            tags.add(tag_of(first) or int(first, 16))
        except ValueError:
            continue  # an unknown keyword
    return sorted(tags)


def _count(match: Match, place: Place, in_study: list[Place], modalities: list[str], level: Level) -> None:
    """Turn the header of one instance into a result for its study or series."""
    del match["00080018"]
    match[_MODALITIES_IN_STUDY] = {"vr": "CS", "Value": modalities}
    match[_STUDY_SERIES] = {"vr": "IS", "Value": [len({other.series for other in in_study})]}
    match[_STUDY_INSTANCES] = {"vr": "IS", "Value": [len(in_study)]}
    if level is Level.STUDIES:
        del match["0020000E"]
    else:
        in_series = sum(other.series == place.series for other in in_study)
        match[_SERIES_INSTANCES] = {"vr": "IS", "Value": [in_series]}


def _header(path: Path, tags: list[int] | None) -> Match:
    result = _plain(path, tags) if tags is not None else None
    if result is None:
        result = _read(path, tags)
    if not result.keys() >= {"00080018", "0020000E"}:
        raise OriginMalformed("an instance of the folder was changed after it was indexed")
    return {tag: element for tag, element in result.items() if "BulkDataURI" not in element}


def _plain(path: Path, tags: list[int]) -> Match | None:
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    found = plain_json(head, tags, whole=len(head) < HEAD_BYTES)
    # Without its UIDs it is not plain either.
    return found if found is not None and found.keys() >= {"00080018", "0020000E"} else None


def _read(path: Path, tags: list[int] | None) -> Match:
    from pydicom import dcmread  # noqa: PLC0415 - its import takes half a second, and is rarely needed

    from dicomveil_proxy.origin.folder.header_json import header_json  # noqa: PLC0415 - as above
    from dicomveil_proxy.pixels.frames import malformed  # noqa: PLC0415 - as above

    with malformed("an instance of the folder cannot be read"):
        return header_json(dcmread(path, force=True, stop_before_pixels=True, specific_tags=tags), lambda _: "")
