"""A JSON array of data sets, from chunks of any size."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InvalidDataSetError, ObjectStream

OBJECTS = [{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Dœ^Jäne}]"}]}}, {}, {"00080060": {"vr": "CS"}}]
DOCUMENT = json.dumps(OBJECTS, ensure_ascii=False).encode()


def split(document: bytes, size: int) -> list[dict[str, dict[str, object]]]:
    stream = ObjectStream()
    out = [one for at in range(0, len(document), size) for one in stream.feed(document[at : at + size])]
    return [*out, *stream.close()]


@given(st.integers(1, 200))
def test_any_chunks(size: int) -> None:
    """The same objects, wherever the document is cut, in the middle of a character too."""
    assert split(DOCUMENT, size) == OBJECTS


_TEXTS = st.sampled_from(["Dœ^Jäne", '},{"00080005"', '"},{"', "\\", "\ud800", "x" * 300])
_ITEMS = st.recursive(
    st.fixed_dictionaries({"00080005": st.fixed_dictionaries({"Value": st.lists(_TEXTS, max_size=2)})}),
    lambda items: st.dictionaries(
        st.sampled_from(["00080005", "00081140"]), st.fixed_dictionaries({"Value": st.lists(items, max_size=3)})
    ),
    max_leaves=6,
)


@given(st.lists(_ITEMS, max_size=6), st.sampled_from([None, 1]), st.booleans(), st.integers(1, 900))
def test_objects_that_look_alike(objects: list[dict[str, object]], indent: int | None, ascii_: bool, size: int) -> None:
    """Objects are told apart although what stands between them stands in them, too."""
    text = json.dumps(objects, indent=indent, ensure_ascii=ascii_, separators=(",", ":"))
    document = text.encode("utf-8", "ignore")

    assert split(document, size) == json.loads(document)


@pytest.mark.parametrize(("document", "objects"), [(b"[]", 0), (b" [ ] \n", 0), (b"[{}]", 1), (b"[ {} ,\r\n{}\t]", 2)])
def test_blanks(document: bytes, objects: int) -> None:
    """Blanks mean nothing, and an array may be empty."""
    for size in (1, 100):
        assert len(split(document, size)) == objects


def test_as_soon_as_complete() -> None:
    """An object is there as soon as its last character is."""
    stream = ObjectStream()

    assert stream.feed(b'[{"a": {}}') == [{"a": {}}]
    assert stream.feed(b", {") == []
    assert stream.feed(b"}") == [{}]
    assert stream.feed(b"]") == []
    assert stream.close() == []


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[",
        b"[{}",
        b"[{},",
        b"[{},]",
        b"[{}{}]",
        b"{}",
        b"[1]",
        b"[[]]",
        b"[{}] x",
        b'[{"a":}]',
        b"[,{}]",
        b"\xff[]",
    ],
)
def test_refused(document: bytes) -> None:
    """What is not an array of objects, or is cut off, is refused, however it is cut."""
    for size in (1, 100):
        with pytest.raises(InvalidDataSetError):
            split(document, size)


def test_limit() -> None:
    """One object's size is bounded; that of the array is not."""
    stream = ObjectStream(limit=1000)
    stream.feed(b"[")
    for _ in range(100):
        stream.feed(b'{"a": {}},' * 50)
    with pytest.raises(InvalidDataSetError, match="longer than 1000 bytes"):
        stream.feed(b'{"a": {"b": "' + b"x" * 1000)


