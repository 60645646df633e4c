"""Zip files as streams: others read them, and a part of one is none."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from dicomveil_proxy.wire.zip_writer import ZipWriter


def written(entries: dict[str, list[bytes]], writer: ZipWriter | None = None) -> bytes:
    """A file of these entries."""
    writer = writer or ZipWriter()
    pieces: list[bytes] = []
    for name, content in entries.items():
        pieces.append(writer.head(name))
        for piece in content:
            writer.count(piece)
            pieces.append(piece)
        pieces.append(writer.end())
    return b"".join((*pieces, writer.close()))


def test_entries() -> None:
    """Python's reader has each, checks it, and sees neither compression nor a time."""
    file = zipfile.ZipFile(BytesIO(written({"1/2.dcm": [b"abc", b"", b"def"], "1/3.dcm": []})))

    assert file.testzip() is None
    assert {each.filename: file.read(each) for each in file.infolist()} == {"1/2.dcm": b"abcdef", "1/3.dcm": b""}
    assert {(each.compress_type, each.date_time) for each in file.infolist()} == {
        (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
    }


def test_no_entry() -> None:
    """An empty file is one."""
    assert zipfile.ZipFile(BytesIO(written({}))).namelist() == []


def test_equal_entries_give_equal_bytes() -> None:
    """However they come."""
    assert written({"1.dcm": [b"abc"]}) == written({"1.dcm": [b"a", b"bc"]})


def test_a_part_is_no_file() -> None:
    """Cut off anywhere, it cannot be opened."""
    whole = written({"1.dcm": [b"abc"], "2.dcm": [b"def"]})

    for length in range(len(whole)):
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(BytesIO(whole[:length]))


def test_many_entries() -> None:
    """More than 16 bits count."""
    assert len(zipfile.ZipFile(BytesIO(written({f"{n}.dcm": [] for n in range(70_000)}))).namelist()) == 70_000


def test_sizes_over_32_bits() -> None:
    """An entry of 5 GiB, and one behind it: the directory says so."""

    class Large(bytes):
        def __len__(self) -> int:
            return 5 << 30

    writer = ZipWriter()
    head = writer.head("1.dcm")
    writer.count(Large())
    ends = writer.end() + writer.head("2.dcm") + writer.end()
    directory = writer.close()
    begin = len(head) + len(ends) + (5 << 30)

    class Sparse(BytesIO):
        """The directory where it would be."""

        def seek(self, offset: int, whence: int = 0) -> int:
            base = begin if whence == 0 else 0
            return super().seek(offset - base, whence) + begin

        def tell(self) -> int:
            return super().tell() + begin

    first, second = zipfile.ZipFile(Sparse(directory)).infolist()
    assert (first.file_size, first.compress_size, first.header_offset) == (5 << 30, 5 << 30, 0)
    assert (second.file_size, second.header_offset) == (0, len(head) + (5 << 30) + 24)
