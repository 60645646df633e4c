"""Headers read without pydicom: what pydicom says, or nothing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_files

from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.origin.folder.plain import HEAD_BYTES, plain_json, plain_text, plain_values
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.request.query import DEFAULT_ATTRIBUTES
from proxy.fakes import instance

UIDS = frozenset((0x0020000D, 0x0020000E, 0x00080018, 0x00080016))
TAGS = sorted(UIDS.union(*DEFAULT_ATTRIBUTES.values()))
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def _files() -> list[Path]:
    return [Path(name) for name in get_testdata_files("*.dcm")] + sorted(CORPUS.rglob("*.dcm"))


def test_the_same_as_pydicom() -> None:
    """For each file that is ordinary, and many are, the search result is the one that pydicom gives."""
    silence_pydicom()
    ordinary = 0
    for path in _files():
        data = path.read_bytes()
        head = data[:HEAD_BYTES]
        found = plain_json(head, TAGS, whole=len(data) <= len(head))
        if found is None or not found.keys() >= {"00080018", "0020000E"}:
            continue
        ordinary += 1
        header = dcmread(BytesIO(data), force=True, stop_before_pixels=True, specific_tags=TAGS)

        assert found == header_json(header, lambda _: ""), path.name
    assert ordinary > 20


@pytest.mark.parametrize(
    "value", ["", " leading", "two\\values", "Müller", "\x1b(B"], ids=["empty", "space", "several", "text", "escape"]
)
def test_an_unusual_value_is_no_text(value: str) -> None:
    """It is left to pydicom."""
    assert plain_text(value.encode()) is None


def test_what_is_not_ordinary() -> None:
    """Other encodings, elements out of order, and what ends too soon are left to pydicom."""
    data = instance()
    dataset = dcmread(BytesIO(data))
    implicit = BytesIO()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    dataset.save_as(implicit, implicit_vr=True, little_endian=True)

    assert plain_values(data, UIDS, whole=True) is not None
    assert plain_values(b"Doe^Jane" * 40, UIDS, whole=True) is None
    assert plain_values(data[: len(data) // 2], {0x7FE00010}, whole=False) is None
    assert plain_values(implicit.getvalue(), UIDS, whole=True) is None
    assert plain_values(data[132:], UIDS, whole=True) is None