def test_deep_nesting() -> None:
    """Brackets without end are refused, and do not exhaust the stack."""
    with pytest.raises(InvalidDataSetError):
        split(b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", 1 << 20)


@pytest.mark.parametrize("before", [0, 3])
def test_number_without_end(before: int) -> None:
    """A number whose reading would take long is refused, wherever it stands."""
    objects = ['{"00200013": {"Value": [1]}}'] * before
    document = ",".join([*objects, objects[0].replace("1]", "9" * 5_000 + "]") if objects else '{"a":' + "9" * 5_000])
    with pytest.raises(InvalidDataSetError, match="number"):
        split(f"[{document}}}]".encode(), 1 << 20)


def test_large_object_in_small_pieces() -> None:
    """An object of some hundred kilobytes in pieces is not parsed at every piece."""
    large = json.dumps([{"a": {"vr": "LO", "Value": ["x" * 50] * 5_000}}]).encode()

    assert len(split(large, 500)) == 1


def test_many_objects_at_once() -> None:
    """What is behind an object is not read again for each: the work grows with the length, not with its square."""
    document = b"[" + b"{},\n" * 300_000 + b"{}]"
    decoded, decode = 0, codecs.utf_8_decode

    def counting(data: memoryview, errors: str, final: bool) -> tuple[str, int]:
        nonlocal decoded
        decoded += len(data)
        return decode(data, errors, final)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codecs, "utf_8_decode", counting)
        assert len(split(document, len(document))) == 300_001

    assert decoded < 300_001 * 5_000


@pytest.mark.parametrize("text", ["x" * 3_000_000, '{"' * 500_000, "ä" * 1_000_000])
def test_long_objects(text: str) -> None:
    """An object that is long is the same, in pieces of any size; and what is broken in it is found."""
    objects = [{"00080005": {"vr": "UT", "Value": [text, "y"]}}, {}, {"00081140": {"Value": [{"a": text}] * 2}}]
    document = json.dumps(objects, ensure_ascii=False).encode()

    assert split(document, 100_000) == split(document, len(document)) == objects
    with pytest.raises(InvalidDataSetError):
        split(document.replace(b'"y"', b'"y",'), 100_000)


def test_an_object_in_small_pieces_is_tried_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each doubling of what is held, so that the work grows with the length, not with its square."""
    tried: list[int] = []
    within = ObjectStream._next

    def counting(stream: ObjectStream, start: int) -> object:
        tried.append(stream.held - start)
        return within(stream, start)

    monkeypatch.setattr(ObjectStream, "_next", counting)
    document = json.dumps([{"00080005": {"vr": "LO", "Value": ["x" * 50] * 20_000}}]).encode()

    assert len(split(document, 1 << 13)) == 1
    assert len([held for held in tried if held > 1 << 16]) < 8


@pytest.mark.parametrize("before", [b"", b'{"a": 1}, {"a": 1}, {"a": 1}, '])
@pytest.mark.parametrize("text", [b"\xff", b"\xff" * (1 << 13), b"\xff" * (1 << 17)])
def test_not_utf_8(before: bytes, text: bytes) -> None:
    """Refused with its reason, whatever the length of the object, and wherever it is."""
    with pytest.raises(InvalidDataSetError, match="not UTF-8"):
        split(b'[%b{"a": "%b"}]' % (before, text), 1 << 20)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=12), st.integers(1, 3_000))
def test_short_objects_after_long_ones(kinds: list[int], size: int) -> None:
    """Data sets that are shorter than those before them come, too: at the latest when the array ends."""
    objects: list[dict[str, object]] = [
        {f"0018{1000 + n}": {"vr": "DS", "Value": [n or at]} for n in range(60)}
        if kind
        else {"00080018": {"vr": "UI", "Value": [f"1.2.3.{at}"]}}
        for at, kind in enumerate(kinds)
    ]
    document = json.dumps(objects, separators=(",", ":")).encode()

    assert split(document, size) == objects


def test_the_beginning_of_a_data_set_is_not_tried() -> None:
    """Parsing it would be in vain, once for each chunk; once it may be complete, it is."""
    alike = [
        {"00080018": {"vr": "UI", "Value": [f"1.2.3.{at}"]}}
        | {f"0018{1000 + n}": {"vr": "DS", "Value": [n]} for n in range(60)}
        for at in range(8)
    ]
    text = json.dumps(alike, separators=(",", ":")).encode()
    stream, tried = ObjectStream(), list[int]()
    sixth, seventh = text.index(b'"1.2.3.6"'), text.index(b'"1.2.3.7"')
    assert len(stream.feed(text[:sixth])) == 6
    stream._short = tried.append  # type: ignore[method-assign, assignment]

    assert (len(stream.feed(text[sixth:seventh])), tried) == (1, [])
    assert (stream.feed(text[seventh:-1] + b","), tried) == (alike[7:], [])
