"""A method's turn: its outcome is written, or the instance refused in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.rewriting.resolution import resolve

ELEMENT = Element(0x00100020, "LO", ["PATIENT-1"])


@dataclass(frozen=True)
class Failing(Method):
    """Quotes the value in its error, as libraries do."""

    name: ClassVar[str] = "failing"
    error: type[Exception] = ValueError

    def apply(self, element: Element, context: Context) -> Values | None:
        """Fail."""
        raise self.error(f"bad value {element.values!r}")


def test_written() -> None:
    """The outcome is what is written of it."""
    assert resolve(Keep(), "rule 1", ELEMENT, Context(), str) == "['PATIENT-1']"


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError])
def test_no_value_in_a_message(error: type[Exception]) -> None:
    """Rule and attribute are named, and nothing of what the error of a plug-in or library says."""
    with pytest.raises(DeidentificationError) as caught:
        resolve(Failing(error), "rule 1", ELEMENT, Context(), str)

    assert str(caught.value) == "rule 1 on (0010,0020) PatientID LO failed: the method gives no legal value"


def test_what_cannot_be_written() -> None:
    """Writing is part of it: what the encoding cannot hold has no safe output."""

    def write(_: Values | None) -> bytes:
        raise OverflowError("PATIENT-1")

    with pytest.raises(DeidentificationError, match=r"^rule 1 on "):
        resolve(Keep(), "rule 1", ELEMENT, Context(), write)
