"""The files of a response are in one private folder, which is removed after the last of them."""

from __future__ import annotations

from pathlib import Path

from dicomveil_proxy.pixels.released import TemporaryFiles


def test_one_folder() -> None:
    """All files of a response are in one folder that only the owner can read; without a file there is none."""
    files = TemporaryFiles()
    first, second = files.new(), files.new()

    assert first != second
    assert first.parent == second.parent
    assert first.parent.stat().st_mode & 0o777 == 0o700
    for path in (first, second):
        path.write_bytes(b"x")
        files.remove(path)
        assert not path.exists()
    files.close()
    assert not first.parent.exists()


def test_a_file_in_use() -> None:
    """A file that is used after the response has ended keeps the folder."""
    files = TemporaryFiles()
    used, unused = files.new(), files.new()
    used.write_bytes(b"x")
    files.remove(unused)
    files.close()

    assert used.read_bytes() == b"x"
    files.remove(used)
    assert not used.parent.exists()


def test_no_file(tmp_path: Path) -> None:
    """A response without a file makes no folder."""
    files = TemporaryFiles()
    files.close()

    assert list(tmp_path.iterdir()) == []
