"""Long JSON texts, read and written in pieces: the result is that of a library, and no piece is long."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.json_model import large

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner, max_size=6),
    max_leaves=30,
)


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of some bytes, so that short texts are divided, too."""
    monkeypatch.setattr(large, "_PIECE", 12)


@given(st.lists(VALUES, max_size=8) | st.dictionaries(st.text(max_size=4), VALUES, max_size=8), st.booleans())
def test_reads_what_a_library_reads(value: object, indented: bool) -> None:
    """Whatever the value is, and however it is laid out; and it says where it ends."""
    text = json.dumps(value, indent=2 if indented else None, ensure_ascii=indented).encode()

    assert large.read(b"xx" + text + b', "more"', 2) == (json.loads(text), len(text) + 2)


@given(st.lists(VALUES, max_size=8) | st.dictionaries(st.text(max_size=4), VALUES, max_size=8), st.data())
def test_refuses_what_a_library_refuses(value: object, data: st.DataObject) -> None:
    """A text that was damaged is read as a library reads it, or not at all."""
    text = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 1))] = data.draw(st.sampled_from(b'{}[],:"\\ 1x')).to_bytes()
    damaged = bytes(text)
    try:
        wanted, end = json.JSONDecoder().raw_decode(damaged.decode())
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - a library's, or ours
            large.read(damaged)
        return
    if damaged[:1] in (b"{", b"["):
        assert large.read(damaged) == (wanted, len(damaged.decode()[:end].encode()))


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"0123456789",}',
        b'{"a":"0123456789","b":"0123456789",}',
        b'{,"a":"0123456789"}',
        b'["0123456789","0123456789",,"0123456789"]',
        b'["0123456789","0123456789",]',
        b'{"a":["0123456789"}',
        b'{"a":{"b":"0123456789"] }',
        b'{"a":"0123456789" "b":"0123456789"}',
        b'{"a" "b":"01234567890123456789"}',
        b'{"a":["0123456789","0123456789"] 1,"b":1}',
    ],
)
def test_text_that_is_not_json(text: bytes) -> None:
    """Wherever a piece begins and ends, what is between is read strictly."""
    with pytest.raises(ValueError):  # noqa: PT011 - a library's, or ours
        large.read(text)


def test_text_that_is_not_whole() -> None:
    """It can be told from one that is wrong: the rest may come."""
    whole = b'{"00080005":{"vr":"CS","Value":["ISO_IR 100","\\"}"]}}'
    for length in range(1, len(whole)):
        with pytest.raises(large.TextIncompleteError):
            large.read(whole[:length])


def test_depth_is_bounded() -> None:
    """Lists in lists without end are an error, and no recursion without one."""
    with pytest.raises(ValueError):  # noqa: PT011 - a library's, or ours
        large.read(b'{"a":' + b"[1," * 100_000)


@given(st.dictionaries(st.text(max_size=8), st.dictionaries(st.sampled_from(["vr", "Value"]), VALUES)))
def test_writes_what_a_library_writes(dataset: dict[str, dict[str, object]]) -> None:
    """In pieces, the same text."""
    assert b"".join(large.written(dataset)) == orjson.dumps(dataset)


def test_no_piece_is_long() -> None:
    """A sequence of many items is many pieces."""
    item = {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}
    dataset = {"00081140": {"vr": "SQ", "Value": [item] * 1_000}}

    pieces = list(large.written(dataset))

    assert json.loads(b"".join(pieces)) == dataset
    assert max(map(len, pieces)) < 2_000


def test_half_of_a_surrogate_pair_is_written() -> None:
    """As an escape: UTF-8 has no bytes for it."""
    text = b"".join(large.written({"00100010": {"vr": "PN", "Value": ["\ud800"]}}))

    assert json.loads(text) == {"00100010": {"vr": "PN", "Value": ["\ud800"]}}


@pytest.mark.parametrize("behind", [b"x", b"1", b'"'])
def test_what_is_directly_behind_a_long_value(behind: bytes) -> None:
    """Anything but a comma or an end is refused."""
    for text in (b'[["0123456789012345"]%b]', b'[["0123456789012345"]%b,1]', b'{"a":["0123456789012345"]%b,"b":1}'):
        with pytest.raises(ValueError):  # noqa: PT011 - a library's, or ours
            large.read(text % behind)
