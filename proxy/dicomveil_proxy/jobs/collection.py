"""Files of a layout besides its instances: NBIA's metadata.csv, BIDS's participants.tsv and scans.tsv.

They are made from the ledger's series, which are sorted by study, so that only one study is in memory.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import groupby
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from dicomveil_proxy.jobs.layout import Layout
from dicomveil_proxy.jobs.manifest import Placed, Put
from dicomveil_proxy.jobs.tables import write_csv

TCIA_COLUMNS = (
    "Series UID",
    "Collection",
    "Subject ID",
    "Study UID",
    "Modality",
    "SOP Class UID",
    "Number of Images",
    "File Size",
    "File Location",
)
SCANS_COLUMNS = ("filename", "modality", "series_instance_uid", "instances")
_BIDS_VERSION = "1.10.0"
_README = (
    "De-identified DICOM instances, as source data of a BIDS dataset.\n"
    "NIfTI files are made of them with dcm2niix, such as\n\n"
    "    dcm2niix -o sub-X/ses-Y sourcedata/sub-X/ses-Y\n"
)
_IGNORED = "manifest.*\nseries.*\nSHA256SUMS\n"
"""Files of ours that BIDS does not know, for its validator."""
_SPOOLED_BYTES = 8 << 20


def write_collection(placed: Placed, layout: Layout, put: Put) -> None:
    """Write the files of the layout. Raises DestinationError."""
    if layout == "tcia":
        _put_table(put, "metadata.csv", TCIA_COLUMNS, _nbia(placed), ",")
    elif layout == "bids":
        _bids(placed, put)


def _nbia(placed: Placed) -> Iterator[tuple[object, ...]]:
    for study, series, modality, patient, count, size, first, sop_class in placed.series():
        folder = str(first).rpartition("/")[0]
        subject = folder.split("/", 1)[0]
        yield series, "", patient or subject, study, modality, sop_class, count, int(size), folder


def _bids(placed: Placed, put: Put) -> None:
    subjects: set[str] = set()
    sessions = groupby(placed.series(), lambda row: "/".join(str(row[6]).split("/")[:3]))
    for folder, rows in sessions:
        _, subject, session = folder.split("/")
        subjects.add(subject)
        scans = (
            ("/".join(str(first).split("/")[3:-1]), modality, series, count)
            for _, series, modality, _, count, _, first, _ in rows
        )
        _put_table(put, f"{folder}/{subject}_{session}_scans.tsv", SCANS_COLUMNS, scans, "\t")
    _put_table(put, "participants.tsv", ("participant_id",), ((subject,) for subject in sorted(subjects)), "\t")
    description = {
        "Name": "De-identified DICOM export",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "dicomveil"}],
    }
    put("dataset_description.json", io.BytesIO(json.dumps(description, indent=2).encode() + b"\n"))
    put(".bidsignore", io.BytesIO(_IGNORED.encode()))
    put("README", io.BytesIO(_README.encode()))


def _put_table(
    put: Put, name: str, columns: tuple[str, ...], rows: Iterator[tuple[object, ...]], delimiter: str
) -> None:
    with SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        text = io.TextIOWrapper(cast("BinaryIO", file), encoding="utf-8", errors="backslashreplace", newline="")
        write_csv(text, columns, rows, delimiter)
        text.flush()
        file.seek(0)
        put(name, cast("BinaryIO", file))
        text.detach()
