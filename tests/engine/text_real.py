"""Texts of real instances that cleaning changes, each with the reason.

`PYTHONPATH=tests python tests/engine/text_real.py ../shared` writes them anew.

Of the instances that ship with pydicom the text is shown, of others only which attribute it is and what was found.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pydicom.data
from pydicom.multival import MultiValue

from dicomveil_engine.text.identifying import is_identifying
from dicomveil_engine.text.words import IdentifyingWords
from engine.datasets import read

GOLDEN = Path(__file__).parent / "text_set" / "real.json"
PYDICOM = Path(pydicom.data.__file__).parent / "test_files"
LARGEST = 3_000_000

_DESCRIPTIONS = frozenset((
    "StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription", "ImageComments",
    "PerformedProcedureStepDescription", "ScheduledProcedureStepDescription", "DerivationDescription", "TextValue",
    "SegmentLabel", "SegmentDescription", "ROIName", "ContrastBolusAgent", "ContentDescription", "BeamName",
    "StructureSetLabel", "RTPlanLabel", "UnformattedTextValue", "AcquisitionProtocolName", "PatientComments",
    "StudyComments", "AcquisitionDeviceProcessingDescription", "GraphicLayerDescription", "CodeMeaning",
))  # fmt: skip


def pydicom_files() -> list[Path]:
    """The instances that ship with pydicom."""
    return [path for path in sorted(PYDICOM.rglob("*.dcm")) if path.stat().st_size < LARGEST]


def touched(paths: Iterable[Path], *, shown: bool) -> Iterator[str]:
    """A line for each description that is changed: attribute, text, and what was found in it."""
    lines = set()
    for path in paths:
        for keyword, text, words in _texts(path):
            if findings := words.findings(text):
                found = ", ".join(f"{one.infotype} ({one.why})" for one in findings)
                lines.add(f"{keyword}: {text[:64]!r}: {found}" if shown else f"{path.stem} {keyword}: {found}")
    yield from sorted(lines)


def _texts(path: Path) -> list[tuple[str, str, IdentifyingWords]]:
    words = IdentifyingWords()
    texts: set[tuple[str, str]] = set()
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        # Broken ones are read as far as they go; what the engine does with those is tested elsewhere.
        for element in read(path.read_bytes()).iterall():
            values = list(element.value) if isinstance(element.value, MultiValue | list) else [element.value]
            if is_identifying(element.tag, element.VR):
                for value in map(str, values):
                    words.add(value, element.VR)
            elif element.keyword in _DESCRIPTIONS:
                texts.update((element.keyword, str(value)) for value in values if value)
    return [(keyword, text, words) for keyword, text in sorted(texts)]


def found(shared: Path | None) -> dict[str, list[str]]:
    """The lines by where the instances are from."""
    lines = {"pydicom": list(touched(pydicom_files(), shown=True))}
    if shared is not None and (shared / "corpus").is_dir():
        paths = [path for path in sorted((shared / "corpus").glob("*.dcm")) if path.stat().st_size < LARGEST]
        lines["corpus"] = list(touched(paths, shown=False))
    return lines


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(found(Path(sys.argv[1])), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
