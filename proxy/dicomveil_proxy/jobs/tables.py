"""Tables as CSV, in which spreadsheets do not evaluate cells as formulas, and no cell begins a row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What spreadsheets may evaluate, with the full-width forms of the signs. A cell that already has an apostrophe before
such a sign gets a second one, so that `plain` gives it back."""
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def safe(cell: object) -> object:
    """The cell, with an apostrophe if a spreadsheet would evaluate it as a formula."""
    is_formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def plain(cell: str) -> str:
    """The cell without that apostrophe."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


class CSVWriter:
    """Writes rows to a file that was opened with newline=""."""

    def __init__(self, file: TextIO, delimiter: str = ",") -> None:
        self._file = file
        # With "\n" as the end of a row, Python before 3.13 leaves a carriage return without quotation marks, and
        # readers take it for the end of a row.
        self._writer = csv.writer(self, delimiter=delimiter, lineterminator="\r\n")

    def row(self, cells: Iterable[object]) -> None:
        """Write a row."""
        self._writer.writerow([safe(cell) for cell in cells])

    def write(self, row: str) -> None:
        """Write a row of the library, which gives one at a time."""
        self._file.write(f"{row[:-2]}\n")


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    """Write a table to a file that was opened with newline=""."""
    writer = CSVWriter(file, delimiter)
    writer.row(columns)
    for row in rows:
        writer.row(row)
