"""Tables as CSV, for spreadsheets that take a cell for a formula where it can be one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def safe(cell: object) -> object:
    """The cell, with an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    """Write a table; the file is opened with newline=""."""
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
