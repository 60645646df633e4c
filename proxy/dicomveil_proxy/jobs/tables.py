"""Tables as CSV, in which spreadsheets do not evaluate cells as formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_ESCAPED = tuple(f"'{each}" for each in _FORMULAS)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def safe(cell: object) -> object:
    """The cell, with an apostrophe if a spreadsheet would evaluate it as a formula."""
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULAS) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def plain(cell: str) -> str:
    """The cell without that apostrophe."""
    return cell[1:] if cell.startswith(_ESCAPED) else cell


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    """Write a table to a file that was opened with newline=""."""
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
