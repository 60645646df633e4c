"""An instance's header as the origin server is to hold it: as if it had been made of the originals (PS3.15 E.1.2).

    UIDs            a pseudonym becomes its original, at every depth; the instance's own stay
    dates           go back by the days by which their study moved
    patient, study  are the original study's; what the instance itself says of them goes
    marks           of the de-identification go, for it is undone

A value goes back only where the policy would make the same of it again. Where it does something else, say keeps it, who
sent a pseudonym could read its original there. For the same reason no date stays: by a known one, say today's, the
others could be reckoned.

The header is changed in place. It comes from a user agent and the original from the origin server; whatever cannot
be made of them becomes InvalidDataSetError, without a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydicom import DataElement, Dataset

from dicomveil_engine import Policy
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_engine.rewriting.deidentification_attributes import MARK_TAGS
from dicomveil_proxy.reidentification.dates import DatesBack
from dicomveil_proxy.reidentification.elements import elements, texts
from dicomveil_proxy.reidentification.encoded import readable
from dicomveil_proxy.reidentification.originals import Original
from dicomveil_proxy.translation.translation import text_of

_PATIENT_ID = "00100020"
_PATIENT_IDENTITY_REMOVED = 0x00120062
_UID_VALUE = 0x0040A124
"""(0040,A124) UID, the value of content items of the type UIDREF (PS3.3 Section C.17.3)."""
_UTF_8 = "ISO_IR 192"

STUDY_GROUPS = frozenset((0x0010, 0x0012, 0x0032, 0x0038))
"""Patient, clinical trial, requested procedure and visit: modules that all instances of a study share."""

STUDY_ATTRIBUTES = frozenset(
    (
        0x00080020,  # StudyDate
        0x00080030,  # StudyTime
        0x00080050,  # AccessionNumber
        0x00080051,  # IssuerOfAccessionNumberSequence
        0x00080090,  # ReferringPhysicianName
        0x00080096,  # ReferringPhysicianIdentificationSequence
        0x0008009C,  # ConsultingPhysicianName
        0x0008009D,  # ConsultingPhysicianIdentificationSequence
        0x00081030,  # StudyDescription
        0x00081032,  # ProcedureCodeSequence
        0x00081048,  # PhysiciansOfRecord
        0x00081049,  # PhysiciansOfRecordIdentificationSequence
        0x00081060,  # NameOfPhysiciansReadingStudy
        0x00081062,  # PhysiciansReadingStudyIdentificationSequence
        0x00081080,  # AdmittingDiagnosesDescription
        0x00081084,  # AdmittingDiagnosesCodeSequence
        0x00081110,  # ReferencedStudySequence
        0x00081120,  # ReferencedPatientSequence
        0x00200010,  # StudyID
        0x00401012,  # ReasonForPerformedProcedureCodeSequence
    )
)
"""Of the patient, general study and patient study modules (PS3.3 Sections C.7.1 and C.7.2), in other groups."""

SERIES_ATTRIBUTES = frozenset((0x00120060, 0x00120071, 0x00120072, 0x00120073))
"""Of the clinical trial series module: the instance's own."""

GONE = frozenset((0x00081190, 0x0040E010, 0x4FFE0001, 0xFFFAFFFA))
"""RetrieveURL and RetrieveURI, which lead to the proxy; signatures and their parameters, which no longer fit."""

_CHANGED_VRS = frozenset(("DA", "DT", "LO", "LT", "SH", "SQ", "ST", "UC", "UI", "UT"))


def is_of_same_patient(header: Dataset, original: Original, policy: Policy) -> bool:
    """Whether the instance says nothing of another patient of the project than its study does."""
    with readable("(0010,0020) PatientID cannot be read"):
        sent = header.get("PatientID")
    if not policy.replaces_patient_id or not isinstance(sent, str) or not policy.is_pseudonym_patient_id(sent):
        return True
    return sent == policy.pseudonym_patient_id(text_of(original.instance, _PATIENT_ID))


def restore(header: Dataset, original: Original, policy: Policy) -> None:
    """Make the header the originals'. Raises InvalidDataSetError."""
    with readable("an original attribute cannot be written"):
        _Restoration(original, policy).restore(header)


class _Restoration:
    def __init__(self, original: Original, policy: Policy) -> None:
        self._original = original
        patient_id = text_of(original.instance, _PATIENT_ID)
        self._dates = DatesBack(policy, original.study_instance_uid, patient_id)
        attributes = _without_bulk({k: v for k, v in original.instance.items() if _is_of_study(int(k, 16))})
        self._patient = Dataset.from_json(attributes)
        self._is_ascii = json.dumps(attributes, ensure_ascii=False).isascii()
        self._patients: dict[str, str] = {}
        """Pseudonym → PatientID."""
        if patient_id:
            self._patients[policy.pseudonym_patient_id(patient_id)] = patient_id
        self._policy = policy

    def restore(self, header: Dataset) -> None:
        for tag in [tag for tag in header if _is_of_study(tag.tag)]:
            del header[tag.tag]
        self._change(header)
        if not self._is_ascii and header.get("SpecificCharacterSet") != _UTF_8:
            header.decode()
            header.SpecificCharacterSet = _UTF_8
        header.update(self._patient)
        if _PATIENT_IDENTITY_REMOVED not in header:
            header.add_new(_PATIENT_IDENTITY_REMOVED, "CS", "NO")

    def _change(self, dataset: Dataset) -> None:
        for tag in [tag for tag in GONE if tag in dataset]:
            del dataset[tag]
        for element in elements(dataset, _CHANGED_VRS):
            if element.VR == "SQ":
                for item in element.value:
                    self._change(item)
            elif not element.is_empty and not element.tag.is_private:
                if element.tag == _UID_VALUE and self._policy.structured_content:
                    continue  # by its concept name it may be kept
                method = self._policy.decide(int(element.tag), element.VR).method
                before = texts(element)
                after = [self._changed(element, method, text) for text in before]
                if after != before:
                    element.value = after if len(after) > 1 else after[0]

    def _changed(self, element: DataElement, method: Method, text: str) -> str:
        """A value before the policy's method came over it; where another method applies, nothing can be said."""
        effect = method.effect(element.VR)
        if effect is Effect.UID_PSEUDONYM:
            return self._original.uids.get(PseudonymousUID(text), text)
        if method.date_move is not None:
            return self._dates.move(int(element.tag), element.VR, text)
        if effect is Effect.PATIENT_PSEUDONYM:
            return self._patients.get(text, text)
        return text


def _is_of_study(tag: int) -> bool:
    is_shared = tag >> 16 in STUDY_GROUPS and tag not in SERIES_ATTRIBUTES
    return is_shared or tag in STUDY_ATTRIBUTES or tag in MARK_TAGS


def _without_bulk(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A data set in DICOM JSON without the values that are elsewhere."""
    kept: dict[str, Any] = {}
    for key, element in dataset.items():
        if element["vr"] == "SQ":
            kept[key] = {"vr": "SQ", "Value": [_without_bulk(item) for item in element.get("Value", ())]}
        elif "BulkDataURI" not in element:
            kept[key] = element
    return kept
