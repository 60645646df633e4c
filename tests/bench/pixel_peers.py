"""What users would take instead to cover text in pixels; each is None where it is not installed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

from pydicom import dcmread, dcmwrite
from pydicom.filebase import DicomBytesIO

Clean = Callable[[bytes], bytes]


def presidio() -> Clean | None:
    """presidio-image-redactor: Tesseract and the values of the header, without a language model."""
    if find_spec("presidio_image_redactor") is None or which("tesseract") is None:
        return None
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_image_redactor import DicomImageRedactorEngine, ImageAnalyzerEngine

    class Blank(SpacyNlpEngine):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    analyzer = AnalyzerEngine(nlp_engine=Blank(), registry=registry, supported_languages=["en"])
    engine = DicomImageRedactorEngine(ImageAnalyzerEngine(analyzer_engine=analyzer))

    def clean(data: bytes) -> bytes:
        redacted: Any = engine.redact(dcmread(DicomBytesIO(data)), fill="background")
        stream = DicomBytesIO()
        dcmwrite(stream, redacted, enforce_file_format=True)
        return bytes(stream.getvalue())

    return clean


def deid() -> Clean | None:
    """pydicom/deid: a table of devices."""
    if find_spec("deid") is None:
        return None
    from deid.dicom import DicomCleaner

    def clean(data: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "in.dcm"
            source.write_bytes(data)
            cleaner = DicomCleaner(output_folder=folder)
            if not cleaner.detect(str(source))["flagged"]:
                return data
            cleaner.clean()
            return Path(cleaner.save_dicom()).read_bytes()

    return clean


PEERS: dict[str, Callable[[], Clean | None]] = {"presidio-image-redactor": presidio, "pydicom/deid": deid}
