"""Rows for somebody's eyes, for a spreadsheet or for a program: text, CSV, JSON.

What comes out of instances is nobody's friend: control characters could command a terminal, and a text that begins
like a formula would be one in a spreadsheet.
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
    """Write the rows, each with the columns of these names."""
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
    """The rows as lines with aligned columns; cut at a width if there is one."""
    table = [names, *([printable(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in [table[0], ["-" * each for each in widths], *table[1:]]:
        line = "  ".join(cell.ljust(each) for cell, each in zip(cells, widths, strict=True)).rstrip()
        yield line if width is None or len(line) <= width else line[: width - 1] + "…"


def printable(cell: Cell) -> str:
    """The cell's text without what a terminal would obey."""
    text = "" if cell is None else str(cell)
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)


def _harmless(cell: Cell) -> Cell:
    """The cell, with an apostrophe before what a spreadsheet would calculate."""
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell) or not _FORMULA.match(cell):
        return cell
    return "'" + cell
