"""A new DICOMDIR (PS3.3 Annex F, PS3.10 Section 8.6) for the de-identified instances below its folder.

Nothing is copied from the original DICOMDIR, whose records contain names, dates and UIDs. The records are made by
pydicom's `FileSet`, but not written by it: it would move the instances to other folders, and takes time quadratic in
their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import zip_longest
from pathlib import Path

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.fileset import FileSet, is_conformant_file_id
from pydicom.uid import ExplicitVRLittleEndian

from dicomveil_engine import EngineError, Policy
from dicomveil_engine.part10.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicomveil_proxy.jobs.instance import MEDIA_STORAGE_DIRECTORY, file_meta_of
from dicomveil_proxy.jobs.manifest import MANIFEST, SERIES, SUMS
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.tree import LEDGER
from dicomveil_proxy.wire import unfinished

NAME = "DICOMDIR"

_DEFERRED_BYTES = 1 << 16
"""Longer values are in no record, and are not read."""
_IN_USE = 0xFFFF
_DUMMIES = {
    "PatientID": "ANONYMOUS",
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "StudyID": "0",
    "SeriesNumber": 0,
    "InstanceNumber": 0,
}
"""Attributes of Type 1 in a record (PS3.3 Section F.5) but Type 2 in an instance: the values if there are none."""


@dataclass
class _Node:
    """A record and those below it, by their keys."""

    record: Dataset
    below: dict[str, _Node] = field(default_factory=dict)


def write_dicomdir(original: Path, folder: Path, policy: Policy) -> Outcome:
    """Write the folder's DICOMDIR. Its UID is the pseudonym of the original's.

    An instance is omitted, and counted, if its path is not a valid File ID, or it lacks attributes of a record.
    """
    try:
        meta = file_meta_of(original)
        roots: dict[str, _Node] = {}
        listed = left_out = 0
        for path in _files(folder):
            if _add(roots, path, path.relative_to(folder)):
                listed += 1
            else:
                left_out += 1
        if not listed:
            return Outcome(Status.SKIPPED, "no instance of the output has a name that a DICOMDIR could hold")
        data = _encoded(roots, policy.pseudonym_uid(meta.sop_instance_uid if meta else ""))
        size = _write(folder / NAME, data)
    except EngineError as error:
        return Outcome(Status.FAILED, str(error))
    except OSError as error:
        return Outcome(Status.FAILED, f"it cannot be read or written ({error.strerror})")
    except Exception:  # noqa: BLE001 - pydicom raises many types, whose messages may quote values
        return Outcome(Status.FAILED, "its records cannot be written")
    reason = f"{left_out} left out: their names are not File IDs, or they lack what a record needs" if left_out else ""
    return Outcome(Status.REBUILT, reason, size)


def _files(folder: Path) -> Iterator[Path]:
    """The files that may be instances of the file-set, in a fixed order."""
    for directory, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if directory == os.fspath(folder) and name in (MANIFEST, SERIES, SUMS):
                continue
            if name != NAME and not name.startswith(LEDGER) and not name.endswith(unfinished.SUFFIX):
                yield Path(directory, name)


def _add(roots: dict[str, _Node], path: Path, file_id: Path) -> bool:
    """Add the records of an instance, and return whether it has any."""
    if not is_conformant_file_id(file_id):
        return False
    try:
        header = dcmread(path, stop_before_pixels=True, defer_size=_DEFERRED_BYTES)
        for keyword, dummy in _DUMMIES.items():
            if header.get(keyword) in (None, ""):
                setattr(header, keyword, dummy)
        # Without a FileSet of its own, which would make a temporary folder, and which it does not look at.
        records = list(FileSet._recordify(None, header))  # noqa: SLF001 - the only place where pydicom knows this
    except Exception:  # noqa: BLE001 - pydicom raises many types, whose messages may quote values
        return False
    records[-1].ReferencedFileID = list(file_id.parts)
    below = roots
    for record in records:
        below = below.setdefault(_key(record), _Node(record)).below
    return True


def _key(record: Dataset) -> str:
    """The key of a record: records with the same key are merged (PS3.3 Table F.4-1)."""
    kind = record.DirectoryRecordType
    if kind == "PATIENT":
        # Without an ID, patients are told apart by their names, or two would become one.
        name = record.get("PatientName", "") if record.PatientID == _DUMMIES["PatientID"] else ""
        return f"{kind} {record.PatientID} {name}"
    if kind == "STUDY":
        return f"{kind} {record.StudyInstanceUID}"
    if kind == "SERIES":
        return f"{kind} {record.SeriesInstanceUID}"
    # Instances are distinguished by path, since two copies are two files.
    return f"{kind} {'/'.join(record.ReferencedFileID)}"


def _encoded(roots: dict[str, _Node], uid: str) -> bytes:
    """The complete DICOMDIR.

    Records refer to each other by their offsets in the file. Since offsets have a fixed length, the file is encoded
    once to find them, and a second time with them.
    """
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = MEDIA_STORAGE_DIRECTORY
    directory.file_meta.MediaStorageSOPInstanceUID = uid
    directory.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    directory.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    directory.FileSetID = ""
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = [node.record for node in _in_order(roots)]
    written = dcmread(BytesIO(_saved(directory))).DirectoryRecordSequence
    begins = {id(node.record): record.seq_item_tell for node, record in zip(_in_order(roots), written, strict=True)}
    _point(roots, begins)
    ends = list(roots.values())
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = begins[id(ends[0].record)]
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = begins[id(ends[-1].record)]
    return _saved(directory)


def _in_order(level: dict[str, _Node]) -> Iterator[_Node]:
    for node in level.values():
        yield node
        yield from _in_order(node.below)


def _point(level: dict[str, _Node], begins: dict[int, int]) -> None:
    """Set the offsets of the next record and of the lower level in each record of a level."""
    nodes = list(level.values())
    for node, after in zip_longest(nodes, nodes[1:]):
        node.record.OffsetOfTheNextDirectoryRecord = begins[id(after.record)] if after else 0
        node.record.RecordInUseFlag = _IN_USE
        lower = next(iter(node.below.values()), None)
        node.record.OffsetOfReferencedLowerLevelDirectoryEntity = begins[id(lower.record)] if lower else 0
        _point(node.below, begins)


def _saved(directory: Dataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, directory, enforce_file_format=True)
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> int:
    with unfinished.whole(path) as place:
        place.write_bytes(data)
    return len(data)
