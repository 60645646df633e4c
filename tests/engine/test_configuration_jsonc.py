"""JSON with comments, trailing commas and single quotes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.configuration import jsonc
from dicomveil_engine.errors import ConfigurationError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@given(DOCUMENTS, st.booleans())
def test_whatever_json_writes_is_read(document: object, ascii_only: bool) -> None:
    """Plain JSON is a part of what is accepted."""
    assert jsonc.parse(json.dumps(document, ensure_ascii=ascii_only, indent=1)) == document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('\ufeff{"a": 1}', {"a": 1}),
        ('{"a": 1, // one\n "b": [2, /* two\n lines */ 3,],}', {"a": 1, "b": [2, 3]}),
        ("{'a': 'say \"x\" \\' \\n'}", {"a": 'say "x" \' \n'}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('"// no comment"', "// no comment"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("[-0.5e1, 0, true, false, null]", [-5.0, 0, True, False, None]),
    ],
)
def test_what_newtonsoft_accepts_is_read(text: str, value: object) -> None:
    """Files of the Microsoft tool are taken as they are."""
    assert jsonc.parse(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the configuration is empty"),
        ("// nothing", "the configuration is empty"),
        ('{"a": 1}\n{}', "line 2, column 1: the configuration ends before this"),
        ('{\n  "a" 1}', 'line 2, column 7: a ":" is missing'),
        ('{"a": 1 "b": 2}', 'line 1, column 9: a "," or "}" is missing'),
        ("[1 2]", 'line 1, column 4: a "," or "]" is missing'),
        ("{a: 1}", 'line 1, column 2: a key in quotes, or "}", is missing'),
        ('{"a": ', "line 1, column 7: a value is missing"),
        ('{"a": }', "line 1, column 7: a value is missing"),
        ("[NaN]", "line 1, column 2: a value is missing"),
        ('["secret', "line 1, column 2: this is not JSON"),
        ("[0123]", "line 1, column 2: this is not JSON"),
        ('["secret\\q"]', "line 1, column 2: an escape in this string is wrong"),
        ('["secret\\ud800"]', "line 1, column 2: this string holds half of a character"),
        ("[1e999]", "line 1, column 2: this number is too large"),
        ("[" + 5000 * "9" + "]", "line 1, column 2: this number is too long"),
        (64 * "[", "line 1, column 65: a value is missing"),
        (100_000 * "[", "line 1, column 65: nested deeper than 64"),
    ],
)
def test_errors_name_the_place_and_not_the_content(text: str, message: str) -> None:
    """A broken file is refused with line and column; what stands there may be a key."""
    with pytest.raises(ConfigurationError) as error:
        jsonc.parse(text)

    assert str(error.value) == message


def test_keys_that_occur_twice_are_reported() -> None:
    """With the place of the second; the last value counts, as in Newtonsoft.Json. Keys of other objects are others."""
    found: list[tuple[str, str]] = []

    value = jsonc.parse('{"a": [{"b": 1}, {"b": 2}],\n "a": {"b": 3, \'\\u0062\': 4}}', lambda *at: found.append(at))

    assert value == {"a": {"b": 4}}
    assert found == [("line 2, column 2", "a"), ("line 2, column 16", "b")]
