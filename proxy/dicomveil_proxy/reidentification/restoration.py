"""Restores an instance's header, as if it had been derived from the originals (PS3.15 Section E.1.2).

    UIDs            pseudonyms become their originals, at every depth; the instance's own UID is kept
    dates           are moved back by the shift of their study
    patient, study  attributes are taken from the original study, and replace the instance's
    attributes      of the de-identification are removed, since it is undone

A value is restored only if the policy would turn it into the same pseudonym again. Otherwise, say in an attribute that
is kept, a client that sends a pseudonym could retrieve its original there. For the same reason no date is left
unshifted: a known date, such as today's, would reveal the shift of the others.

The header is changed in place. Anything that cannot be restored raises InvalidDataSetError, without values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomveil_engine import MetadataRewriter, Policy
from dicomveil_engine.attributes.dictionary import vr_of
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_proxy.reidentification.dates import DatesBack
from dicomveil_proxy.reidentification.elements import elements, texts
from dicomveil_proxy.reidentification.encoded import readable
from dicomveil_proxy.reidentification.originals import Original
from dicomveil_proxy.translation.translation import text_of

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

_PATIENT_ID = "00100020"
_PATIENT_IDENTITY_REMOVED = 0x00120062
_UID_VALUE = 0x0040A124
"""(0040,A124) UID, the value of content items of the type UIDREF (PS3.3 Section C.17.3)."""
_UTF_8 = "ISO_IR 192"
_ITEM = b"\xfe\xff\x00\xe0"

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
"""Patient, general study and patient study attributes (PS3.3 Sections C.7.1 and C.7.2) in other groups."""

SERIES_ATTRIBUTES = frozenset((0x00120060, 0x00120071, 0x00120072, 0x00120073))
"""Attributes of the clinical trial series module: the instance's own."""

GONE = frozenset((0x00080300, 0x00081190, 0x0040E010, 0x4FFE0001, 0xFFFAFFFA))
"""Removed: the sender's declaration of safe private elements; RetrieveURL and RetrieveURI, which are the proxy's; and
signatures with their parameters, which are no longer valid."""

_CHANGED_VRS = frozenset(("DA", "DT", "LO", "LT", "SH", "SQ", "ST", "UC", "UI", "UT"))
_CONTRIBUTING_EQUIPMENT = "ContributingEquipmentSequence"
_MODIFYING_EQUIPMENT = ("109103", "DCM", "Modifying Equipment")
"""PS3.16 CID 7005."""


def is_of_same_patient(header: Dataset, original: Original, versions: Sequence[Policy]) -> bool:
    """Whether the instance's PatientID is not the pseudonym of another patient than its study's.

    `versions` are the policies under all versions of the key, the current one first.
    """
    policy = versions[0]
    with readable("(0010,0020) PatientID cannot be read"):
        sent = header.get("PatientID")
    if not policy.replaces_patient_id or not isinstance(sent, str) or not policy.is_pseudonym_patient_id(sent):
        return True
    patient_id = text_of(original.instance, _PATIENT_ID)
    return any(sent == each.pseudonym_patient_id(patient_id) for each in versions)


def restore(header: Dataset, original: Original, versions: Sequence[Policy], made_by: Policy | None = None) -> None:
    """Restore the header. Raises InvalidDataSetError.

    `made_by` is the version whose pseudonyms and dates the instance has, by default the current one.
    """
    with readable("an original attribute cannot be written"):
        _Restoration(original, versions, made_by or versions[0]).restore(header)


