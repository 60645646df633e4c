"""Covered documents are pictures without text, and with nothing else of the original."""

from __future__ import annotations

import numpy as np
import pypdfium2
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO

from dicomveil_engine import DeidentificationError, InvalidDataSetError, load_policy
from dicomveil_engine.pixels.documents import covered_pdf, written_pdf
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.looker import Looker
from dicomveil_engine.pixels.release import released_instance
from engine.pixel_instances import written


@pytest.fixture(scope="module")
def looker() -> Looker:
    return Looker()


def page() -> np.ndarray:
    """White paper with a line of text and a grey square."""
    picture = 255 - written((240, 400))
    picture[150:200, 40:90] = 100
    return np.ascontiguousarray(np.repeat(picture[:, :, None], 3, axis=2))


PDF = written_pdf([page()])


def drawn(pdf: bytes) -> list[np.ndarray]:
    return [part.render(scale=150 / 72, rev_byteorder=True).to_numpy()[..., :3] for part in pypdfium2.PdfDocument(pdf)]


def test_written_documents_show_their_pictures() -> None:
    """Two pages, in order."""
    first, second = drawn(written_pdf([page(), 255 - page()]))

    assert np.abs(first.astype(int) - page()).mean() < 2
    assert np.abs(second.astype(int) - (255 - page())).mean() < 2


def test_text_is_covered_and_drawings_stay(looker: Looker) -> None:
    """The line is white; the square is there."""
    [after] = drawn(covered_pdf(PDF, looker, PixelLimits()))
    ink = page()[..., 0] < 120
    ink[145:205, 35:95] = False

    assert after[..., 0][ink].mean() > 225
    assert after[160:190, 50:80].mean() < 130


def test_an_encapsulated_document(looker: Looker) -> None:
    """Under an option of its own; the instance says that it was cleaned."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientName = "1.2.3", "1.2.4", "Doe^Jane"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.EncapsulatedDocument, dataset.MIMETypeOfEncapsulatedDocument = PDF + bytes(len(PDF) % 2), "application/pdf"
    stream = DicomBytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    policy = load_policy({"profile": "basic", "pixels": {"documents": "clean"}}, b"k" * 32)
    out = dcmread(DicomBytesIO(released_instance(bytes(stream.getvalue()), policy, looker)))

    assert out.EncapsulatedDocument[: out.EncapsulatedDocumentLength] == covered_pdf(PDF, looker, PixelLimits())
    assert out.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("document", [b"", b"%PDF-1.4", b"\0" * 100, PDF[:200]])
def test_what_is_no_pdf_is_refused(looker: Looker, document: bytes) -> None:
    """The library's message does not come out."""
    with pytest.raises(InvalidDataSetError, match="EncapsulatedDocument"):
        covered_pdf(document, looker, PixelLimits())


def test_too_many_pages(looker: Looker) -> None:
    """Above the limit a document is refused."""
    with pytest.raises(DeidentificationError, match="limit of 1"):
        covered_pdf(written_pdf([page()] * 2), looker, PixelLimits(pages=1))
