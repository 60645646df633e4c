"""An archive in which every identifying value is a canary, and the search for canaries in what must hold none.

A canary is looked for as it is, in UTF-16, in Base64 at each of its three alignments, and by its digests without a key.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from proxy.fakes import instance

STUDIES, INSTANCES = 60, 11
"""Per study: six instances of one series and five of another."""
ROOT = "1.2.3.777123."
_MARK = "ZQX"


def canary(study: int, name: str) -> str:
    """The value of an attribute, as nothing else is written."""
    return f"{_MARK}{name}{study:03}"


def uids(study: int, number: int) -> tuple[str, str, str]:
    """Of study, series and instance; instances are numbered from 0."""
    series = 1 if number < 6 else 2
    return f"{ROOT}{study}", f"{ROOT}{study}.{series}", f"{ROOT}{study}.{series}.{number + 1}"


def archive(studies: int = STUDIES, instances: int = INSTANCES) -> Iterator[bytes]:
    """All instances."""
    for study in range(1, studies + 1):
        for number in range(instances):
            yield _instance(study, number)


def canaries(studies: int = STUDIES, instances: int = INSTANCES) -> list[str]:
    """All that must not be seen."""
    found = [canary(study, name) for study in range(1, studies + 1) for name in (*_ATTRIBUTES, "Private", "Nested")]
    for study in range(1, studies + 1):
        found += {uid for number in range(instances) for uid in uids(study, number)}
    return found


_ATTRIBUTES = (
    "PatientID",
    "PatientName",
    "PatientAddress",
    "AccessionNumber",
    "InstitutionName",
    "ReferringPhysicianName",
    "StudyDescription",
    "SeriesDescription",
    "StudyID",
    "OperatorsName",
    "StationName",
    "PatientComments",
)


def _instance(study: int, number: int) -> bytes:
    def change(dataset: Dataset) -> None:
        block = dataset.private_block(0x0009, "EXAMPLE 1.0", create=True)
        block.add_new(1, "LO", canary(study, "Private"))
        item = Dataset()
        item.PatientID = canary(study, "Nested")
        item.ReferencedSOPInstanceUID = uids(study, 0)[2]
        dataset.ReferencedStudySequence = [item]
        dataset.InstanceNumber = str(number + 1)

        for name in _ATTRIBUTES:
            setattr(dataset, name, canary(study, name))

    modality, date = "CT" if number < 6 else "MR", f"2020{study % 12 + 1:02}15"
    return instance(*uids(study, number), change=change, Modality=modality, StudyDate=date)


class Search:
    """Looks for canaries."""

    def __init__(self, words: Iterable[str]) -> None:
        forms: set[bytes] = set()
        for word in words:
            plain = word.encode()
            for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256):
                value = digest(plain)
                forms |= {value.digest(), value.hexdigest().encode(), value.hexdigest().upper().encode()}
                forms.add(base64.b64encode(value.digest()))
        self._digests = forms
        roots = [_MARK.encode(), _MARK.lower().encode(), ROOT.encode()]
        roots += [text.encode(encoding) for text in (_MARK, ROOT) for encoding in ("utf-16-le", "utf-16-be")]
        for text in (f"{_MARK}Pat", ROOT):
            for shift in range(3):
                # What is the same in Base64, whatever stands before and behind.
                encoded = base64.b64encode(bytes(shift) + text.encode()).rstrip(b"=")
                roots.append(encoded[(0, 2, 3)[shift] : len(encoded) - 2])
        self._plain = re.compile(b"|".join(re.escape(root) for root in roots))
        self._hexadecimal = re.compile(b"[0-9a-fA-F]{32,}")

    def found(self, data: bytes) -> list[bytes]:
        """The canaries in some bytes."""
        hits = self._plain.findall(data)
        hits += [word for word in self._hexadecimal.findall(data) if word in self._digests]
        return hits

    def in_tree(self, folder: Path, *, but: Iterable[str] = ()) -> list[str]:
        """Where canaries are below a folder: in names, contents, and the directories of zip files."""
        places: list[str] = []
        for path in sorted(folder.rglob("*")):
            if path.name in but:
                continue
            if self.found(str(path.relative_to(folder)).encode()):
                places.append(f"name of {path}")
            if path.is_file() and self.found(path.read_bytes()):
                places.append(str(path))
            if path.is_file() and zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as held:
                    places += [f"{path}: {name}" for name in held.namelist() if self.found(name.encode())]
        return places