class _Restoration:
    def __init__(self, original: Original, versions: Sequence[Policy], made_by: Policy) -> None:
        from pydicom import Dataset  # noqa: PLC0415 - few requests need it

        self._original = original
        policy = versions[0]
        patient_id = text_of(original.instance, _PATIENT_ID)
        self._dates = DatesBack(made_by, original.study_instance_uid, patient_id)
        attributes = _without_bulk({k: v for k, v in original.instance.items() if _is_of_study(int(k, 16))})
        attributes = _cleaned(attributes, original.instance, policy)
        self._patient = Dataset.from_json(attributes)
        self._is_ascii = json.dumps(attributes, ensure_ascii=False).isascii()
        self._patients: dict[str, str] = {}
        """Pseudonym → PatientID."""
        if patient_id:
            self._patients.update((each.pseudonym_patient_id(patient_id), patient_id) for each in versions)
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
        self._contribute(header)

    def _contribute(self, header: Dataset) -> None:
        """Add an item to the Contributing Equipment Sequence, by which the instance is recognised as re-identified."""
        contribution = self._policy.contribution(self._original.study_instance_uid)
        from pydicom import Dataset  # noqa: PLC0415 - few requests need it

        purpose = Dataset()
        purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = _MODIFYING_EQUIPMENT
        item = Dataset()
        item.PurposeOfReferenceCodeSequence = [purpose]
        item.Manufacturer = item.ManufacturerModelName = "dicomveil"
        # In two attributes, since an option of the profile may keep one of them.
        item.DeviceSerialNumber = contribution
        item.InstitutionName = f"dicomveil {contribution}"
        item.ContributionDescription = "Made of de-identified instances, and re-identified when it was stored"
        already = header.get(_CONTRIBUTING_EQUIPMENT)
        header.ContributingEquipmentSequence = [*(already or ()), item]

    def _change(self, dataset: Dataset) -> None:
        for tag in [tag for tag in GONE if tag in dataset]:
            del dataset[tag]
        self._empty_undetermined(dataset)
        for element in elements(dataset, _CHANGED_VRS):
            if element.VR == "SQ":
                for item in element.value:
                    self._change(item)
            elif not element.is_empty and not element.tag.is_private:
                if element.tag == _UID_VALUE and self._policy.structured_content:
                    continue  # Clean Structured Content may keep it, by its concept name
                method = self._policy.decide(int(element.tag), element.VR).method
                before = texts(element)
                after = [self._changed(element, method, text) for text in before]
                if after != before:
                    element.value = after if len(after) > 1 else after[0]

    def _empty_undetermined(self, dataset: Dataset) -> None:
        """Empty values that the policy would turn into key-dependent ones that it does not recognise as its own.

        Otherwise a client could store a guessed value, retrieve it, and compare the result with another attribute's.
        Private elements that the policy may shift or encrypt are removed; so are sequences that have UN, whose items
        de-identification reads, and pydicom does not.
        """
        for tag in list(dataset.keys()):
            raw = dataset.get_item(tag)
            vr = str(vr_of(tag) or "UN") if raw.VR in {None, "UN"} else str(raw.VR)
            if tag.is_private_creator:
                continue
            if vr == "UN" and isinstance(raw.value, bytes) and raw.value.startswith(_ITEM):
                del dataset[tag]
                continue
            if tag.is_private:
                if vr in {"DA", "DT"} or self._moves_private(dataset, tag, vr):
                    del dataset[tag]
                continue
            method = self._policy.decide(int(tag), vr).method
            if vr != "SQ" and method.date_move is None and not method.recognises_own_output:
                dataset[tag].clear()

    def _moves_private(self, dataset: Dataset, tag: BaseTag, vr: str) -> bool:
        """Whether the policy may shift or encrypt a private element, as this VR or one that the element is read as."""
        block = dataset.get((tag.group, tag.element >> 8))
        if block is not None and block.VR != "LO":  # invalid (PS3.5 Section 7.8.1), but de-identification reads it
            return True
        creator = "\\".join(texts(block)) if block is not None else ""
        vrs = {vr, vr_of(tag, creator) or "UN", "UN", "DA", "DT", "LO", "DS"}
        methods = (self._policy.decide(int(tag), each, creator).method for each in vrs)
        return any(method.date_move is not None or not method.recognises_own_output for method in methods)

    def _changed(self, element: DataElement, method: Method, text: str) -> str:
        """The original of a value if the policy's method is invertible here, else the value itself."""
        effect = method.effect(element.VR)
        if effect is Effect.UID_PSEUDONYM:
            return self._original.uids.get(PseudonymousUID(text), text)
        if method.date_move is not None:
            return self._dates.move(int(element.tag), element.VR, text)
        if effect is Effect.PATIENT_PSEUDONYM:
            return self._patients.get(text, text if self._policy.is_pseudonym_patient_id(text) else "")
        return text


def _is_of_study(tag: int) -> bool:
    is_shared = tag >> 16 in STUDY_GROUPS and tag not in SERIES_ATTRIBUTES
    return is_shared or tag in STUDY_ATTRIBUTES or tag in DEIDENTIFICATION_TAGS


def _cleaned(attributes: dict[str, Any], original: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The attributes with free text cleaned by the policy, with the words of the original.

    The text of a re-identified instance is not cleaned again when it is retrieved.
    """
    clean = MetadataRewriter(policy).rewrite(dict(original))
    return {key: _cleaned_element(key, each, clean.get(key), policy) for key, each in attributes.items()}


def _cleaned_element(key: str, element: Any, clean: Any, policy: Policy) -> Any:
    if element["vr"] == "SQ":
        items, others = element.get("Value", []), (clean or {}).get("Value", [])
        others = others if len(others) == len(items) else [{}] * len(items)
        return {
            "vr": "SQ",
            "Value": [
                {tag: _cleaned_element(tag, each, other.get(tag), policy) for tag, each in item.items()}
                for item, other in zip(items, others, strict=True)
            ],
        }
    if not policy.decide(int(key, 16), element["vr"]).method.cleans_by_words or element["vr"] == "PN":
        return element
    return clean or {"vr": element["vr"]}


def _without_bulk(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A data set in DICOM JSON without elements that are bulk data."""
    kept: dict[str, Any] = {}
    for key, element in dataset.items():
        if element["vr"] == "SQ":
            kept[key] = {"vr": "SQ", "Value": [_without_bulk(item) for item in element.get("Value", ())]}
        elif "BulkDataURI" not in element:
            kept[key] = element
    return kept
