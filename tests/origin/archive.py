"""What the origin server of the walk holds: the real instances that it takes, and a planted one.

Instances that Orthanc or the engine refuses are left out; an archive knows each of its instances as it is
stored, and what must never be seen of it.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from bench.instances import ct
from dicomveil_engine import EngineError, Policy
from dicomveil_engine.attributes.dictionary import keyword_of
from dicomveil_engine.attributes.legality import STRUCTURAL_UIDS
from dicomveil_engine.part10.rewriter import rewritten_instance
from dicomveil_engine.text.seeds import is_descriptive
from origin.orthanc import Orthanc

_SECRETS = frozenset(
    [
        "PatientName",
        "PatientID",
        "OtherPatientIDs",
        "PatientBirthName",
        "AccessionNumber",
        "InstitutionName",
        "InstitutionAddress",
        "ReferringPhysicianName",
        "PerformingPhysicianName",
        "OperatorsName",
        "PhysiciansOfRecord",
        "AdmissionID",
        "NameOfPhysiciansReadingStudy",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "RequestingPhysician",
    ]
)
SHORTEST_SECRET = 6
"""Bytes; anything shorter is found by chance."""
OWN_WORDS = {b"REMOVED", b"TOSHIBA", b"Example", b"1.0.0.0"}
"""What something else is called, too: what de-identification attributes say (PS3.3 C.12.1.1.7), the maker of a phantom
that has its name, an ordinary word of a made-up hospital's name, and a firmware version that is another's UID."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Stored:
    """One instance at the origin server."""

    data: bytes
    study: str
    series: str
    instance: str
    secrets: frozenset[bytes] = field(repr=False, default=frozenset())
    """Byte strings that no answer about its study may hold."""

    @property
    def dataset(self) -> Dataset:
        """Read by pydicom."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(io.BytesIO(self.data), force=True)


def fill(orthanc: Orthanc, shared: Path, policy: Policy) -> list[Stored]:
    """Store what Orthanc takes, past the proxy; each study once, under one patient."""
    archive: list[Stored] = []
    patients: dict[str, str] = {}
    for path in sorted((shared / "corpus").glob("*.dcm")):
        candidate = read_stored(path.read_bytes())
        if candidate is None or any(candidate.instance == stored.instance for stored in archive):
            continue
        # Orthanc cannot retrieve a study that is stored under two PatientIDs.
        patient = str(candidate.dataset.get("PatientID", ""))
        if patients.setdefault(candidate.study, patient) != patient:
            continue
        try:
            rewritten_instance(candidate.data, policy)
        except EngineError:
            continue
        if orthanc.store(candidate.data) == candidate.instance:
            archive.append(candidate)
    planted = read_stored(ct(rows=16, columns=16))
    assert planted is not None
    if orthanc.store(planted.data) == planted.instance:
        archive.append(planted)
    return archive


def by_study(archive: list[Stored]) -> dict[str, list[Stored]]:
    """Study → its instances."""
    studies: dict[str, list[Stored]] = defaultdict(list)
    for stored in archive:
        studies[stored.study].append(stored)
    return studies


def read_stored(data: bytes) -> Stored | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            uids = [str(dataset[name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
            secrets = frozenset(_secrets(dataset))
        except Exception:  # noqa: BLE001 - a broken instance: not for this archive
            return None
    return Stored(data, uids[0], uids[1], uids[2], secrets) if all(uids) else None


def _secrets(dataset: Dataset) -> set[bytes]:
    """Identifying values, as bytes: whole, and each longer word of them; and every UID of somebody's instances."""
    found: set[bytes] = set()
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                found |= _secrets(item)
        elif element.VR == "UI" and element.tag not in STRUCTURAL_UIDS and not element.tag.is_private:
            values = element.value if element.VM > 1 else [element.value]
            found |= {str(uid).encode() for uid in values if uid and not str(uid).startswith("1.2.840.10008.")}
        elif keyword_of(element.tag) in _SECRETS and element.value:
            text = str(element.value)
            # Words of what was imaged, and how, stay although a patient bears one: they are everybody's.
            words = {text, *(word for word in _WORD.findall(text) if not is_descriptive(word.lower()))}
            found |= {word.encode() for word in words if len(word) >= SHORTEST_SECRET}
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET} - OWN_WORDS
