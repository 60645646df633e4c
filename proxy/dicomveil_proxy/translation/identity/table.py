"""What the identity map needs of the place where it is kept. Nothing here knows of a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Row = tuple[str, str, str]
"""Kind, pseudonym, original."""


class IdentityTable(Protocol):
    """The rows of one project, for any thread; what they share with other processes is seen at once.

    Every method raises StateUnavailable, whose message holds no value, when the place cannot be used.
    """

    def read(self, kind: str, pseudonym: str) -> str | None:
        """The original, or None where there is no row."""
        ...

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, or correct them: all, or none."""
        ...

    def delete(self, rows: Sequence[Row]) -> None:
        """Take away rows that still say this."""
        ...

    def page(self, kind: str, after: str, count: int) -> list[Row]:
        """So many rows of a kind, in the order of their pseudonyms, after one."""
        ...

    def compact(self) -> None:
        """Leave nothing behind of rows that were taken away, as far as the place allows."""
        ...

    def close(self) -> None:
        """Close the place; what is asked afterwards raises StateUnavailable."""
        ...
