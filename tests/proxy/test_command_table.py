"""Rows are written for eyes, spreadsheets and programs, and obey none of the values in them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from dicomveil_proxy.command.table import Format, Row, lines, write_rows

ROWS: list[Row] = [{"a": 1, "b": "x\x1b[2J"}, {"a": 22, "b": None}]


def written(form: Format, rows: list[Row] = ROWS) -> str:
    """The rows in a format."""
    file = io.StringIO()
    write_rows(rows, ("a", "b"), form, file)
    return file.getvalue()


def test_table() -> None:
    """Aligned columns; control characters are shown as what they are not."""
    assert written("table") == "a   b\n--  -----\n1   x\ufffd[2J\n22\n"


def test_lines_are_cut_at_the_terminals_width() -> None:
    """And say so."""
    assert list(lines([{"a": "x" * 9}], ("a",), 5)) == ["a", "----…", "xxxx…"]


def test_json() -> None:
    """Every row has every column."""
    assert json.loads(written("json")) == [{"a": 1, "b": "x\x1b[2J"}, {"a": 22, "b": None}]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"),
        ("-1.5", "-1.5"),
        ("-1+cmd|'/c'!A", "'-1+cmd|'/c'!A"),
        ("CHEST, ROUTINE", "CHEST, ROUTINE"),
    ],
)
def test_csv_has_no_formulas(value: str, cell: str) -> None:
    """Neither a spreadsheet's nor a shell's."""
    assert list(csv.reader(io.StringIO(written("csv", [{"a": 1, "b": value}])))) == [["a", "b"], ["1", cell]]
