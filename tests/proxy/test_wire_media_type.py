"""A media type with its parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.wire.media_type import parse_media_type, split_unquoted


@pytest.mark.parametrize(
    ("text", "part_type", "transfer_syntax"),
    [
        ('multipart/related; type="application/dicom"; transfer-syntax=*', "application/dicom", "*"),
        ("Multipart/Related;TYPE=Application/DICOM", "application/dicom", None),
        ('multipart/related; type="image/jpeg; transfer-syntax=1.2.3"; boundary=b', "image/jpeg", "1.2.3"),
        ("application/dicom; transfer-syntax=1.2.3", None, "1.2.3"),
        ('application/dicom; transfer-syntax=""', None, None),
        ("multipart/related; type=image/", "image/*", None),
    ],
)
def test_parameters_quoted_unquoted_and_nested(text: str, part_type: str | None, transfer_syntax: str | None) -> None:
    """Every form seen in the field says the same."""
    media_type = parse_media_type(text)

    assert media_type is not None
    assert (media_type.part_type, media_type.transfer_syntax) == (part_type, transfer_syntax)


@pytest.mark.parametrize("text", ["", "json", "a b/c", "/json", "transfer-syntax=*", "a/b/c"])
def test_what_is_no_media_type(text: str) -> None:
    """It is None, and no error."""
    assert parse_media_type(text) is None


def test_separators_inside_quotes_do_not_split() -> None:
    """Quotes, and escaped quotes within them, keep a value whole."""
    assert split_unquoted(r'a;b="1;\";2";c', ";") == ["a", r'b="1;\";2"', "c"]


def test_an_escaped_quote_is_a_quote() -> None:
    """A quoted string means its text without the backslashes (RFC 9110 Section 5.6.4)."""
    media_type = parse_media_type(r'a/b; name="x\"y"; name=z; flag')

    assert media_type is not None
    assert dict(media_type.parameters) == {"name": 'x"y'}


@given(st.text('a;,"\\', max_size=30))
def test_split_pieces_join_again(text: str) -> None:
    """Splitting loses no character."""
    assert ",".join(split_unquoted(text, ",")) == text


@given(st.text('a;,"\\\n', max_size=30), st.sampled_from(",;"))
def test_splitting_follows_each_character(text: str, separator: str) -> None:
    """Quotes open and close, a backslash within them hides the next character, and a separator outside them splits."""
    pieces, is_quoted, is_escaped = [""], False, False
    for character in text:
        if character == separator and not is_quoted:
            pieces.append("")
            continue
        pieces[-1] += character
        if is_escaped:
            is_escaped = False
        elif character == '"':
            is_quoted = not is_quoted
        else:
            is_escaped = is_quoted and character == "\\"
    assert split_unquoted(text, separator) == pieces
