"""Which instances a folder holds, and where.

The index is that of dicomweb-client's DICOMfileClient, in memory; but it is filled here. Its own scan stops
for good at the first pixel data it cannot follow, leaves out every instance with a value that breaks a rule
of its VR, leaves pydicom's validation changed for the whole process, and writes its file into the folder. Not
thread-safe, like the client: one thread makes it and uses it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from dicomweb_client.file import DICOMfileClient
from pydicom import dcmread

from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.request.resource import check_original
from dicomveil_proxy.wire import unfinished

# The columns of the client's tables, in their order.
_STUDY = (
    "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "PatientName", "PatientID", "PatientSex",
    "PatientBirthDate", "ReferringPhysicianName",
)  # fmt: skip
_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "AccessionNumber", "SeriesNumber")
_INSTANCE = (
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber", "Rows",
    "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "SamplesPerPixel",
    "PhotometricInterpretation", "PixelRepresentation", "PlanarConfiguration",
)  # fmt: skip
_BATCH = 500


class Place(NamedTuple):
    """One instance, by its original UIDs."""

    study: str
    series: str
    instance: str


class FolderIndex:
    """The instances below a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the headers of all files below the folder; what is not an instance is counted and left out."""
        silence_pydicom()
        self._folder = folder.resolve()
        self.left_out: Counter[str] = Counter()
        """Why files are not served → how many."""
        """Files that are not instances that can be served."""
        self._client: DICOMfileClient = None
        self._known: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Find what was added to the folder since; begin anew when something was deleted."""
        found = set(_files(self._folder))
        if self._client is None or not self._known <= found:
            self.close()
            self._known, self.left_out = set(), Counter()
            # An empty folder, so that the client's own scan has nothing to stumble over.
            with TemporaryDirectory() as empty:
                self._client = DICOMfileClient(f"file://{empty}", in_memory=True, readonly=True)
        self._insert(sorted(found - self._known))

    def add(self, path: Path) -> bool:
        """Index one file; whether it is an instance."""
        left_out = self.skipped
        self._insert([str(path)])
        return self.skipped == left_out

    @property
    def skipped(self) -> int:
        """How many files are not served."""
        return self.left_out.total()

    def places(self, study: str | None = None, series: str | None = None, instance: str | None = None) -> list[Place]:
        """The instances of a study, series, or all; one, or none, when all three are given."""
        found = self._manager.get_instance_identifiers(study, series)
        return sorted(Place(*uids) for uids in found if instance is None or uids[2] == instance)

    def studies_of(self, patient_id: str) -> set[str]:
        """The studies of a patient; `*` and `?` in the ID stand for anything."""
        # The client takes `?` for itself where there is a `*` too.
        pattern = patient_id.replace("?", "*")
        found = self._client.search_for_studies(search_filters={"PatientID": pattern})
        return {match["0020000D"]["Value"][0] for match in found}

    def modalities(self, study: str) -> list[str]:
        """The modalities of a study's series."""
        found = self._manager._get_modalities_in_study(study)  # noqa: SLF001 - see below
        return sorted(str(modality) for modality in found if modality)

    def path(self, place: Place) -> Path:
        """The file of an instance that is in the index."""
        return Path(self._manager.get_instance_file_path(*place))

    def close(self) -> None:
        """Close the database."""
        if self._client is not None:
            self._manager._connection.close()  # noqa: SLF001 - the client has no close of its own
            self._client = None

    @property
    def _manager(self) -> Any:
        return self._client._db_manager  # noqa: SLF001 - only the index beneath the client knows paths

    def _insert(self, paths: Iterable[str]) -> None:
        rows: list[tuple[tuple[Any, ...], ...]] = []
        for path in paths:
            self._known.add(path)
            row = _row(path)
            if isinstance(row, str):
                self.left_out[row] += 1
            else:
                rows.append(row)
            if len(rows) == _BATCH:
                self._manager._insert_into_db(*zip(*rows, strict=True))  # noqa: SLF001 - see below
                rows = []
        if rows:
            self._manager._insert_into_db(*zip(*rows, strict=True))  # noqa: SLF001 - see below


def _files(folder: Path) -> Iterable[str]:
    """All files below a folder. Links are not followed: the folder is what was meant to be shared."""
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118 - a hundred thousand of them
            if not name.endswith(unfinished.SUFFIX) and not os.path.islink(path):  # noqa: PTH114
                yield path


def _row(path: str) -> tuple[tuple[Any, ...], ...] | str:
    """The client's rows for study, series and instance; for a file that is not served, why."""
    try:
        header = dcmread(path, force=True, stop_before_pixels=True, specific_tags=[*_STUDY, *_SERIES, *_INSTANCE])
    except Exception:  # noqa: BLE001 - pydicom raises nearly anything for what is not a data set
        return "not DICOM"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        try:
            check_original(_text(header, keyword) or "")
        except UnknownResource:
            return f"without {keyword}, or with one that cannot be asked for"
    syntax = str(header.file_meta.get("TransferSyntaxUID", "")) if hasattr(header, "file_meta") else ""
    return (
        tuple(_text(header, keyword) for keyword in _STUDY),
        tuple(_text(header, keyword) for keyword in _SERIES),
        # No offset table: the client's frames are not used, and its way of making one stops at broken pixel
        # data.
        (*(_text(header, keyword) for keyword in _INSTANCE), syntax, path, -1, np.zeros(0, np.uint32)),
    )


def _text(header: Any, keyword: str) -> str | None:
    try:
        value = header.get(keyword)
        return None if value is None else str(value)
    except Exception:  # noqa: BLE001 - a value that is illegal for its VR
        return None
