"""A cache of the text boxes of instances, which survives a restart.

A row has a keyed digest of the original's UIDs, and boxes. Without the table, instances are only looked at again. The
number of rows is bounded; the least recently used are removed.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol

from dicomveil_proxy.pixels.records_sqlite import SQLiteBoxes

BOXES_FILE = "pixels.sqlite"
"""The name of the file in the state folder."""
_RECENT = 16_384


class BoxTable(Protocol):
    """The storage of rows, thread-safe. Errors are ignored: the row is then missing."""

    def read(self, digest: bytes) -> str | None:
        """The record, or None."""
        ...

    def write(self, digest: bytes, record: str) -> None:
        """Store a record."""
        ...

    def close(self) -> None:
        """Close the storage."""
        ...


class BoxRecords:
    """Records by digest, thread-safe; in memory, and in a file or table."""

    def __init__(self, kept: Path | BoxTable | None = None, *, most: int = 1_000_000) -> None:
        """`kept` is an SQLite file or a table; None keeps records in memory alone. `most` bounds the rows of a file."""
        self._lock = threading.Lock()
        """Guards the records in memory; never held during I/O."""
        self._recent: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._table: BoxTable | None = SQLiteBoxes(kept, most) if isinstance(kept, Path) else kept

    def recent(self, digest: bytes) -> dict[str, Any] | None:
        """The record, if it is in memory; does no I/O."""
        with self._lock:
            return self._recent.get(digest)

    def get(self, digest: bytes) -> dict[str, Any] | None:
        """The record, or None."""
        if (found := self.recent(digest)) is not None or self._table is None:
            return found
        row = self._table.read(digest)
        try:
            record = json.loads(row) if row else None
        except ValueError:
            return None
        if not isinstance(record, dict):
            return None
        self._keep(digest, record)
        return record

    def put(self, digest: bytes, record: dict[str, Any]) -> None:
        """Store a record."""
        self._keep(digest, record)
        if self._table is not None:
            self._table.write(digest, json.dumps(record))

    def close(self) -> None:
        """Close the table."""
        if self._table is not None:
            self._table.close()

    def _keep(self, digest: bytes, record: dict[str, Any]) -> None:
        with self._lock:
            self._recent[digest] = record
            self._recent.move_to_end(digest)
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
