"""Reading a rule's settings."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.settings import MethodSettings


def read(value: object) -> MethodSettings:
    return MethodSettings("encrypt", {"Key": value})


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("FALSE", False), (None, True)])
def test_booleans(value: object, expected: bool) -> None:
    """Booleans may be strings; null means absent."""
    assert read(value).boolean("key", default=True) is expected


@pytest.mark.parametrize(("value", "expected"), [(7, 7), ("7", 7), (7.0, 7), (None, 3)])
def test_integers(value: object, expected: int) -> None:
    """Whole numbers may be strings, or floats without a fraction."""
    assert read(value).integer("key", default=3, minimum=0, maximum=9) == expected


@pytest.mark.parametrize(("value", "expected"), [(1, 1.0), ("0.5", 0.5), ("1e1", 10.0), (None, 3.0)])
def test_numbers(value: object, expected: float) -> None:
    """Numbers may be strings."""
    assert read(value).number("key", default=3.0, minimum=0.0) == expected


@pytest.mark.parametrize(("value", "expected"), [("Doe", "Doe"), (1, "1"), (1.5, "1.5"), (True, "true")])
def test_scalar_texts(value: object, expected: str) -> None:
    """A number or boolean is taken as JSON writes it."""
    assert read(value).scalar_text("key", default="") == expected


@pytest.mark.parametrize(("value", "expected"), [("FIXED", 1), (0, 1), ("0", 1), (None, 2)])
def test_choices(value: object, expected: int) -> None:
    """Names are taken in any case, and numbers where they stand for one."""
    assert read(value).choice("key", {"Fixed": 1, "0": 1, "Other": 2}, default="Other") == expected


def test_the_later_spelling_holds() -> None:
    """A rule's params come after the defaults, in whatever case."""
    assert MethodSettings("perturb", {"span": "1", "SPAN": "2"}).text("Span", default="") == "2"


@pytest.mark.parametrize("value", ["50 secret", 10, -1, 1.5, True, [], {}, "1_0", "٣", 1e300])
def test_a_wrong_integer_is_refused(value: object) -> None:
    """The error names method, key and mend, and never the value."""
    with pytest.raises(ConfigurationError) as caught:
        read(value).integer("Key", default=3, minimum=0, maximum=9)

    assert str(caught.value) == 'encrypt: the setting "Key" must be a whole number from 0 to 9'


@pytest.mark.parametrize("value", ["secret", -1, True, [], "nan", "inf", float("nan"), float("inf"), 10**400])
def test_a_wrong_number_is_refused(value: object) -> None:
    """Neither NaN nor infinity is a width."""
    with pytest.raises(ConfigurationError, match="must be a number, 0 or more"):
        read(value).number("Key", default=3, minimum=0)


def test_wrong_types_are_refused() -> None:
    """Each kind of setting says what it wants."""
    with pytest.raises(ConfigurationError, match="true or false"):
        read("yes").boolean("Key", default=True)
    with pytest.raises(ConfigurationError, match="must be a string"):
        read(5).text("Key", default="")
    with pytest.raises(ConfigurationError, match="a string or a number"):
        read([]).scalar_text("Key", default="")
    with pytest.raises(ConfigurationError, match="one of Fixed, Other"):
        read([]).choice("Key", {"Fixed": 1, "0": 1, "Other": 2}, default="Other")


def test_decimals_are_exact() -> None:
    """0.1 is 0.1, however it is written; absent is none."""
    settings = MethodSettings("generalize", {"step": 0.1, "bins": ["0.1", 2]})

    assert settings.decimal("STEP") == Decimal("0.1")
    assert settings.decimals("bins") == (Decimal("0.1"), Decimal(2))
    assert (settings.decimal("other"), settings.decimals("other")) == (None, ())


def test_texts_and_mappings_keep_their_order() -> None:
    """As they are written; absent is the default."""
    settings = MethodSettings("generalize", {"areas": ["036", "021"], "values": {"b": "1", "a": "2"}})

    assert settings.texts("areas", default=()) == ("036", "021")
    assert settings.texts("other", default=("893",)) == ("893",)
    assert settings.mapping("values") == (("b", "1"), ("a", "2"))
    assert settings.mapping("other") == ()


@pytest.mark.parametrize("value", ["Doe", True, [1], "1" * 40, float("inf"), "1e999"])
def test_what_is_no_decimal_is_refused_without_the_value(value: object) -> None:
    """Not infinity either, nor more digits than anybody means."""
    with pytest.raises(ConfigurationError, match=r'^generalize: the setting "step" must be a number$'):
        MethodSettings("generalize", {"step": value}).decimal("step")
