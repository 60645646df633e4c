"""De-identify a pydicom data set through its bytes.

Errors of pydicom become InvalidDataSetError without their message, which may hold values. pydicom is imported when it
is needed; a caller with a pydicom data set has imported it already.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.file_meta import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

if TYPE_CHECKING:
    from pydicom import Dataset


def rewritten(dataset: Dataset, deidentify: Callable[[bytes], bytes]) -> Dataset:
    """Apply `deidentify` to the data set's bytes; the result has file meta information if the data set has.

    Raises InvalidDataSetError if the data set cannot be encoded, and the errors of `deidentify`.
    """
    from pydicom import dcmread  # noqa: PLC0415
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415

    output = deidentify(_encoded(dataset))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values
        result: Dataset = dcmread(DicomBytesIO(output))
        if getattr(dataset, "file_meta", None) is None:
            del result.file_meta
    return result


def _encoded(dataset: Dataset) -> bytes:
    """The data set as a Part 10 instance."""
    from pydicom import dcmwrite  # noqa: PLC0415
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415

    buffer = DicomBytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            # A shallow copy, since the elements belong to the caller; only its file meta information is replaced.
            written = copy.copy(dataset)
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = _transfer_syntax_of(dataset)
            meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
            meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
            written.file_meta = meta
            written.preamble = bytes(128)
            dcmwrite(buffer, written)
    except Exception:  # noqa: BLE001 - pydicom raises many types, with values in the messages
        raise InvalidDataSetError(
            "pydicom cannot encode the data set; find the element with dataset.save_as, or give the file's bytes to "
            "deidentify_instance"
        ) from None
    encoded: bytes = buffer.getvalue()
    return encoded


def _transfer_syntax_of(dataset: Dataset) -> str:
    """That of the file meta information, else that in which the data set was read, else explicit VR little endian."""
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and meta.get("TransferSyntaxUID"):
        return str(meta.TransferSyntaxUID)
    implicit, little_endian = dataset.original_encoding
    if little_endian is False:
        return EXPLICIT_VR_BIG_ENDIAN
    return IMPLICIT_VR_LITTLE_ENDIAN if implicit else EXPLICIT_VR_LITTLE_ENDIAN
