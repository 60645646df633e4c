"""Rows as text, CSV or JSON.

Values of instances are untrusted: control characters could change a terminal's state, in text, CSV and JSON alike, and
a spreadsheet evaluates text that begins like a formula.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TextIO

from dicomveil_proxy.jobs.tables import write_csv

Format = Literal["table", "csv", "json"]
Cell = str | int | None
Row = Mapping[str, Cell]

_NARROWEST = 80
_SURROGATE = re.compile("[\ud800-\udfff]")
"""What no encoding can write."""


def write_rows(rows: Iterable[Row], names: Sequence[str], form: Format, file: TextIO) -> None:
    """Write rows with these columns."""
    if form == "json":
        text = json.dumps([{name: row.get(name) for name in names} for row in rows], indent=2, ensure_ascii=False)
        file.write(_escaped(text) + "\n")
    elif form == "csv":
        as_shown = printable if file.isatty() else _writable
        write_csv(file, names, ([as_shown(row.get(name)) for name in names] for row in rows))
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


def shown(text: str, file: TextIO) -> str:
    """The text as it may be written to this file: on a terminal, each line without unprintable characters."""
    return "\n".join(map(printable, text.split("\n"))) if file.isatty() else _SURROGATE.sub("\ufffd", text)


def _writable(cell: Cell) -> Cell:
    """The cell without characters that no file can have; a program reads the others."""
    return _SURROGATE.sub("\ufffd", cell) if isinstance(cell, str) else cell


def _escaped(text: str) -> str:
    """JSON in which unprintable characters are escaped: they occur in its strings only, but for line breaks."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
