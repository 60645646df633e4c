"""The form of a sequence: everything in it except its UIDs."""

from __future__ import annotations

import pytest

from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE
from dicomveil_engine.part10.forms import Form, uids_of
from dicomveil_engine.part10.kinds import UID
from dicomveil_engine.part10.new_uids import USUAL_BYTES
from dicomveil_engine.part10.table import DecisionTable
from engine.datasets import element, item, preset

BASIC = preset("basic")
REFERENCED, MEANING, EVIDENCE = 0x00081155, 0x00080104, 0x00081140


def sequence(*values: bytes, more: bytes = b"") -> bytes:
    """A sequence of references."""
    return element(
        EVIDENCE, "SQ", b"".join(item(element(REFERENCED, "UI", value.decode("latin-1")) + more) for value in values)
    )


class Pseudonyms(dict[bytes, bytes | None]):
    """Pseudonyms that are easy to recognise."""

    def __missing__(self, value: bytes) -> bytes | None:
        return None if value.startswith(b"2.25.") else value[-1:] * (USUAL_BYTES - value.endswith(b"s"))


def form(*values: bytes, more: bytes = b"") -> Form:
    """The form of a sequence of references whose UIDs have 8 bytes."""
    raw = sequence(*values, more=more)
    size = len(item(element(REFERENCED, "UI", values[0].decode()) + more))
    places = [(12 + 16 + size * number, 12 + 16 + size * number + 8) for number in range(len(values))]
    return Form(raw, sequence(*(value[-1:] * USUAL_BYTES for value in values), more=more), places)


def test_rewritten() -> None:
    """The UIDs become their pseudonyms, and everything else is that of the form, with the lengths of its result."""
    known = form(b"1.2.3.41", b"1.2.3.42", more=element(MEANING, "LO", "100 % of it"))
    raw = sequence(b"1.2.3.57", b"1.2.3.58", more=element(MEANING, "LO", "100 % of it"))
    new = sequence(b"7" * USUAL_BYTES, b"8" * USUAL_BYTES, more=element(MEANING, "LO", "100 % of it"))

    assert known.rewritten(raw, Pseudonyms()) == new


@pytest.mark.parametrize(
    ("values", "more"),
    [
        ((b"1.2.3.57", b"1.2.3.58"), element(MEANING, "LO", "Doe^Jane")),
        ((b"1.2.3.57", b"2.25.333"), element(MEANING, "LO", "anything")),
        ((b"1.2.3.57", b"1.2.3.5s"), element(MEANING, "LO", "anything")),
    ],
)
def test_not_rewritten(values: tuple[bytes, ...], more: bytes) -> None:
    """Another value, a UID that is unchanged, and a pseudonym of an unusual length are left to the walk."""
    known = form(b"1.2.3.41", b"1.2.3.42", more=element(MEANING, "LO", "anything"))

    assert known.rewritten(sequence(*values, more=more), Pseudonyms()) is None


def test_uids() -> None:
    """The ranges of the UIDs; if anything else changes, there are none, however the change looks."""
    table = DecisionTable(BASIC, EXPLICIT_LITTLE, top=False)
    raw = sequence(b"1.2.3.41")
    assert table[raw[20:26]].kind == UID
    pseudonym = raw[20:26] + USUAL_BYTES.to_bytes(2, "little") + b"1" * USUAL_BYTES

    def uids(*changes: tuple[int, int, bytes], known: DecisionTable = table) -> list[tuple[int, int]]:
        return uids_of(raw, changes, EXPLICIT_LITTLE, known)

    assert uids((20, 36, pseudonym)) == [(28, 36)]
    assert not uids((20, 36, pseudonym), (20, 36, b""))  # the second is removed
    assert not uids((20, 34, pseudonym))
    assert not uids((20, 20, pseudonym))  # an element was inserted
    assert not uids((12, 36, pseudonym))  # another element
    assert not uids((20, 36, pseudonym[:-1]))
    assert not uids((20, 36, pseudonym), known=DecisionTable(BASIC, EXPLICIT_LITTLE, top=False))
