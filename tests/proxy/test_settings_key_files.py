"""The key file: one key in each notation, and what is not a key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.key_files import KeyFileWarning, others_can_read, read_key

HEX_KEY = "0123456789abcdef" * 4


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file with this content."""
    path = folder / "key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "content",
    [
        f"{HEX_KEY}\n".encode(),
        HEX_KEY.upper().encode(),
        b"ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=\n",
        bytes.fromhex(HEX_KEY),
    ],
)
def test_one_key_in_each_notation(tmp_path: Path, content: bytes) -> None:
    """Hexadecimal digits as `dicomveil keygen` writes them, base64, raw."""
    assert read_key(key_file(tmp_path, content)) == bytes.fromhex(HEX_KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEX_KEY[:-2].encode(),
        HEX_KEY.encode() + b"0",
        b"c2hvcnQ=",
        bytes(range(200, 231)),
        b"correct horse battery staple, and much more",
        b"\x80" * 5000,
    ],
)
def test_what_is_no_key(tmp_path: Path, content: bytes) -> None:
    """Too short, too long, an odd digit, a pass phrase: refused, without a word of it."""
    with pytest.raises(ConfigurationError, match="key_file: it holds no key of 32 bytes") as caught:
        read_key(key_file(tmp_path, content))

    assert "horse" not in str(caught.value)


def test_a_key_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The message says what makes one."""
    with pytest.raises(ConfigurationError, match=r"No such file.*dicomveil keygen"):
        read_key(tmp_path / "nowhere")


def test_a_key_file_open_to_others(tmp_path: Path) -> None:
    """It is taken, with a warning: secrets mounted into containers look like this."""
    with pytest.warns(KeyFileWarning, match="mode 0600"):
        assert read_key(key_file(tmp_path, HEX_KEY.encode(), 0o644))


def test_a_key_that_the_platform_handed_over() -> None:
    """Root's, readable by a group of ours: Kubernetes and Docker mount secrets so. Our own file is to be ours alone."""
    ours, group, another = os.geteuid() or 10001, os.getegid(), max(os.getgroups(), default=0) + 1

    def read_by_others(uid: int, gid: int, mode: int) -> bool:
        return others_can_read(os.stat_result((mode, 0, 0, 0, uid, gid, 0, 0, 0, 0)), user=ours)

    assert not read_by_others(0, group, 0o100440)
    assert read_by_others(0, another, 0o100440)
    assert read_by_others(0, group, 0o100444)
    assert read_by_others(ours, group, 0o100640)
    assert not read_by_others(ours, group, 0o100600)


@pytest.mark.parametrize(
    "content", [b"00" * 32, b"5A" * 40, b"deadbeef" * 8, b"abc" * 22, b"QUFB" * 11, b"\xff" * 32, b"\x80\x81\x82" * 11]
)
def test_a_pattern_is_no_key(tmp_path: Path, content: bytes) -> None:
    """In any notation: whoever guesses patients' numbers tries such keys first. The message says what makes a key."""
    with pytest.raises(ConfigurationError, match=r"key_file: it holds a pattern.*`dicomveil keygen FILE` makes one"):
        read_key(key_file(tmp_path, content))
