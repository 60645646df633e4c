"""The file with a project's key: the notations in which it may be, and what is said of one that is none.

No message holds any of the key. What is derived from it is the engine's business.
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
"""What `dicomveil keygen` writes: 256 bits, as 64 hexadecimal digits and a line break."""
MAXIMUM_KEY_BYTES = 4096
"""In whatever notation."""

_HEX = re.compile(rb"[0-9A-Fa-f]+")
_TEXT = re.compile(rb"[\t\n\r -~]*")


class KeyFileWarning(UserWarning):
    """The key file can be read by others."""


def read_key(path: Path, setting: str = "key_file") -> bytes:
    """The project key: 64 or more hexadecimal digits, base64, or raw bytes; 32 bytes at least.

    Raises ConfigurationError, which names the setting and never holds any of the key; warns when others than the owner
    may read the file.
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
    return key


def others_can_read(status: os.stat_result, *, user: int) -> bool:
    """Whether somebody else than the user with this number can read the file.

    One that is root's and readable by a group of ours is how Kubernetes and Docker hand over a secret.
    """
    if status.st_mode & stat.S_IROTH:
        return True
    handed_over = status.st_uid == 0 != user and status.st_gid in {os.getegid(), *os.getgroups()}
    return bool(status.st_mode & stat.S_IRGRP) and not handed_over


def decoded_key(content: bytes) -> bytes | None:
    """The key in one of the notations; None for what is not one, or has too few bytes."""
    key = _decoded(content) if len(content) <= MAXIMUM_KEY_BYTES else None
    return key if key is not None and len(key) >= MINIMUM_KEY_BYTES else None


def _decoded(content: bytes) -> bytes | None:
    text = content.strip()
    if _HEX.fullmatch(text):  # before base64, whose digits these are too
        return bytes.fromhex(text.decode()) if len(text) % 2 == 0 else None
    if not _TEXT.fullmatch(content):
        return content
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None  # a pass phrase, of which nobody knows how much it is worth
