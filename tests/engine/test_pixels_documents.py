"""Covered documents are pictures without text, and with nothing else of the original."""

from __future__ import annotations

import numpy as np
import pypdfium2
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO

from dicomveil_engine import DeidentificationError, InvalidDataSetError, load_policy
from dicomveil_engine.pixels.boxes import Boxes
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
    [after] = drawn(covered_pdf(PDF, looker, PixelLimits()).pdf)
    ink = page()[..., 0] < 120
    ink[145:205, 35:95] = False

    assert after[..., 0][ink].mean() > 225
    assert after[160:190, 50:80].mean() < 130


def encapsulated(pdf: bytes) -> bytes:
    """A Part 10 instance with this document."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientName = "1.2.3", "1.2.4", "Doe^Jane"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.EncapsulatedDocument, dataset.MIMETypeOfEncapsulatedDocument = pdf + bytes(len(pdf) % 2), "application/pdf"
    stream = DicomBytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return bytes(stream.getvalue())


def released(pdf: bytes, looker: Looker) -> Dataset:
    policy = load_policy({"profile": "basic", "pixels": {"documents": "clean"}}, b"k" * 32)
    return dcmread(DicomBytesIO(released_instance(encapsulated(pdf), policy, looker)))


def codes(dataset: Dataset) -> list[str]:
    return [str(item.CodeValue) for item in dataset.get("DeidentificationMethodCodeSequence", [])]


def test_an_encapsulated_document(looker: Looker) -> None:
    """Under an option of its own; the instance says that it was cleaned."""
    out = released(PDF, looker)

    assert out.EncapsulatedDocument[: out.EncapsulatedDocumentLength] == covered_pdf(PDF, looker, PixelLimits()).pdf
    assert out.BurnedInAnnotation == "NO"
    assert "113101" in codes(out)


class Blind(Looker):
    """Finds nothing, and leaves a doubt or none."""

    def __init__(self, *, leaves_doubt: bool) -> None:
        self.limits = PixelLimits()
        self._leaves_doubt = leaves_doubt

    def of_picture(self, picture: np.ndarray) -> Boxes:
        del picture
        return Boxes(leaves_doubt=self._leaves_doubt)


def blank() -> np.ndarray:
    return np.full((240, 400, 3), 255, np.uint8)


def yellow() -> np.ndarray:
    """Text that only one of the colours shows."""
    picture = blank()
    picture[..., 2] = page()[..., 0]
    return picture


@pytest.mark.parametrize(
    ("pages", "leaves_doubt", "claims"),
    [
        ([blank()], False, True),
        ([blank()], True, False),
        ([page()], False, False),
        ([yellow()], False, False),
        ([page(), blank()], False, False),
    ],
)
def test_claims(pages: list[np.ndarray], *, leaves_doubt: bool, claims: bool) -> None:
    """A document claims only what its pages bear out: text that was missed is a doubt, and so is the search's own."""
    out = released(written_pdf(pages), Blind(leaves_doubt=leaves_doubt))

    assert (out.get("BurnedInAnnotation") == "NO") is claims
    assert ("113101" in codes(out)) is claims


@pytest.mark.parametrize("document", [b"", b"%PDF-1.4", b"\0" * 100, PDF[:200]])
def test_what_is_no_pdf_is_refused(looker: Looker, document: bytes) -> None:
    """The library's message does not come out."""
    with pytest.raises(InvalidDataSetError, match="EncapsulatedDocument"):
        covered_pdf(document, looker, PixelLimits())


def test_too_many_pages(looker: Looker) -> None:
    """Above the limit a document is refused."""
    with pytest.raises(DeidentificationError, match="limit of 1"):
        covered_pdf(written_pdf([page()] * 2), looker, PixelLimits(pages=1))
