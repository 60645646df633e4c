"""The file with a project's key: its notations, and messages about invalid files.

No message contains any part of the key.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
import warnings
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError

MINIMUM_KEY_BYTES = 32
"""The length of keys by `dicomveil keygen`: 256 bits, written as 64 hexadecimal digits."""
MAXIMUM_KEY_BYTES = 4096
"""In any notation."""
_LONGEST_PERIOD = 4
"""Bytes of a pattern, such as those of `deadbeef`."""

_HEX = re.compile(rb"[0-9A-Fa-f]+")
_TEXT = re.compile(rb"[\t\n\r -~]*")


class KeyFileWarning(UserWarning):
    """The key file can be read by others."""


def read_key(path: Path, setting: str = "key_file") -> bytes:
    """The project key: hexadecimal digits, base64, or raw bytes; at least 32 bytes.

    Raises ConfigurationError, which names the setting; warns if others than the owner can read the file.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MAXIMUM_KEY_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{setting}: it cannot be read ({error.strerror}); `dicomveil keygen FILE` makes one"
        ) from None
    if others_can_read(status, user=os.geteuid()):
        warnings.warn("others can read the key file; give it mode 0600", KeyFileWarning, stacklevel=2)
    key = decoded_key(content)
    if key is None:
        raise ConfigurationError(
            f"{setting}: it holds no key of {MINIMUM_KEY_BYTES} bytes or more, as hexadecimal digits, base64 "
            "or raw; `dicomveil keygen FILE` makes one"
        )
    if is_pattern(key):
        raise ConfigurationError(
            f"{setting}: it holds a pattern that can be guessed, not a key; `dicomveil keygen FILE` makes one"
        )
    return key


def is_pattern(key: bytes) -> bool:
    """Whether a key is one byte, or up to four bytes, that repeat: a placeholder, which others try, too.

    A random key of 32 bytes is one with a probability below 2^-220.
    """
    return any(key[period:] == key[:-period] for period in range(1, _LONGEST_PERIOD + 1))


def others_can_read(status: os.stat_result, *, user: int) -> bool:
    """Whether others than the user with this ID can read the file.

    A file that belongs to root and is readable by one of our groups does not count: Kubernetes and Docker mount secrets
    in this way.
    """
    if status.st_mode & stat.S_IROTH:
        return True
    handed_over = status.st_uid == 0 != user and status.st_gid in {os.getegid(), *os.getgroups()}
    return bool(status.st_mode & stat.S_IRGRP) and not handed_over


def decoded_key(content: bytes) -> bytes | None:
    """The key from one of the notations; None if it is invalid or too short."""
    key = _decoded(content) if len(content) <= MAXIMUM_KEY_BYTES else None
    return key if key is not None and len(key) >= MINIMUM_KEY_BYTES else None


def _decoded(content: bytes) -> bytes | None:
    text = content.strip()
    if _HEX.fullmatch(text):  # before base64, which has these digits, too
        return bytes.fromhex(text.decode()) if len(text) % 2 == 0 else None
    if not _TEXT.fullmatch(content):
        return content
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None  # perhaps a pass phrase, whose strength is unknown
