"""Rows as text, CSV or JSON.

Values of instances are untrusted: control characters could change a terminal's state, and a spreadsheet evaluates text
that begins like a formula.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TextIO

Format = Literal["table", "csv", "json"]
Cell = str | int | None
Row = Mapping[str, Cell]

_NARROWEST = 80
_FORMULA = re.compile(r"[=@+\-\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.]+(?:[eE][+-]?\d+)?")


def write_rows(rows: Iterable[Row], names: Sequence[str], form: Format, file: TextIO) -> None:
    """Write rows with these columns."""
    if form == "json":
        json.dump([{name: row.get(name) for name in names} for row in rows], file, indent=2, ensure_ascii=False)
        file.write("\n")
    elif form == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_harmless(row.get(name)) for name in names] for row in rows)
    else:
        width = max(_NARROWEST, shutil.get_terminal_size().columns) if file.isatty() else None
        file.writelines(line + "\n" for line in lines(rows, names, width))


def lines(rows: Iterable[Row], names: Sequence[str], width: int | None) -> Iterable[str]:
    """The rows as lines with aligned columns, truncated to a width if one is given."""
    table = [names, *([printable(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in [table[0], ["-" * each for each in widths], *table[1:]]:
        line = "  ".join(cell.ljust(each) for cell, each in zip(cells, widths, strict=True)).rstrip()
        yield line if width is None or len(line) <= width else line[: width - 1] + "…"


def printable(cell: Cell) -> str:
    """The cell's text with U+FFFD instead of unprintable characters."""
    text = "" if cell is None else str(cell)
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)


def _harmless(cell: Cell) -> Cell:
    """The cell, with an apostrophe if a spreadsheet would evaluate it as a formula."""
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell) or not _FORMULA.match(cell):
        return cell
    return "'" + cell
