"""Short sequences that differ from an earlier one in the values of their UIDs only, such as references to images.

The bytes of a reference are new in every instance of a series, but all of them except the UIDs are the same. If those
are compared, the sequence need not be walked: UIDs are replaced by themselves, whatever else the instance holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dicomveil_engine.part10.encoding import Encoding
from dicomveil_engine.part10.kinds import UID
from dicomveil_engine.part10.new_uids import USUAL_BYTES
from dicomveil_engine.part10.table import Entry

FORM_KEY = 20
"""Bytes by which forms are looked up: the heads of the sequence and of its first item, with their lengths."""
_UID_HEAD = 8
"""Bytes before the value of a UI element, in all encodings."""

MOST_UIDS = 8
"""UIDs in a form, so that learning one costs a bounded time at each level of nested sequences."""

Change = tuple[int, int, bytes]
"""The beginning and the end of a replaced range, and the bytes that replace it."""

_NewUIDs = Mapping[bytes, bytes | None]
"""The value of a UI element without padding → its pseudonyms, padded; None if it is unchanged."""


class Form:
    """A short sequence without the values of the UIDs that are replaced in it."""

    __slots__ = ("_kept", "_new", "_uids")

    def __init__(self, raw: bytes, outcome: bytes, uids: list[tuple[int, int]]) -> None:
        """`outcome` is the result for `raw`, `uids` the ranges of the values in `raw`."""
        self._uids = uids
        self._kept: list[tuple[int, bytes]] = []
        """The offsets and bytes of what is between the UIDs, in the original."""
        pieces: list[bytes] = []
        at = new_at = 0
        for start, end in [*uids, (len(raw), len(raw))]:
            new_end = new_at + start - at
            self._kept.append((at, raw[at:start]))
            pieces.append(outcome[new_at:new_end].replace(b"%", b"%%"))
            at, new_at = end, new_end + USUAL_BYTES
        self._new = b"%b".join(pieces)
        """The result, with places for pseudonyms of the usual length."""

    def rewritten(self, raw: bytes, new_uids: _NewUIDs) -> bytes | None:
        """The result for a sequence; None if it has another form, or a UID with an unusual pseudonym or none.

        Its length must be that of the form; it is if the first FORM_KEY bytes are the same.
        """
        for at, kept in self._kept:
            if not raw.startswith(kept, at):
                return None
        pseudonyms = []
        for start, end in self._uids:
            new = new_uids[raw[start:end].strip(b" \0")]
            if new is None or len(new) != USUAL_BYTES:
                return None
            pseudonyms.append(new)
        return self._new % tuple(pseudonyms)

    def is_same(self, other: Form) -> bool:
        """Whether the other form gives the same results for the same sequences."""
        return self._uids == other._uids and self._kept == other._kept and self._new == other._new


def uids_of(
    raw: bytes, changes: Iterable[Change], encoding: Encoding, table: Mapping[bytes, Entry]
) -> list[tuple[int, int]]:
    """The ranges of the UIDs that are replaced in a sequence; none if anything else changes, so that it has no form.

    The ranges of the changes are relative to `raw`; `table` has the entries of the elements.
    """
    uids: list[tuple[int, int]] = []
    size = len(encoding.item_tag) if encoding.implicit else len(encoding.item_tag) + 2
    for start, end, new in changes:
        value_at = start + _UID_HEAD
        if end < value_at or len(new) != _UID_HEAD + USUAL_BYTES:
            return []
        entry = table.get(raw[start : start + size])  # makes no entry: elements in other encodings are not in the table
        if entry is None or entry.kind != UID or entry.noted:
            return []
        if entry.encoding.element_head(entry.key, end - value_at) != raw[start:value_at]:
            return []
        uids.append((value_at, end))
    return uids
