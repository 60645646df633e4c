"""JSON objects that stay text: they have the members that a library reads, and take little more memory."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InvalidDataSetError, ObjectStream
from dicomveil_engine.json_model import large
from dicomveil_engine.json_model.object_text import ArrayText, ObjectText, read
from dicomveil_engine.json_model.stream import TextStream

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner, max_size=6),
    max_leaves=30,
)


def plain(value: Any) -> Any:
    """Text as the objects that it stands for."""
    if isinstance(value, ObjectText):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, ArrayText):
        return [plain(member) for member in value]
    return value


@given(st.lists(VALUES, max_size=8) | st.dictionaries(st.text(max_size=4), VALUES, max_size=8), st.booleans())
def test_it_has_what_a_library_reads(value: object, indented: bool) -> None:
    """Whatever is long, at whatever depth; and it can be read twice."""
    text = json.dumps(value, indent=2 if indented else None).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "_PIECE", 12)
        found, end = read(b"x" + text + b",", 1)

    assert (plain(found), end) == (value, len(text) + 1)
    assert plain(found) == value


@given(
    st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=8), max_size=4),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_a_stream_gives_the_same_objects(objects: list[dict[str, Any]], size: int, cut: int) -> None:
    """As ObjectStream, from chunks of any size; and a text that is cut off is refused by both."""
    text = json.dumps(objects).encode()
    text = text[: len(text) - cut]
    results: list[object] = []
    for stream in (ObjectStream(), TextStream()):
        try:
            found: list[Any] = []
            for start in range(0, len(text), size):
                found += stream.feed(text[start : start + size])
            found += stream.close()
        except InvalidDataSetError as error:
            results.append(str(error))
        else:
            results.append([plain(each) for each in found])

    assert results[0] == results[1]
    assert cut or results[0] == objects


def test_a_long_object_takes_little_memory() -> None:
    """Some three times the text while it is read, where objects would take ten to twenty times, and once afterwards."""
    elements = {f"{0x00190000 + n:08X}": {"vr": "LO", "Value": [f"text {n}"]} for n in range(20_000)}
    text = json.dumps([elements]).encode()
    chunks = [text[start : start + (1 << 15)] for start in range(0, len(text), 1 << 15)]
    stream = TextStream()
    tracemalloc.start()
    try:
        (found,) = [each for chunk in chunks for each in stream.feed(chunk)] + stream.close()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert plain(found) == elements
    assert after < 1.5 * len(text)
    assert peak < 4 * len(text)


def test_the_text_of_an_object() -> None:
    """An object can be turned into text."""
    assert plain(ObjectText.of({"00100010": {"vr": "PN"}})) == {"00100010": {"vr": "PN"}}
    assert plain(ObjectText.of({})) == {}
