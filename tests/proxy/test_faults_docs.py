"""docs/faults.md names the tests of the fault table: all of them, and no others."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_line_has_its_test() -> None:
    """In the same order."""
    table = re.findall(r"`(test_\w+)` \|$", (ROOT / "docs" / "faults.md").read_text(), re.MULTILINE)
    tests = re.findall(
        r"^def (test_\w+)", (ROOT / "tests" / "origin" / "test_fault_table.py").read_text(), re.MULTILINE
    )

    assert table == tests
