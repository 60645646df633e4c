"""Data sets made of many cases of a set of texts, so that each encoding is tried on all of them in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pydicom

from engine.datasets import CT_IMAGE
from engine.text_cases import Case

_IN_A_DATA_SET = 64
"""Cases in one data set; they share what its header says, so that each is cleaned of the words of all of them."""


def together(some: Sequence[Case]) -> pydicom.Dataset:
    """One data set with the texts of many cases, as a label and as prose, and with the header's values of all."""
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.StudyInstanceUID = CT_IMAGE, "1.2.3.4", "1.2.3"
    dataset.RequestAttributesSequence, dataset.ReferencedPatientSequence = [], []
    for case in some:
        (name, _), (number, _), (date, _) = case.values
        item, person = pydicom.Dataset(), pydicom.Dataset()
        item.RequestedProcedureDescription, item.ReasonForTheRequestedProcedure = case.text[:64], case.text[:64]
        item.RequestedProcedureComments = case.text
        person.PatientName, person.PatientID, person.StudyDate = name, number, date
        dataset.RequestAttributesSequence.append(item)
        dataset.ReferencedPatientSequence.append(person)
    return dataset


def all_together(every: Sequence[Case]) -> Iterator[pydicom.Dataset]:
    """Data sets with all cases; those of one language stand together."""
    ordered = sorted(every, key=lambda case: (case.language, case.text))
    for start in range(0, len(ordered), _IN_A_DATA_SET):
        yield together(ordered[start : start + _IN_A_DATA_SET])
