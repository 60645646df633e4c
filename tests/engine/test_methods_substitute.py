"""substitute."""

from __future__ import annotations

import pytest

from dicomveil_engine.errors import ConfigurationError, DeidentificationError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.substitute import Substitute
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)


def substitute(text: object) -> Substitute:
    return Substitute.from_settings({"replaceWith": text}, KEYS)


@pytest.mark.parametrize(
    ("vr", "text", "values"),
    [
        ("LO", "A\\B", ["A", "B"]),
        ("LT", "A\\B", ["A\\B"]),
        ("PN", "Doe^Jane", ["Doe^Jane"]),
        ("DA", "20200101", ["20200101"]),
        ("LO", "", []),
        ("US", "1\\65535", [1, 65535]),
        ("SV", -5, [-5]),
        ("FD", "1.5", [1.5]),
        ("FL", 0, [0.0]),
        ("DS", 1.5, ["1.5"]),
        ("AT", "(0010,0010)\\00100020", [0x00100010, 0x00100020]),
    ],
)
def test_the_text_is_read_for_the_vr(vr: str, text: object, values: Values) -> None:
    """Texts are split where the VR has several values; numbers and tags are parsed."""
    method = substitute(text)

    method.check(vr)
    assert method.supports(vr)
    assert method.apply(Element(0x00100010, vr, ["Doe"]), Context()) == values


def test_the_default_is_anonymous() -> None:
    """Also for an element that was empty."""
    method = Substitute.from_settings({}, KEYS)

    assert method.apply(Element(0x00100010, "PN", []), Context()) == ["ANONYMOUS"]


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("DA", "ANONYMOUS"),
        ("SH", "a" * 17),
        ("US", "65536"),
        ("US", "1.5"),
        ("FL", "1e39"),
        ("FD", "nan"),
        ("FD", "1e999"),
        ("AT", "PatientName"),
        ("UI", "1..2"),
        ("CS", "lower"),
        ("LO", "a\\b\n"),
    ],
)
def test_what_is_not_legal_for_the_vr_is_refused(vr: str, text: str) -> None:
    """At start where the rule names its VR, else when the element is met; never written."""
    with pytest.raises(ConfigurationError, match=f'"replaceWith" is not a legal value for the VR {vr}'):
        substitute(text).check(vr)
    with pytest.raises(DeidentificationError, match=rf"\(0010,0020\) PatientID {vr}") as caught:
        substitute(text).apply(Element(0x00100020, vr, []), Context())

    assert text not in str(caught.value)


@pytest.mark.parametrize("vr", ["SQ", "OB", "OW", "UN", "OD", "OF", "OL", "OV"])
def test_bytes_have_no_text_form(vr: str) -> None:
    """Nor has a sequence."""
    assert not substitute("1").supports(vr)


def test_a_list_is_refused() -> None:
    """A value is a text or a number."""
    with pytest.raises(ConfigurationError, match="replaceWith"):
        substitute(["a"])
