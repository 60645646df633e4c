"""Rows are written for eyes, spreadsheets and programs, and obey none of the values in them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from dicomveil_proxy.command.table import Format, Row, lines, shown, write_rows

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


class Terminal(io.StringIO):
    """What obeys control characters."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_terminal_gets_no_control_characters(form: Format) -> None:
    """In no format: escape sequences, C1 controls, DEL, and letters that turn the reading direction."""
    file = Terminal()
    hostile = "x\x1b[2J \x9b2J \x7f \u202e \u2028 \udcff"

    write_rows([{"a": 1, "b": hostile}], ("a", "b"), form, file)

    assert file.getvalue().replace("\n", "").isprintable()
    if form == "json":
        assert json.loads(file.getvalue())[0]["b"] == hostile


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_file_can_be_written_whatever_is_in_a_value(form: Format) -> None:
    """A value with half a character pair, which no encoding has; what programs can read stays."""
    text = written(form, [{"a": 1, "b": "x\udcff"}, {"a": 1, "b": "\x85\u3000"}])

    text.encode()
    if form == "csv":
        assert text == "a,b\n1,x\ufffd\n1,\x85\u3000\n"


def test_what_is_shown_as_it_is() -> None:
    """A text for a program is not changed; for a terminal, only its lines remain."""
    assert shown("a\x1b[2J\nb", io.StringIO()) == "a\x1b[2J\nb"
    assert shown("a\x1b[2J\nb", Terminal()) == "a\ufffd[2J\nb"
