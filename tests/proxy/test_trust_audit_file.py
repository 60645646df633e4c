"""The file of an audit chain: restarts, rotation, several workers, and disks that are full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.trust.audit_file import AuditFile, make_key
from dicomveil_proxy.trust.chain import Head, verify

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the audit is."""
    return tmp_path / "audit.jsonl"


def opened(path: Path, rotate_bytes: int = 1 << 20) -> AuditFile:
    return AuditFile(path, KEY, rotate_bytes=rotate_bytes)


def event(number: int) -> Callable[[], dict[str, object]]:
    return lambda: {"event": "access", "count": number}


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_restart_continues_the_chain(path: Path) -> None:
    """In the same file, which only its owner reads."""
    for number in range(3):
        file = opened(path)
        file.append(event(number))
        head = file.head
        file.close()

    assert str(verify(lines(path), KEY).head) == head
    assert len(lines(path)) == 4
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotation_keeps_the_chain(path: Path) -> None:
    """Each file begins where the one before it ends."""
    file = opened(path, rotate_bytes=400)
    for number in range(20):
        file.append(event(number))
    file.close()
    files = [*sorted(path.parent.glob("audit.jsonl.2*"), key=lambda each: int(each.name.rpartition("-")[2])), path]

    assert len(files) > 3
    end: Head | None = None
    for each in files:
        end = verify(lines(each), KEY, follows=end).head
    assert str(end) == file.head


def test_a_file_that_is_moved_away(path: Path) -> None:
    """As tools for logs do: the next line begins a new one, which continues the chain."""
    file = opened(path)
    file.append(event(1))
    path.rename(path.with_suffix(".old"))
    file.append(event(2))
    path.unlink()
    file.append(event(3))
    file.close()

    checked = verify(lines(path), KEY)
    assert (checked.first, checked.head.seq) == (4, 5)  # each file has a line that opens it
    with pytest.raises(ValueError, match="does not continue"):
        verify(lines(path), KEY, follows=verify(lines(path.with_suffix(".old")), KEY).head)


def test_each_process_has_a_chain_of_its_own(path: Path) -> None:
    """The first free one; who starts again takes up the one that was left."""
    first, second = opened(path), opened(path)
    first.append(event(1))
    second.append(event(2))
    assert (first.path.name, second.path.name) == ("audit.jsonl", "audit.jsonl.1")
    first.close()
    third = opened(path)

    assert third.path == path
    for file in (second, third):
        file.close()
        verify(lines(file.path), KEY)


def test_a_full_disk_leaves_no_half_line(path: Path) -> None:
    """What was written of it is taken back, and the chain continues when there is room again."""
    file = opened(path)
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 20:
            return real(descriptor, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    with mock.patch("os.write", full), pytest.raises(OSError, match="No space"):
        file.append(event(1))
    assert len(lines(path)) == 1
    file.append(event(2))
    file.close()

    assert verify(lines(path), KEY).head.seq == 1


def test_a_process_that_was_ended_in_a_line(path: Path) -> None:
    """The rest of the line is removed; its answer never began."""
    file = opened(path)
    file.append(event(1))
    file.close()
    with path.open("ab") as broken:
        broken.write(b'{"seq":2,"event":"acc')
    file = opened(path)
    file.append(event(2))
    file.close()

    assert verify(lines(path), KEY).head.seq == 2


@pytest.mark.parametrize("content", [b"something else\n", b'{"seq":0,"event":"x","mac":"' + b"0" * 64 + b'"}\n'])
def test_a_file_that_is_something_else(path: Path, content: bytes) -> None:
    """Nothing is appended to it."""
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"audit\.file: .* move audit\.jsonl away and keep it"):
        opened(path)
    assert path.read_bytes() == content


def test_a_file_of_another_key(path: Path) -> None:
    """The chain would break."""
    opened(path).close()
    with pytest.raises(ConfigurationError, match="written with another key"):
        AuditFile(path, bytes(32), rotate_bytes=1 << 20)
    opened(path).close()  # and nobody holds it


def test_a_folder_that_is_not_there(path: Path) -> None:
    """Is said before the server starts."""
    with pytest.raises(ConfigurationError, match=r"audit\.file: it cannot be written \(No such file"):
        opened(path.parent / "nothing" / "audit.jsonl")


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """And only its owner reads it."""
    key = tmp_path / "audit.jsonl.key"
    make_key(key)
    content = key.read_bytes()
    make_key(key)

    assert key.read_bytes() == content
    assert (len(content), key.stat().st_mode & 0o777) == (65, 0o600)
    assert [each.name for each in tmp_path.iterdir()] == [key.name]
