"""Small instances with pixels, for the tests of `dicomveil_engine.pixels`."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO

from dicomveil_engine.pixels.codecs import encode_frame
from dicomveil_engine.pixels.layout import FrameLayout

NATIVE, BIG, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2"
JPEG_LS, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"
CT, US, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"

Array = npt.NDArray[Any]


def written(shape: tuple[int, int] = (128, 320), text: str = "Doe Jane 1950") -> Array:
    """A dark picture with one line of text."""
    picture = np.full(shape, 20, np.uint8)
    cv2.putText(picture, text, (8, shape[0] // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 240, 2, cv2.LINE_AA)
    return picture


def instance(frames: list[Array], *, syntax: str = NATIVE, **attributes: object) -> bytes:
    """A Part 10 instance of these frames: grey, or colours by pixel; attributes by keyword come on top."""
    first = frames[0]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = str(attributes.pop("SOPClassUID", US))
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.5", "1.2.3.6"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Doe^Jane", "PATIENT-1", "US"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.Rows, dataset.Columns = first.shape[:2]
    dataset.SamplesPerPixel = 3 if first.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if first.ndim == 3 else "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * first.dtype.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(first.dtype.kind == "i")
    if first.ndim == 3:
        dataset.PlanarConfiguration = 0
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax in {NATIVE, BIG, IMPLICIT}:
        order: Literal["<", ">"] = ">" if syntax == BIG else "<"
        value = b"".join(frame.astype(frame.dtype.newbyteorder(order)).tobytes() for frame in frames)
        dataset.PixelData = value + bytes(len(value) % 2)
        dataset["PixelData"].VR = "OB" if first.dtype.itemsize == 1 and syntax != IMPLICIT else "OW"
    else:
        layout = FrameLayout(
            dataset.Rows,
            dataset.Columns,
            dataset.SamplesPerPixel,
            dataset.BitsAllocated,
            dataset.BitsStored,
            dataset.PixelRepresentation,
            0,
            dataset.PhotometricInterpretation,
        )
        dataset.PixelData = encapsulate([encode_frame(frame, syntax, layout) for frame in frames])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    stream = DicomBytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return bytes(stream.getvalue())
