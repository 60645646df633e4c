"""De-identify a data set that pydicom holds, by way of the bytes that it stands for.

The border to pydicom: whatever it raises becomes InvalidDataSetError, without its message, which may hold values.
pydicom is imported here when it is needed; a caller with a data set of its has imported it.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from dicomveil_engine.errors import InvalidDataSetError

if TYPE_CHECKING:
    from pydicom import Dataset

_IMPLICIT, _EXPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def rewritten(dataset: Dataset, deidentify: Callable[[bytes], bytes]) -> Dataset:
    """What `deidentify` makes of the data set's bytes; with file meta information if the data set had some.

    Raises InvalidDataSetError for what cannot be encoded, and what `deidentify` raises.
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
            # Its elements are the caller's and are not touched; its file meta information is replaced.
            written = copy.copy(dataset)
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = _transfer_syntax_of(dataset)
            meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
            meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
            written.file_meta = meta
            written.preamble = bytes(128)
            dcmwrite(buffer, written)
    except Exception:  # noqa: BLE001 - pydicom raises nearly anything, with values in the message
        raise InvalidDataSetError(
            "pydicom cannot encode the data set; find the element with dataset.save_as, or give the file's bytes to "
            "deidentify_instance"
        ) from None
    encoded: bytes = buffer.getvalue()
    return encoded


def _transfer_syntax_of(dataset: Dataset) -> str:
    """What the file meta information says, else how the data set was read, else explicit VR little endian."""
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and meta.get("TransferSyntaxUID"):
        return str(meta.TransferSyntaxUID)
    implicit, little_endian = dataset.original_encoding
    if little_endian is False:
        return _BIG_ENDIAN
    return _IMPLICIT if implicit else _EXPLICIT
