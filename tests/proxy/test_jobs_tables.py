"""Tables can be opened in a spreadsheet and read by programs, whatever is in their cells."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.jobs.tables import plain, safe, write_csv

AWKWARD = "=+-@'\t\r\n\uff1d\uff0b\uff0d\uff20,;\" 1.eE\0A"


@pytest.mark.parametrize(
    "cell", ["=1", "+x", "-x", "@x", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0bx", "\uff0dx", "\uff20x", "-1e9+1"]
)
def test_what_a_spreadsheet_evaluates_has_an_apostrophe(cell: str) -> None:
    """Full-width signs, too: a spreadsheet takes them for the others."""
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "1", "-1", "+1.5", "-.5e-3", "a=1", "'", "it's", 7, None])
def test_other_cells_stay(cell: object) -> None:
    """Numbers with a sign among them."""
    assert safe(cell) == cell


@given(st.text(AWKWARD, max_size=5))
def test_the_apostrophe_can_be_removed(cell: str) -> None:
    """A value that has one itself does not lose it."""
    assert plain(str(safe(cell))) == cell


@given(st.lists(st.lists(st.text(AWKWARD, max_size=4), min_size=2, max_size=2), max_size=3), st.sampled_from(",;\t"))
def test_a_table_is_read_as_it_was_written(rows: list[list[str]], delimiter: str) -> None:
    """No cell ends a row, neither by a line feed nor by a carriage return."""
    file = io.StringIO(newline="")

    write_csv(file, ("a", "b"), rows, delimiter)

    read = list(csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=delimiter, strict=True))
    assert [[plain(cell) for cell in row] for row in read] == [["a", "b"], *rows]
