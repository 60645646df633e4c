"""What a de-identified instance says of its own de-identification."""

from __future__ import annotations

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.rewriting.deidentification_attributes import (
    DEIDENTIFICATION_TAGS,
    METHOD_DESCRIPTION,
    METHOD_TEXT,
    AddMethodText,
    DeidentificationAttributes,
)

KEY = b"k" * 32
METHOD = AddMethodText()


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([], ["113100"]),
        ([Option.RETAIN_LONG_MODIFIED_DATES], ["113100", "113107"]),
        ([Option.RETAIN_UIDS, Option.RETAIN_LONG_FULL_DATES], ["113100", "113106", "113110"]),
        (list(Option), [f"1131{number:02}" for number in (0, *range(3, 13))]),
    ],
)
def test_options(options: list[Option], codes: list[str]) -> None:
    """The profile, then its options (CID 7050)."""
    claims = DeidentificationAttributes.of(frozenset(options), "REMOVED")

    assert [term.value for term in claims.terms] == codes
    assert [item[0].values for item in claims.code_items()] == [[code] for code in codes]
    assert {field.tag for field in claims.fields()} == DEIDENTIFICATION_TAGS
    assert claims.fields()[0].values == ["YES"]
    assert claims.fields()[3].values == ["REMOVED"]


@pytest.mark.parametrize(
    ("option", "rule", "dates"),
    [
        (None, None, "REMOVED"),
        ("retainLongModifiedDates", None, "MODIFIED"),
        ("retainLongFullDates", None, "UNMODIFIED"),
        (None, {"tag": "DA", "method": "dateShift"}, "MODIFIED"),
        (None, {"tag": "DA", "method": "redact", "params": {"enablePartialDatesForRedact": True}}, "MODIFIED"),
        (None, {"tag": "StudyDate", "method": "keep"}, "UNMODIFIED"),
        ("retainLongFullDates", {"tag": "StudyDate", "method": "redact"}, "REMOVED"),
        ("retainLongModifiedDates", {"tag": "StudyDate", "method": "dummy"}, "REMOVED"),
    ],
)
def test_dates(option: str | None, rule: dict[str, object] | None, dates: str) -> None:
    """What became of the dates (PS3.15 E.1.1) is said as it is, by options or by rules."""
    policy = load_policy(
        {"profile": "PS3.15", "options": [option] if option else [], "rules": [rule] if rule else []}, KEY
    )

    assert policy.claims is not None
    assert policy.claims.dates == dates


def test_fields_are_in_order() -> None:
    """By tag, and with the VRs of PS3.6."""
    fields = DeidentificationAttributes.of(frozenset(), "REMOVED").fields()

    assert [field.tag for field in fields] == sorted(DEIDENTIFICATION_TAGS)
    assert (
        [field.vr for field in fields]
        == [DeidentificationAttributes.vr_of(field.tag) for field in fields]
        == ["CS", "LO", "SQ", "CS"]
    )


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ([], [METHOD_DESCRIPTION]),
        (["by hand"], ["by hand", METHOD_DESCRIPTION]),
        ([METHOD_DESCRIPTION], [METHOD_DESCRIPTION]),
        (["by Doe on 2020-01-02", ""], ["by on", METHOD_DESCRIPTION]),
        (["Doe"], [METHOD_DESCRIPTION]),
    ],
)
def test_method_text(earlier: list[str], expected: list[str]) -> None:
    """Earlier texts stay, cleaned; ours is added once."""
    context = Context()
    context.identifying.add("Doe^Jane", "PN")

    assert METHOD.apply(Element(METHOD_TEXT, "LO", earlier), context) == expected


def test_method_supports_its_vr_only() -> None:
    """(0012,0063) is LO."""
    assert [vr for vr in ("LO", "SH", "UN") if METHOD.supports(vr)] == ["LO"]
