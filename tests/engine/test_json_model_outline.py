"""Data sets that follow each other, read by what their texts have in common: nobody can tell."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InvalidDataSetError, JSONDataSet, ObjectStream
from dicomveil_engine.json_model.outline import Outline, Outlines

KEYS = [f"0020{number:04X}" for number in range(12)]
TRAPS = ["Dœ^Jäne", '},"00200003":{"vr":"LO"', '}},{"', "\\", "\ud800", "é" * 40, "x" * 20_000, "", "]}"]

_VALUES = st.one_of(st.sampled_from(TRAPS), st.integers(0, 30), st.floats(allow_nan=False, allow_infinity=False))
_ELEMENTS = st.one_of(
    st.fixed_dictionaries({"vr": st.just("LO"), "Value": st.lists(_VALUES, max_size=2)}),
    st.fixed_dictionaries({"vr": st.just("SQ"), "Value": st.lists(st.dictionaries(st.sampled_from(KEYS), _VALUES))}),
    st.just({"vr": "LO"}),
)


def slices(count: int, differing: tuple[str, ...] = (KEYS[3], KEYS[7])) -> list[JSONDataSet]:
    """Data sets that differ in some elements."""
    return [
        {key: {"vr": "LO", "Value": [f"{key}-{number}" if key in differing else key]} for key in KEYS}
        for number in range(count)
    ]


def text(dataset: JSONDataSet, *, indent: int | None = None) -> bytes:
    """As an origin server may write it."""
    return json.dumps(dataset, indent=indent, ensure_ascii=False).encode()


def outline(*differing: str, indent: int | None = None) -> Outline:
    """Of the first of the slices."""
    (first,) = slices(1)
    found = Outline.of(text(first, indent=indent), first, set(differing))
    assert found is not None
    return found


@given(
    st.lists(st.dictionaries(st.sampled_from(KEYS), _ELEMENTS, max_size=3), min_size=3, max_size=12),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.integers(40, 5_000),
)
def test_a_stream_of_slices(changes: list[JSONDataSet], indent: int | None, ascii_: bool, size: int) -> None:
    """Whatever changes from one to the next, however it is written and cut: what JSON says."""
    objects = [slice_ | change for slice_, change in zip(slices(len(changes)), changes, strict=True)]
    document = json.dumps(objects, indent=indent, ensure_ascii=ascii_).encode("utf-8", "ignore")
    stream = ObjectStream()
    found = [one for at in range(0, len(document), size) for one in stream.feed(document[at : at + size])]
    found += stream.close()

    assert found == json.loads(document)
    assert [list(one) for one in found] == [KEYS] * len(objects)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("differing", [(KEYS[0],), (KEYS[3], KEYS[4]), (KEYS[0], KEYS[5], KEYS[-1])])
def test_of_most_only_what_differs_is_read(differing: tuple[str, ...], indent: int | None) -> None:
    """The first, last and neighbouring elements may differ."""
    objects = slices(50, differing)
    with patch.object(Outline, "of", side_effect=Outline.of) as made:
        stream = ObjectStream()
        found = [*stream.feed(json.dumps(objects, indent=indent).encode()), *stream.close()]

    assert found == objects
    assert made.call_count <= 2
    fixed = [key for key in KEYS if key not in differing]
    assert all(found[20][key] is found[40][key] for key in fixed)
    assert all(found[20][key] is not found[40][key] for key in differing)


def test_whoever_has_a_data_set_may_change_it() -> None:
    """Members may be taken out of one; the next has them."""
    objects, stream = slices(10), ObjectStream()
    for expected in objects:
        lead = b"[" if expected is objects[0] else b","
        (found,) = stream.feed(lead + text(expected)) or stream.feed(b"")
        assert found == expected
        found.clear()


@pytest.mark.parametrize("kinds", [1, 2])
def test_no_outline_is_of_use(kinds: int) -> None:
    """Of data sets that have little in common, or come from two series in turns, few outlines are made."""
    objects = [
        slices(1)[0] | {KEYS[number // kinds % 12]: {"vr": "LO", "Value": [str(number)]}} for number in range(200)
    ]
    objects = [{**one, f"0040{number % kinds:04X}": {"vr": "LO"}} for number, one in enumerate(objects)]
    with patch.object(Outline, "of", side_effect=Outline.of) as made:
        stream = ObjectStream()
        found = [*stream.feed(json.dumps(objects).encode()), *stream.close()]

    assert found == objects
    assert made.call_count <= 8


@pytest.mark.parametrize("indent", [None, 1])
def test_what_fits(indent: int | None) -> None:
    """Another value in the place of an element; where the text ends is known, whatever follows."""
    one, two = slices(2)
    written = text(two, indent=indent)

    assert outline(KEYS[3], KEYS[7], indent=indent).read(b"[ " + written + b", {}]", 2) == (two, 2 + len(written))
    assert outline(KEYS[3], indent=indent).read(written, 0) is None
    assert outline(KEYS[3], KEYS[7], indent=indent).read(text(one, indent=indent), 0) is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1,2",
        '{"vr":"LO"},"00200099":{"vr":"LO"}',
        '{"vr":"LO"}}, {"00200000": {"vr": "LO"}',
        '{"vr":"LO"',
        '{"vr":"LO"} {}',
        '{"vr":"\ud800"}',
        "[" * 100_000,
    ],
)
def test_what_does_not_fit(value: str) -> None:
    """What is not a single value in the place of an element is not believed."""
    (first,) = slices(1)
    whole = text(first)
    broken = whole.replace(json.dumps(first[KEYS[3]]).encode(), value.encode("utf-8", "surrogatepass"))

    assert outline(KEYS[3]).read(whole, 0) is not None
    assert outline(KEYS[3]).read(broken, 0) is None


@pytest.mark.parametrize("value", ['"\x7f"', "1e999", "-0"])
def test_what_readers_differ_on(value: str) -> None:
    """What one reader of JSON takes and another does not is not a fault of the stream's."""
    objects = [text(one) for one in slices(6)]
    objects[1:] = [one.replace(b'"Value": ["0020000B"]', f'"Value": {value}'.encode()) for one in objects[1:]]
    stream = ObjectStream()

    assert len([*stream.feed(b"[" + b",".join(objects) + b"]"), *stream.close()]) == 6


