"""The seeds of envelopes: 32 random bytes for each study, made before its instances are worked on, kept in a ledger.

Nothing of cryptography is imported here: `anonymize` needs this module for a single instance as well.
"""

from __future__ import annotations

import secrets
import struct
from pathlib import Path

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_proxy.jobs.description import ElementReader

SEED_BYTES = 32
_STUDY_INSTANCE_UID = 0x0020000D
_HEAD_BYTES = 1 << 16
_HELD_BYTES = 64 << 20


def new_seed() -> bytes:
    """The seed of one more study's envelope."""
    return secrets.token_bytes(SEED_BYTES)


def study_of(path: Path) -> str:
    """The StudyInstanceUID of an original; empty where it cannot be found. Raises OSError.

    For what is kept of each study before its instances are worked on: a worker reads it properly.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        while True:
            try:
                return _study(head)
            except (struct.error, IndexError):
                more = file.read(len(head))
                if not more or len(head) > _HELD_BYTES:
                    return ""
                head += more


def _study(head: bytes) -> str:
    """The same, of the beginning of a file. Raises struct.error or IndexError where more of it is needed."""
    try:
        found = read_file_meta(head, closing=True)
    except InvalidDataSetError:
        return ""
    if found is None or found[0].is_deflated:
        return ""
    reader, position = ElementReader(head, found[0].transfer_syntax_uid), found[1]
    while True:
        tag, start, length = reader.element(position)
        if tag >= _STUDY_INSTANCE_UID:
            if tag > _STUDY_INSTANCE_UID:
                return ""
            if start + length > len(head):
                raise IndexError
            return head[start : start + length].decode("ascii", "replace").strip(" \0")
        position = reader.after(start, length)
