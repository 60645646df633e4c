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


def test_uid_elements() -> None:
    """Each UID of an element becomes its pseudonym; what stays as it is, is said by None."""
    tables, key = Tables.of(BASIC, EXPLICIT_LITTLE), EXPLICIT_LITTLE.key_of(0x00080018, "UI")
    one, two = BASIC.pseudonym_uid("1.2.3"), BASIC.pseudonym_uid("1.2.4")
    expected = f"{one}\\{two}".encode()
    expected += bytes(len(expected) % 2)

    assert tables.uid_element(EXPLICIT_LITTLE, key, b"1.2.3\\1.2.4\0") == (
        b"\x08\0\x18\0UI" + len(expected).to_bytes(2, "little") + expected
    )
    assert tables.uid_element(EXPLICIT_LITTLE, key, one.encode()) is None
    assert tables.uid_element(EXPLICIT_LITTLE, key, b"1.2.840.10008.1.2\0") is None
    assert tables.uid_element(EXPLICIT_LITTLE, key, b"") is None