def test_brackets_by_the_thousand() -> None:
    """More than one reader takes are refused, wherever they come."""
    objects = [text(one) for one in slices(6)]
    objects[1:] = [one.replace(b'["0020000B"]', b"[" * 1_000 + b"]" * 1_000) for one in objects[1:]]
    stream = ObjectStream()
    with pytest.raises(InvalidDataSetError):
        assert len([*stream.feed(b"[" + b",".join(objects) + b"]"), *stream.close()]) == 6


def test_cut_off() -> None:
    """A text that is not all there has no end yet."""
    (first,) = slices(1)
    whole = text(first)
    for length in range(len(whole)):
        assert outline(KEYS[0], KEYS[-1]).read(whole[:length], 0) is None


def test_a_key_that_comes_twice() -> None:
    """Which of the two elements counts is the reader's choice; such a text has no outline."""
    (first,) = slices(1)
    twice = text(first).replace(KEYS[5].encode(), KEYS[3].encode(), 1)

    assert Outline.of(twice, json.loads(twice), {KEYS[3]}) is None
    assert Outline.of(text(first), first, set()) is None


def test_an_outline_is_made_again_after_objects_that_differ() -> None:
    """The longer they differed, the later, but it is."""
    first = slices(1)[0][KEYS[0]]
    mixed: list[JSONDataSet] = [{KEYS[0]: first, f"0030{number:04X}": {"vr": "LO"}} for number in range(9)]
    document = json.dumps([*mixed, *slices(200)]).encode()
    found: list[object] = []
    read = Outlines.read

    def counting(outlines: Outlines, buffer: bytes, start: int) -> object:
        found.append(read(outlines, buffer, start))
        return found[-1]

    with patch.object(Outlines, "read", counting):
        stream = ObjectStream()
        assert stream.feed(document)[len(mixed) :] == slices(200)
    assert len([one for one in found if one]) > 100
