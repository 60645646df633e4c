"""What happens to content items and to the values in them."""

from __future__ import annotations

import pytest

from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes._standard.structured_content import TABLE_E341, ContentRow
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.structured_content.concepts import ConceptName
from dicomveil_engine.structured_content.content_items import ContentAction, ContentPlan, StructuredContent

KEYS = Keys(b"k" * 32)
CONTENT = StructuredContent(frozenset(), KEYS)
OPTIONS = {option for row in TABLE_E341 for option in row.options}


def plan(row: ContentRow, *options: Option) -> ContentPlan:
    name = ConceptName((row.code_value,), row.coding_scheme, row.meaning)
    return StructuredContent(frozenset(options), KEYS).plan(name, row.value_type)


@pytest.mark.parametrize("row", TABLE_E341, ids=lambda row: f"{row.code_value} {row.value_type}")
def test_every_row(row: ContentRow) -> None:
    """X goes, D and X/D get dummies, and an option with a code for the row changes that."""
    expected = ContentAction.REMOVE if row.basic == "X" else ContentAction.DUMMY

    assert plan(row) == ContentPlan(expected, row.value_type)
    for option in OPTIONS:
        code = row.options.get(option)
        kept = ContentAction.KEEP if code == "K" and row.value_type in {"TEXT", "UIDREF"} else ContentAction.CLEAN
        assert plan(row, option).action is (kept if code else expected)


def test_where_two_options_meet() -> None:
    """What one keeps stays kept, as in Table E.1-1 (decision 0014)."""
    row = next(row for row in TABLE_E341 if row.meaning == "Equipment Identification")

    assert plan(row, Option.RETAIN_DEVICE_IDENTITY, Option.CLEAN_DESCRIPTORS).action is ContentAction.KEEP


@pytest.mark.parametrize(
    ("value_type", "action"),
    [
        ("TEXT", ContentAction.DUMMY),
        ("", ContentAction.DUMMY),
        ("DIAGNOSIS", ContentAction.DUMMY),
        ("CODE", ContentAction.CLEAN),
    ],
)
def test_value_types_that_are_not_listed(value_type: str, action: ContentAction) -> None:
    """A name as TEXT, or as nothing known, is one; a code is none."""
    assert CONTENT.plan(ConceptName(("121008",), "DCM", ""), value_type).action is action


def test_options_speak_of_what_is_listed() -> None:
    """A person's name under a device's name is not kept with the device."""
    content = StructuredContent(frozenset({Option.RETAIN_DEVICE_IDENTITY}), KEYS)
    name = ConceptName(("113877",), "DCM", "Device Name")

    assert [content.plan(name, one).action for one in ("TEXT", "PNAME")] == [ContentAction.KEEP, ContentAction.REMOVE]


def test_no_name() -> None:
    """Text about which nothing is known gets a dummy."""
    assert CONTENT.plan(None, "TEXT ") == ContentPlan(ContentAction.DUMMY, "TEXT")


@pytest.mark.parametrize(
    ("action", "value_type", "tag", "vr", "method"),
    [
        (ContentAction.CLEAN, "TEXT", 0x0040A160, "UT", "clean"),
        (ContentAction.KEEP, "TEXT", 0x0040A160, "UT", "keep"),
        (ContentAction.DUMMY, "TEXT", 0x0040A160, "UT", "dummy"),
        (ContentAction.DUMMY, "", 0x0040A123, "PN", "dummy"),
        (ContentAction.CLEAN, "PNAME", 0x0040A123, "PN", None),
        (ContentAction.KEEP, "UIDREF", 0x0040A124, "UI", "keep"),
        (ContentAction.KEEP, "TEXT", 0x0040A160, "LO", "remove"),
        (ContentAction.KEEP, "CODE", 0x0040A160, "UT", "remove"),
        (ContentAction.CLEAN, "NUM", 0x0040DB73, "UL", "remove"),
        (ContentAction.DUMMY, "NUM", 0x0040A300, "SQ", None),
    ],
)
def test_values(action: ContentAction, value_type: str, tag: int, vr: str, method: str | None) -> None:
    """Values of the item's own type follow its plan, those of another go, and the rest is decided elsewhere."""
    verdict = CONTENT.decide(ContentPlan(action, value_type), tag, vr)

    assert (verdict.method.name if verdict else None) == method
