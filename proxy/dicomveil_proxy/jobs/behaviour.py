"""What a policy does, as one digest: equal behaviour, equal digest, whatever the version of dicomveil.

An instance that holds each attribute of Table E.1-1, and others of every kind, is de-identified; the digest is of what
comes out. So a new version may continue where an earlier one ended, unless it decides otherwise. An instance cannot
hold every value, so the text of the configuration is a part of the fingerprint as well.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from functools import cache

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicomveil_engine import EngineError, Policy
from dicomveil_engine.attributes._standard import TABLE_E1
from dicomveil_engine.attributes.dictionary import vr_of
from dicomveil_engine.part10.rewriter import rewritten_instance
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest

_CT = "1.2.840.10008.5.1.4.1.1.2"
_SR = "1.2.840.10008.5.1.4.1.1.88.33"
_VALUES: dict[str, object] = {
    "AE": "EXAMPLE-AE", "AS": "042Y", "CS": "EXAMPLE", "DA": "20200229", "DS": "1.5", "DT": "20200229123456.7+0100",
    "FD": 1.5, "FL": 1.5, "IS": "7", "LO": "Doe Jane, call 555-0100", "LT": "Seen by Dr. Doe on 29.02.2020\r\nCT",
    "OB": b"\1\2", "OD": bytes(8), "OF": bytes(4), "OL": bytes(4), "OV": bytes(8), "OW": b"\1\2",
    "PN": "Doe^Jane", "SH": "EXAMPLE-1", "SL": 1, "SS": 1, "ST": "CT of the abdomen of Jane Doe", "SV": 1,
    "TM": "123456", "UC": "Jane Doe", "UI": "1.2.3.4.5", "UL": 1, "UN": b"\1\2", "UR": "http://example.org/1",
    "US": 1, "UT": "Findings of Jane Doe", "UV": 1,
}  # fmt: skip
_UNLISTED = (0x00080008, 0x00080060, 0x00100010, 0x00180010, 0x00180050, 0x00181030, 0x00189074, 0x00280010, 0x00281050)


def behaviour_of(policy: Policy, secret: bytes) -> bytes:
    """The digest of what the policy does; keyed, so that it says nothing to others."""
    seen = hashlib.sha256()
    for sop_class in (_CT, _SR):
        try:
            seen.update(rewritten_instance(_probe(sop_class), policy))
        except EngineError as error:
            seen.update(str(error).encode())
    # The probes hold no text in pixels; what a preset says of it is not in the text of the configuration.
    seen.update(json.dumps(policy.pixels.as_json()).encode())
    return keyed_digest(Keys(secret).derive("batch/behaviour"), seen.digest())


@cache
def _probe(sop_class: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are legal for their VR, and not for their attribute
        dataset = _with_everything(sop_class)
        nested = _with_everything(sop_class)
        dataset.add_new(0x00081115, "SQ", [nested])
        block = dataset.private_block(0x0009, "EXAMPLE 1.0", create=True)
        block.add_new(1, "LO", "Doe^Jane")
        dataset.Rows = dataset.Columns = 1
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.PixelData = b"\1\2"
        meta = dataset.file_meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, "1.2.3.3"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = io.BytesIO()
        dcmwrite(file, dataset, enforce_file_format=True)
        return file.getvalue()


def _with_everything(sop_class: str) -> Dataset:
    dataset = Dataset()
    for tag in sorted({*TABLE_E1.rows, *_UNLISTED}):
        vr = vr_of(tag) or "UN"
        if tag >> 16 in (0x0000, 0x0002, 0x0004) or vr not in _VALUES:
            continue
        dataset.add_new(tag, vr, _VALUES[vr])
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.3.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2"
    dataset.PatientID, dataset.Modality = "PATIENT-1", "CT"
    return dataset
