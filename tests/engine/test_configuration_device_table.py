"""Device tables as they are written: what is refused, on which line; the JSON Schema says the same."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from dicomveil_engine import ConfigurationError, load_policy
from dicomveil_engine.configuration.device_table import NUMBERS, TEXTS, read_device_table, table_faults
from dicomveil_engine.configuration.device_table_schema import device_table_schema
from dicomveil_engine.pixels.mask_file import shipped_table, write_table

WRONG = [
    ("[[device", "line 1: the device table is not valid TOML"),
    ("[[device]]\nmatch = {Rows = 9\nmask = []", "line 2: the device table is not valid TOML"),
    ("colour = 1", 'no key "colour"'),
    ('unmatched = "pass"', '"look" or "refuse"'),
    ("device = 1", r"\[\[device\]\]"),
    ("[[device]]\nmask = [[0, 0, 1, 1]]", 'entry 1 of the device table needs "match"'),
    ('[[device]]\nmatch = {Rows = "9"}\nmask = [[0, 0, 1, 1]]', '"Rows" in "match"'),
    ("[[device]]\nmatch = {Rows = 9}", 'either "mask" or "keep"'),
    ("[[device]]\nmatch = {Rows = 9}\nmask = [[0, 0, 0, 1]]", "is empty"),
    ("[[device]]\nmatch = {Rows = 9}\nmask = [[0, -1, 1, 1]]", "in pixels"),
    ("[[device]]\nmatch = {Rows = 9}\nmask = [[0, 0, 1, 1]]\nlook = 1", "line 4: .*true or false"),
    ('unmatched = "look"\n\n[[device]]\nname = 1\nmatch = {Rows = 9}\nkeep = [[0, 0, 1, 1]]', 'line 4: "name"'),
    ("[[device]]\nmatch = {Rows = 9}\nmask = [[0, 0, 1, 1]]\nlook = false", "line 4: .*Rows and Columns"),
    ("[[device]]\nmatch = {Rows = 0}\nmask = [[0, 0, 1, 1]]", "line 2: .*from 1 to 65536"),
    ('[[device]]\nmatch = {Colour = "x"}\nmask = [[0, 0, 1, 1]]', '"Colour" in "match" of entry 1'),
    ("[[device]]\nmatch = {Rows = 9}\nmask = 3", 'line 3: "mask"'),
    ("[[device]]\n[device.match]\nRows = true\n", "line 2: .*a whole number"),
    ("[[device]]\nmatch = {Rows = 9}\nmask = [[0, 0, 1, 1]]\nmore = 1", 'unknown key "more"'),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_wrong_tables_are_refused(text: str, message: str) -> None:
    """The message names the line, the entry and the key."""
    with pytest.raises(ConfigurationError, match=message):
        read_device_table(text)


def test_a_wrong_table_stops_the_policy_from_loading() -> None:
    """Not the first instance that is released under it."""
    table = "[[device]]\nmatch = {Rows = 9}\n"
    with pytest.raises(ConfigurationError, match='"deviceTable" in "pixels": line 1: entry 1'):
        load_policy({"profile": "basic", "pixels": {"text": "allText", "deviceTable": table}}, bytes(32))


def test_each_wrong_entry_is_listed_with_its_line() -> None:
    """All of them at once; the entries between are right."""
    right = '[[device]]\nmatch = {Modality = "US"}\nmask = [[0, 0, 1, 1]]\n'
    text = f"{right}[[device]]\nmatch = {{}}\n{right}[[device]]\nmatch = {{Rows = 9}}\n# mask = 1\nmask = [[1]]\n"

    assert [fault.line for fault in table_faults(text)] == [5, 12]
    assert table_faults(right) == []


def test_inline_entries_have_no_line() -> None:
    """A table may be written as one array; then no line is named rather than a wrong one."""
    [fault] = table_faults("device = [{match = {Rows = 9}}]")

    assert fault.line == 0


@pytest.mark.parametrize(("text", "_message"), WRONG)
def test_the_schema_refuses_what_the_reader_refuses(text: str, _message: str) -> None:
    """Every wrong table that is TOML at all."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return

    assert not Draft202012Validator(device_table_schema()).is_valid(document)


@pytest.mark.parametrize(
    "text",
    [
        write_table(shipped_table()),
        "",
        'unmatched = "refuse"\n[[device]]\nmatch = {Rows = 9, Columns = 9}\nkeep = [[0, 0, 1, 1]]\nlook = false',
        '[[device]]\nname = "a"\nmatch = {Modality = "US", SOPClassUID = "1.2*"}\nmask = [[0, 0, 1, 1]]\nkeep = []',
    ],
)
def test_the_schema_takes_what_the_reader_takes(text: str) -> None:
    """The shipped table among them."""
    read_device_table(text)
    Draft202012Validator.check_schema(device_table_schema())

    assert Draft202012Validator(device_table_schema()).is_valid(tomllib.loads(text))


@given(
    st.dictionaries(
        st.sampled_from(["name", "match", "mask", "keep", "look", "more"]),
        st.one_of(
            st.booleans(),
            st.text(max_size=3),
            st.integers(-1, 70_000),
            st.lists(st.lists(st.integers(-1, 9), min_size=3, max_size=5), max_size=2),
            st.dictionaries(
                st.sampled_from([*TEXTS, *NUMBERS, "x"]), st.one_of(st.text(max_size=2), st.integers(0, 9))
            ),
        ),
    )
)
def test_reader_and_schema_agree(entry: dict[str, object]) -> None:
    """On any entry; so that an editor shows what the reader would say."""
    document = {"device": [entry]}
    text = "\n".join(["[[device]]", *(f"{key} = {_inline(value)}" for key, value in entry.items())])

    assert Draft202012Validator(device_table_schema()).is_valid(document) is (not table_faults(text)), text


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)
