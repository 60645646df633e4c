"""The seeds of envelopes: 32 random bytes per study, generated before its instances are processed, kept in a ledger.

`cryptography` is not imported here, since `anonymize` uses this module for a single instance, too.
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
    """A new seed for the envelope of a study."""
    return secrets.token_bytes(SEED_BYTES)


def study_of(path: Path) -> str:
    """The StudyInstanceUID of an original, empty if it is not found. Raises OSError.

    It is needed before a worker parses the instance.
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
    """The same for the beginning of a file. Raises struct.error or IndexError if more of it is needed."""
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
