"""What manifests and names say of an instance: read from its output, so that it is what the output says.

The instances of a series say the same of patient and modality, which is read once for all of them.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import replace
from io import BytesIO

from pydicom import Dataset
from pydicom.filereader import read_dataset, read_partial

from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_proxy.jobs.deidentification import HEAD_BYTES, Deidentification
from dicomveil_proxy.jobs.layout import Namer, Names

_SERIES_CACHED = 256
_PATIENT_ID, _MODALITY = 0x00100020, 0x00080060


class Describer:
    """Describes instances that are de-identified."""

    def __init__(self, namer: Namer) -> None:
        self._namer = namer
        self._series: OrderedDict[tuple[str, str], Names] = OrderedDict()

    def names(self, made: Deidentification) -> Names:
        """What it is called, in pseudonyms alone."""
        identity = made.deidentified
        key = identity.study_instance_uid, identity.series_instance_uid
        known = self._series.get(key)
        if known is None:
            patient, modality = said(made.head)
            namer = self._namer
            study, series = namer.uid(key[0]), namer.uid(key[1])
            known = Names(study, series, "", namer.patient(patient), namer.modality(modality))
            self._series[key] = known
            if len(self._series) > _SERIES_CACHED:
                self._series.popitem(last=False)
        return replace(known, instance=self._namer.uid(identity.sop_instance_uid))


def said(head: bytes) -> tuple[str, str]:
    """PatientID and Modality, as the beginning of an output says them; empty where it cannot be read."""

    def is_behind(tag: int, vr: str | None, length: int) -> bool:
        del vr, length
        return tag > _PATIENT_ID

    try:
        found = read_file_meta(head, closing=True)
        if found is not None and found[0].is_deflated:
            inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head[found[1] :], HEAD_BYTES)
            dataset: Dataset = read_dataset(BytesIO(inflated), False, True, stop_when=is_behind)
        else:
            dataset = read_partial(BytesIO(head), stop_when=is_behind, specific_tags=[_MODALITY, _PATIENT_ID])
        return str(dataset.get("PatientID") or ""), str(dataset.get("Modality") or "")
    except Exception:  # noqa: BLE001 - pydicom raises nearly anything, with values in it
        return "", ""
