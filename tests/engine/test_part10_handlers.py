"""Elements that contain others: a value of VR UN is a sequence only if it begins with an item."""

from __future__ import annotations

from dicomveil_engine import deidentify_instance
from engine.datasets import element, instance, read, rule, rules


def test_an_unknown_value_that_holds_no_items() -> None:
    """It is kept as it is where a rule says so, at the top level and in an item."""
    policy = rules(rule("(0009,xx01:ACME)", "keep"))
    private = element(0x00090010, "LO", "ACME") + element(0x00091001, "UN", b"\1\2\3\4")
    output = read(deidentify_instance(instance(private, element(0x00081140, "SQ", [private])), policy))

    assert output[0x00091001].value == output.ReferencedImageSequence[0][0x00091001].value == b"\1\2\3\4"
