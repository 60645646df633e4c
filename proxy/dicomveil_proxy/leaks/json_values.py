"""The identifying values of a data set in DICOM JSON, and its text in which they are searched for.

They are collected independently of the engine. Which of them count under a policy is decided in `guard.py`.
"""

from __future__ import annotations

from dicomveil_engine import JSONDataSet
from dicomveil_engine.attributes.dictionary import tag_of
from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID
from dicomveil_engine.rewriting.context import CONTRIBUTION_VR, SUBJECT_TAGS
from dicomveil_proxy.leaks.place import places_in_json
from dicomveil_proxy.wire.json_document import encoded

SHORTEST = 5
"""Characters of a value that is searched for: shorter ones occur by chance."""
_IDENTIFIERS = (
    *("PatientID", "OtherPatientIDs", "MedicalRecordLocator", "PatientAddress", "PatientTelephoneNumbers"),
    *("AccessionNumber", "StudyID", "AdmissionID", "ServiceEpisodeID", "RequestedProcedureID"),
    *("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest"),
    *("PlacerOrderNumberProcedure", "FillerOrderNumberProcedure", "SpecimenIdentifier"),
    *("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AdmittingDate"),
)
"""Attributes besides names (PN). Not institutions and devices, whose names consist of common words."""
TAGS = frozenset((*SUBJECT_TAGS, SOP_INSTANCE_UID, *(tag for word in _IDENTIFIERS if (tag := tag_of(word)))))
_KEYS = {f"{tag:08X}": tag for tag in TAGS}
CONTRIBUTING = "0018A001"
_SINGLE = frozenset(("LT", "ST", "UT", "UR"))
_DEPTH = 32


def split(dataset: JSONDataSet) -> tuple[bytes, list[tuple[int, str, bytes]]]:
    """The SOP Instance UID of a data set, and its other identifying values."""
    found: list[tuple[int, str, bytes]] = []
    _collect(dataset, found, 0)
    others = [each for each in found if each[0] != SOP_INSTANCE_UID]
    if len(others) == len(found):
        return b"", found
    return next(value for tag, _, value in found if tag == SOP_INSTANCE_UID), others


def searchable(written: JSONDataSet) -> bytes:
    """The JSON document with escapes undone and base64 decoded, so that original bytes can be found."""
    document = encoded(written)
    if b"\\" in document:
        document = document.replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    if b'"InlineBinary"' in document:
        document = b"\n".join((document, *(place.value for place in places_in_json(written) if place.is_binary)))
    return document


def _collect(dataset: JSONDataSet, found: list[tuple[int, str, bytes]], depth: int) -> None:
    """Collect the identifying values of a data set at any depth."""
    for key, element in dataset.items():
        vr = element.get("vr")
        if vr == "SQ":
            if depth < _DEPTH:
                for item in element.get("Value") or ():  # type: ignore[attr-defined]
                    if isinstance(item, dict):
                        _collect(item, found, depth + 1)
        elif (key in _KEYS or vr == "PN") and not (depth and vr == "UI"):
            tag, values = _KEYS.get(key) or int(key, 16), element.get("Value")
            for value in values if isinstance(values, list) else ():
                for text in value.values() if isinstance(value, dict) else (value,):
                    if isinstance(text, str):
                        found.append((tag, str(vr), _document(text)))  # noqa: PERF401 - a generator takes longer


def holds_some_of(original: JSONDataSet, document: bytes) -> bool:
    """Whether a document holds any of the values from which the needles of a data set would be chosen.

    If it has none of them, it has no needle. That is quicker than choosing, and true of nearly all search results.
    """
    found: list[tuple[int, str, bytes]] = []
    _collect(original, found, 0)
    for _, vr, whole in found:
        for each in values_of(vr, whole):
            value = each.rstrip(b"^") if vr == "PN" else each
            if len(value) >= SHORTEST and value in document:
                return True
    return False


def values_of(vr: str, whole: bytes) -> list[bytes]:
    """The values of an element, without padding."""
    if vr in _SINGLE or b"\\" not in whole:
        return [whole.strip(b" \0")]
    return [part.strip(b" \0") for part in whole.split(b"\\")]


def contributing(dataset: JSONDataSet) -> list[tuple[int, str, bytes]]:
    """The texts of Contributing Equipment Sequence."""
    items = dataset.get(CONTRIBUTING, {}).get("Value")
    elements = [each for item in items if isinstance(item, dict) for each in item.items()] if items else []  # type: ignore[attr-defined]
    return [
        (int(key, 16), CONTRIBUTION_VR, _document(text))
        for key, element in elements
        if isinstance(element, dict) and element.get("vr") == CONTRIBUTION_VR
        for text in element.get("Value") or ()
        if isinstance(text, str)
    ]


def _document(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
