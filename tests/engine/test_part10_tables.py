"""What is made of a policy once for one encoding, and shared by all instances."""

from __future__ import annotations

from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE
from dicomveil_engine.part10.tables import Tables
from engine.datasets import preset, rule, rules

BASIC = preset("basic")


def test_tables_are_made_once() -> None:
    """All instances of a policy share them, for each encoding."""
    assert Tables.of(BASIC, EXPLICIT_LITTLE) is Tables.of(BASIC, EXPLICIT_LITTLE)
    assert Tables.of(BASIC, EXPLICIT_BIG) is not Tables.of(BASIC, EXPLICIT_LITTLE)
    assert len(Tables.of(BASIC, EXPLICIT_LITTLE).top) == 3
    assert len(Tables.of(rules(rule("PN", "remove")), EXPLICIT_LITTLE).top) == 1
