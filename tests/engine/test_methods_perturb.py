"""perturb: keyed noise."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.errors import ConfigurationError, DeidentificationError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.methods.perturb import Perturb, decimal_string
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)
STUDY = Context(study_instance_uid="1.2.3")
INTEGERS = {
    "SS": (-(2**15), 2**15 - 1),
    "US": (0, 2**16 - 1),
    "SL": (-(2**31), 2**31 - 1),
    "UL": (0, 2**32 - 1),
    "SV": (-(2**63), 2**63 - 1),
    "UV": (0, 2**64 - 1),
}


def perturbed(vr: str, values: Values, context: Context = STUDY, **settings: object) -> Values:
    method = Perturb.from_settings({"span": 10, "rangeType": "Fixed"} | settings, KEYS)
    result = method.apply(Element(0x00101030, vr, values), context)
    assert result is not None
    return result


@pytest.mark.parametrize("spelling", ["1", "1.0", "+1.00", " 1 ", "1e0", "01."])
def test_the_spelling_does_not_count(spelling: str) -> None:
    """JSON does not keep it, so it must not enter the noise."""
    assert perturbed("DS", [spelling]) == perturbed("DS", ["1"])


def test_noise_depends_on_study_tag_and_number() -> None:
    """The same number always becomes the same number; elsewhere another."""
    method = Perturb.from_settings({"span": 1e9, "rangeType": "Fixed"}, KEYS)
    other_study = Context(study_instance_uid="1.2.4")

    results = [
        method.apply(Element(0x00101030, "FD", [1.0]), STUDY),
        method.apply(Element(0x00101020, "FD", [1.0]), STUDY),
        method.apply(Element(0x00101030, "FD", [1.0]), other_study),
    ]

    assert results[0] == method.apply(Element(0x00101030, "FD", [1.0], depth=2), STUDY)
    assert len({str(result) for result in results}) == 3


@given(st.floats(-1e6, 1e6), st.floats(0, 1e3, exclude_min=True), st.booleans())
def test_the_width_is_half_the_span_to_either_side(number: float, span: float, proportional: bool) -> None:
    """Fixed: the span itself; proportional: the span times the number."""
    kind = "Proportional" if proportional else "fixed"
    (noisy,) = perturbed("FD", [number], span=span, rangeType=kind, roundTo=15)

    width = abs(number * span) if proportional else span
    assert isinstance(noisy, float)
    assert abs(noisy - number) <= width / 2 + 1e-9


def test_noise_is_centred() -> None:
    """Over many numbers the noise is uniform around nothing."""
    values = perturbed("FD", [float(n) for n in range(1000)], span=1, roundTo=15)

    assert isinstance(values, list)
    noise = [float(str(noisy)) - n for n, noisy in enumerate(values)]
    assert abs(sum(noise) / 1000) < 0.05
    assert max(noise) > 0.45
    assert min(noise) < -0.45


@given(st.sampled_from(sorted(INTEGERS)), st.data())
def test_integers_stay_in_the_range_of_the_vr(vr: str, data: st.DataObject) -> None:
    """They are clamped, and never wrap around as with the Microsoft tool."""
    low, high = INTEGERS[vr]
    number = data.draw(st.integers(low, high))

    (noisy,) = perturbed(vr, [number], span=2**60)

    assert isinstance(noisy, int)
    assert low <= noisy <= high


@given(st.floats(width=32, allow_nan=False), st.floats(0, 1e38, exclude_min=True))
def test_fl_stays_a_32_bit_number(number: float, span: float) -> None:
    """JSON and Part 10 can hold the very same number."""
    (noisy,) = perturbed("FL", [number], span=span)

    assert struct.unpack("<f", struct.pack("<f", noisy)) == (noisy,)


def test_fl_starts_from_32_bits() -> None:
    """JSON may give 0.1 where Part 10 gives its nearest 32-bit number."""
    assert perturbed("FL", [0.1]) == perturbed("FL", [struct.unpack("<f", struct.pack("<f", 0.1))[0]])


@given(st.floats(-1.79e308, 1.79e308), st.floats(0, 1e308, exclude_min=True))
def test_ds_stays_legal(number: float, span: float) -> None:
    """At most sixteen characters, and a number."""
    text = decimal_string(number)
    assert is_legal("DS", text)
    assert math.isclose(float(text), number, rel_tol=1e-8)

    (noisy,) = perturbed("DS", [text], span=span)
    assert is_legal("DS", str(noisy))


@pytest.mark.parametrize(("vr", "code"), [("OW", "<3H"), ("OL", "<3L"), ("OV", "<3Q"), ("OF", "<3f"), ("OD", "<3d")])
def test_packed_numbers_are_perturbed_one_by_one(vr: str, code: str) -> None:
    """Equal samples stay equal; the length stays."""
    value = perturbed(vr, struct.pack(code, 100, 7, 100))

    assert isinstance(value, bytes)
    first, second, third = struct.unpack(code, value)
    assert first == third
    assert abs(first - 100) <= 5
    assert abs(second - 7) <= 5


def test_ages_keep_their_unit() -> None:
    """And stay between 0 and 999."""
    (age,) = perturbed("AS", ["045Y"], span=4)
    (oldest,) = perturbed("AS", ["999W"], span=2000)

    assert str(age)[3:] == "Y"
    assert 43 <= int(str(age)[:3]) <= 47
    assert is_legal("AS", str(oldest))


@pytest.mark.parametrize("span", [0, "0", 0.0])
def test_a_span_of_zero_is_refused(span: object) -> None:
    """It would keep every number, under the name of a method that changes them."""
    with pytest.raises(ConfigurationError, match="use keep"):
        Perturb.from_settings({"span": span}, KEYS)


def test_a_tiny_span_and_empty_values_change_nothing() -> None:
    """Hardly any width, no noise that is seen; nothing stays nothing."""
    assert perturbed("DS", ["1.50", ""], span=1e-9) == ["1.5", ""]
    assert perturbed("IS", ["7.0"], span=1e-9) == ["7"]
    assert perturbed("OW", b"") == b""
    assert str(perturbed("FD", [math.inf, math.nan])) == "[inf, nan]"


@pytest.mark.parametrize(
    ("vr", "values"),
    [("DS", ["Doe"]), ("DS", ["nan"]), ("DS", ["1e999"]), ("IS", ["1.5"]), ("AS", ["45"]), ("OW", b"\x01")],
)
def test_what_is_not_a_number_is_emptied(vr: str, values: Values) -> None:
    """Nothing of it passes, and it is no reason to refuse the instance."""
    assert not perturbed(vr, values)


def test_of_a_list_with_something_else_in_it_nothing_stays() -> None:
    """Coordinates mean something together."""
    assert perturbed("DS", ["1", "Doe", "3"]) == []


def test_an_infinite_width_is_refused_for_integers() -> None:
    """A span beyond all numbers gives no integer."""
    with pytest.raises(DeidentificationError, match="beyond the range") as caught:
        perturbed("UV", [2**64 - 1], span=1e308, rangeType="Proportional")

    assert caught.value.__suppress_context__


def test_a_data_set_of_the_projects_own_stays() -> None:
    """Noise upon noise would differ from the first."""
    assert perturbed("DS", ["1"], Context(study_instance_uid="1.2.3", was_deidentified=True)) == ["1"]


@pytest.mark.parametrize("settings", [{"span": -1}, {"roundTo": 16}, {"rangeType": "Normal"}])
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """At start, with the key's name."""
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Perturb.from_settings(settings, KEYS)


def test_it_is_for_numbers() -> None:
    """Text and bytes have no noise."""
    method = Perturb.from_settings({}, KEYS)

    assert [vr for vr in ("AS", "DS", "OW", "LO", "OB", "AT", "UN", "DA") if method.supports(vr)] == [
        "AS",
        "DS",
        "OW",
    ]
