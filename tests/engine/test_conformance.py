"""The conformance statement says what the engine does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATEMENT = ROOT / "docs" / "conformance.md"


@pytest.fixture(scope="module")
def generated() -> str:
    """What the script would write now."""
    document: str = runpy.run_path(str(ROOT / "scripts" / "generate_conformance.py"))["document"]()
    return document


def test_statement_is_current(generated: str) -> None:
    """The file is what the script makes of the engine; `python scripts/generate_conformance.py` makes it so."""
    assert STATEMENT.read_text(encoding="utf-8") == generated


def test_statement_has_every_row_of_the_table(generated: str) -> None:
    """Each of the 657 rows of PS3.15 Table E.1-1 has its line."""
    _, _, table = generated.partition("\n| Attribute | Tag | VR |")

    assert len(table.strip().splitlines()) == 2 + 657


@pytest.mark.parametrize(
    "line",
    [
        "| PatientID | (0010,0020) | LO | Z/D | D *pseudonym* | D *pseudonym* | rule 1 (0010,0020) pseudonym |",
        "| PatientBirthDate | (0010,0030) | DA | Z | Z | Z |  |",
        "| StudyInstanceUID | (0020,000D) | UI | U | U | U |  |",
        "| StudyDate | (0008,0020) | DA | Z | Z | C *shifted* | `default`: retainLongModifiedDates: C |",
        "| ReferencedImageSequence | (0008,1140) | SQ | X/Z/U* | K | K |  |",
        "| PrivateAttributes | (odd group) |  | X | X | X | private attributes: X |",
    ],
)
def test_statement_says_what_is_known(generated: str, line: str) -> None:
    """Some rows, as somebody who reads the standard would write them."""
    assert line in generated.splitlines()
