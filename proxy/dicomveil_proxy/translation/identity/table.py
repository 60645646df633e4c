"""The protocol of the identity map's storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

VERSION = 2
"""The version of the tables. Version 1 had no projects; it existed in SQLite only, and had no table for its version."""

Row = tuple[str, str, str]
"""Kind, pseudonym, original."""


class IdentityTable(Protocol):
    """The rows of one project, thread-safe; other processes' writes are visible at once.

    Every method raises StateUnavailable, without values, if the storage cannot be used.
    """

    def read(self, kind: str, pseudonym: str) -> str | None:
        """The original, or None without a row."""
        ...

    def write(self, rows: Sequence[Row]) -> None:
        """Insert or update rows in one transaction."""
        ...

    def delete(self, rows: Sequence[Row]) -> None:
        """Delete rows that are unchanged."""
        ...

    def page(self, kind: str, after: str, count: int) -> list[Row]:
        """The next `count` rows of a kind after a pseudonym, in order."""
        ...

    def compact(self) -> None:
        """Erase deleted rows from the storage, as far as it allows."""
        ...

    def close(self) -> None:
        """Close the storage; later calls raise StateUnavailable."""
        ...
