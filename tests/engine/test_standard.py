"""The tables of the standard that ship with the engine."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from dicomveil_engine.attributes._standard import BASIC_PROFILE, SAFE_PRIVATE, TABLE_E1, Option


def test_table_e1_has_all_rows() -> None:
    """PS3.15 2026d has 657 rows: 653 tags, three repeating groups, private attributes."""
    assert (len(TABLE_E1), len(TABLE_E1.rows)) == (657, 653)


def test_table_e1_says_what_its_source_says(shared: Path) -> None:
    """No code of the table is lost or changed on the way into the package."""
    for source in json.loads((shared / "standard" / "ps315_e1.json").read_text())["attributes"]:
        example = {"odd-group": "00091001"}.get(source["hex"], source["hex"].replace("x", "2"))
        row = TABLE_E1.row(int(example, 16))

        assert row is not None
        assert (row.keyword, row.vr, row.basic) == (source["keyword"], source["vr"], source["basic"])
        assert list(row.options.values()) == [code for code in source["options"].values() if code]


def test_the_tables_are_what_the_script_writes(shared: Path) -> None:
    """Nobody edits them by hand."""
    root = Path(__file__).parents[2]
    script = runpy.run_path(str(root / "scripts" / "generate_standard.py"))
    source = json.loads((shared / "standard" / "ps315_e1.json").read_text())
    shipped = root / "engine" / "dicomveil_engine" / "attributes" / "_standard"
    private = json.loads((shared / "standard" / "ps315_safe_private.json").read_text())

    assert json.loads((shipped / "table_e1.json").read_text()) == script["table_e1"](source)
    assert json.loads((shipped / "safe_private.json").read_text()) == script["safe_private"](private)


def test_safe_private_says_what_its_source_says(shared: Path) -> None:
    """PS3.15 Table E.3.10-1: 479 rows, found in any block, by group, last digits and creator."""
    rows = json.loads((shared / "standard" / "ps315_safe_private.json").read_text())["attributes"]
    for row in rows:
        vrs = SAFE_PRIVATE.vrs_of(int(row["group"] + "77" + row["element_low"], 16), row["private_creator"])

        assert vrs == (tuple(row["vr"].split("/")) if row["vr"] else ())
    assert len(SAFE_PRIVATE.rows) == len(rows) == 479
    assert SAFE_PRIVATE.vrs_of(0x70531000, "EXAMPLE") is None


@pytest.mark.parametrize(
    ("tag", "basic"),
    [
        (0x00100010, "Z"),
        (0x00100020, "Z/D"),
        (0x00081140, "X/Z/U*"),
        (0x50000005, "X"),
        (0x501E3000, "X"),
        (0x60003000, "X"),
        (0x60024000, "X"),
        (0x00091001, "X"),
        (0xFFFFFFFF, "X"),
    ],
)
def test_row_finds_tags_repeating_groups_and_private_attributes(tag: int, basic: str) -> None:
    """Every tag that the table covers has its row, in each of the repeating groups."""
    row = TABLE_E1.row(tag)

    assert row is not None
    assert row.basic == basic


@pytest.mark.parametrize("tag", [0x00080060, 0x60000010, 0x7FE00010])
def test_an_attribute_that_is_not_listed_has_no_row(tag: int) -> None:
    """Modality, Overlay Rows and Pixel Data are not in the table."""
    assert TABLE_E1.row(tag) is None


def test_option_columns() -> None:
    """A row has the codes of its options and nothing for a blank column."""
    study_date = TABLE_E1.row(0x00080020)

    assert study_date is not None
    assert study_date.options == {Option.RETAIN_LONG_FULL_DATES: "K", Option.RETAIN_LONG_MODIFIED_DATES: "C"}


def test_codes_are_those_of_cid_7050() -> None:
    """Each option has its own code: 113103 to 113112, beside 113100 for the profile itself."""
    codes = [option.code.value for option in Option]

    assert BASIC_PROFILE.value == "113100"
    assert sorted(codes) == [str(code) for code in range(113103, 113113)]
    assert (
        Option("retainLongModifiedDates").code.meaning
        == "Retain Longitudinal Temporal Information Modified Dates Option"
    )
