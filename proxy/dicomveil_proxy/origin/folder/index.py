"""The index of a folder: its instances and their files.

It is kept in memory; nothing is written into the folder. Not thread-safe: one thread creates and uses it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.origin.folder.plain import HEAD_BYTES, plain_text, plain_values
from dicomveil_proxy.request.resource import check_original
from dicomveil_proxy.wire import unfinished

_UIDS = {
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "SOPInstanceUID": 0x00080018,
    "SOPClassUID": 0x00080016,
}
_OTHERS = {"PatientID": 0x00100020, "Modality": 0x00080060}
_TAGS = _UIDS | _OTHERS
_VRS = {**dict.fromkeys(_UIDS, "UI"), "PatientID": "LO", "Modality": "CS"}


_T = TypeVar("_T")


class Place(NamedTuple):
    """One instance, by its original UIDs."""

    study: str
    series: str
    instance: str


class FolderIndex:
    """The instances below a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the headers of all files below the folder; files that are not instances are counted and skipped."""
        self._folder = folder.resolve()
        self.left_out: Counter[str] = Counter()
        """Reason → number of files that are not served."""
        self._known: set[str] = set()
        self._begin()
        self.refresh()

    def _begin(self) -> None:
        self._known, self.left_out = set(), Counter()
        self._paths: dict[str, dict[str, dict[str, str]]] = {}
        """Study → series → instance → file."""
        self._patients: dict[str, set[str]] = {}
        """Study → the PatientIDs in it."""
        self._modalities: dict[tuple[str, str], str] = {}

    def refresh(self) -> None:
        """Add new files; build the index again if files were deleted."""
        found = set(_files(self._folder))
        if not self._known <= found:
            self._begin()
        self._insert(sorted(found - self._known))

    def add(self, path: Path) -> bool:
        """Index one file, and return whether it is an instance."""
        left_out = self.skipped
        self._insert([str(path)])
        return self.skipped == left_out

    @property
    def skipped(self) -> int:
        """Number of files that are not served."""
        return self.left_out.total()

    def places(self, study: str | None = None, series: str | None = None, instance: str | None = None) -> list[Place]:
        """The instances of a study or series, all, or a single one; sorted by UID."""
        found = (
            Place(in_study, in_series, uid)
            for in_study, below in _chosen(self._paths, study)
            for in_series, uids in _chosen(below, series)
            for uid, _ in _chosen(uids, instance)
        )
        return sorted(found)

    def studies_of(self, patient_id: str) -> set[str]:
        """The studies of a patient; the ID may have the wildcards `*` and `?`."""
        parts = (".*" if each == "*" else "." if each == "?" else re.escape(each) for each in patient_id)
        pattern = re.compile("".join(parts), re.DOTALL)
        return {study for study, patients in self._patients.items() if any(map(pattern.fullmatch, patients))}

    def modalities(self, study: str) -> list[str]:
        """The modalities of a study's series."""
        found = {self._modalities.get((study, series)) for series in self._paths.get(study, {})}
        return sorted(modality for modality in found if modality)

    def path(self, place: Place) -> Path:
        """The file of an indexed instance."""
        return Path(self._paths[place.study][place.series][place.instance])

    def close(self) -> None:
        """Drop the index."""
        self._begin()

    def _insert(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._known.add(path)
            try:
                values = _plain(path) or _read(path)
            except UnknownResource as error:
                self.left_out[str(error)] += 1
                continue
            self._enter(values, path)

    def _enter(self, values: dict[str, str | None], path: str) -> None:
        study, series, instance, *_ = (values[keyword] or "" for keyword in _UIDS)
        place = Place(study, series, instance)
        self._paths.setdefault(place.study, {}).setdefault(place.series, {})[place.instance] = path
        patients = self._patients.setdefault(place.study, set())
        if (patient := values["PatientID"]) is not None:
            patients.add(patient)
        self._modalities[place.study, place.series] = values["Modality"] or ""


def _chosen(named: dict[str, _T], name: str | None) -> Iterable[tuple[str, _T]]:
    """The entry with this name, or all entries if the name is None."""
    if name is None:
        return named.items()
    return ((name, named[name]),) if name in named else ()


def _files(folder: Path) -> Iterable[str]:
    """All files below a folder. Symbolic links are not followed, since only the folder was meant to be shared."""
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118 - faster than Path for a hundred thousand files
            if not name.endswith(unfinished.SUFFIX) and not os.path.islink(path):  # noqa: PTH114
                yield path


def _plain(path: str) -> dict[str, str | None] | None:
    """The indexed values, read without pydicom; None if the instance needs pydicom (see `plain.py`)."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - faster than Path for a hundred thousand files
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    found = plain_values(head, _TAGS.values(), whole=len(head) < HEAD_BYTES)
    if found is None:
        return None
    texts: dict[str, str | None] = {}
    for keyword, tag in _TAGS.items():
        vr, value = found[1].get(tag, ("", b""))
        texts[keyword] = plain_text(value) if vr == _VRS[keyword] else None
        if texts[keyword] is None:
            return None
    _check(texts)
    return texts


def _read(path: str) -> dict[str, str | None]:
    """The indexed values, read with pydicom. Raises UnknownResource, with the reason, for a file that is not served."""
    from pydicom import dcmread  # noqa: PLC0415 - its import takes half a second, and is rarely needed

    from dicomveil_proxy.pixels.frames import silence_pydicom  # noqa: PLC0415 - as above

    silence_pydicom()
    try:
        header = dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(_TAGS))
    except Exception:  # noqa: BLE001 - pydicom raises exceptions of any kind for invalid files
        raise UnknownResource("not DICOM") from None
    values = {keyword: _text(header, keyword) for keyword in _TAGS}
    _check(values)
    return values


def _check(values: dict[str, str | None]) -> None:
    """Raise UnknownResource for instances whose UIDs cannot be part of a path."""
    for keyword in _UIDS:
        try:
            check_original(values[keyword] or "")
        except UnknownResource:
            raise UnknownResource(f"without {keyword}, or with one that cannot be used in a URL") from None


def _text(header: Any, keyword: str) -> str | None:
    try:
        value = header.get(keyword)
        return None if value is None else str(value)
    except Exception:  # noqa: BLE001 - a value that is invalid for its VR
        return None
