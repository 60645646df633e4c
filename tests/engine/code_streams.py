"""Encapsulated values for the tests of code streams: cut out of instances, fed in chunks, taken apart again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pydicom.data

from dicomveil_engine.code_streams.fragments import Fragments
from dicomveil_engine.code_streams.stream import CodeStream

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FILES = [*sorted(CORPUS.glob("**/*.dcm")), *sorted(Path(pydicom.data.DATA_ROOT, "test_files").glob("*.dcm"))]
DELIMITER = bytes.fromhex("feffdde000000000")


def item(content: bytes) -> bytes:
    return bytes.fromhex("feff00e0") + struct.pack("<I", len(content)) + content


def value(*fragments: bytes, table: bytes = b"") -> bytes:
    """Encapsulated Pixel Data with these fragments."""
    return b"".join(map(item, (table, *fragments))) + DELIMITER


def cleaned(data: bytes, syntax: str, frames: int = 1, size: int = 1 << 16) -> bytes:
    """What becomes of an encapsulated value that comes in chunks of this size."""
    fragments, out, position = Fragments(syntax, frames), b"", 0
    while position < len(data):
        taken = fragments.feed(data[position : position + size])
        out += b"".join(fragments.passed())
        position += taken
        if fragments.is_complete:
            break
    assert fragments.is_complete
    assert position == len(data)
    return out


def taken_apart(data: bytes) -> list[bytes]:
    """The contents of the items: offset table and fragments."""
    items, position = [], 0
    while data[position : position + 4] != DELIMITER[:4]:
        (length,) = struct.unpack_from("<I", data, position + 4)
        items.append(data[position + 8 : position + 8 + length])
        position += 8 + length
    assert position + 8 == len(data)
    return items


def fed(stream: CodeStream, data: bytes, size: int = 1 << 16) -> bytes:
    """What passes of a code stream that comes in chunks of this size."""
    out = b""
    for position in range(0, len(data), size):
        if stream.is_complete:
            break
        out += b"".join(stream.feed(data[position : position + size]))
    return out if stream.is_complete else out + b"".join(stream.close())


def encapsulated() -> Iterator[tuple[Path, pydicom.Dataset]]:
    """Every instance at hand whose Pixel Data is encapsulated."""
    for path in FILES:
        try:
            dataset = pydicom.dcmread(path, force=True)
        except Exception:  # noqa: BLE001 - a broken one
            continue
        if getattr(dataset, "file_meta", None) and "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
            yield path, dataset
