"""Where consecutive data sets differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.json_model.alike import AlikeDataSet, Pattern, differing, pattern_of, share
from dicomveil_engine.json_model.values import JSONDataSet

_ELEMENTS: list[dict[str, object]] = [{"vr": "CS", "Value": [term]} for term in ("A", "A", "B")]
_KEYS = ["00080060", "00100010", "00180015", "00200011"]
_DATASETS = st.permutations(_KEYS).flatmap(
    lambda keys: st.lists(st.sampled_from(_ELEMENTS), max_size=4).map(lambda some: dict(zip(keys, some, strict=False)))
)


@given(_DATASETS, _DATASETS)
def test_differing(one: JSONDataSet, other: JSONDataSet) -> None:
    """All keys whose elements are other objects, be they equal or not, and no others; nothing if the keys differ."""
    found = differing(one, other)

    if list(one) != list(other):
        assert found is None
    else:
        assert found == [key for key in one if one[key] is not other[key]]


def test_of_itself() -> None:
    """Nothing differs."""
    assert differing({"00080060": _ELEMENTS[0]}, {"00080060": _ELEMENTS[0]}) == []


@given(st.lists(st.sampled_from(_KEYS), unique=True), st.data())
def test_what_follows_a_pattern(varying: list[str], data: st.DataObject) -> None:
    """The answers are those for the same elements without a pattern."""
    common: JSONDataSet = {key: {"vr": "CS", "Value": [key]} for key in _KEYS}
    pattern = Pattern([key for key in _KEYS if key in varying])
    some = st.fixed_dictionaries({key: st.sampled_from(_ELEMENTS) for key in pattern.keys})
    one, other = common | data.draw(some), common | data.draw(some)
    alike, before = AlikeDataSet(one, pattern), AlikeDataSet(other, pattern)

    assert alike == one
    assert pattern_of(alike) is pattern
    assert pattern_of(one) is None
    assert differing(alike, before) == differing(one, other) == differing(alike, other)
    for keys in (frozenset(_KEYS[:2]), frozenset(varying), frozenset(("00080001",)), frozenset(_KEYS)):
        assert share(alike, before, keys) == share(one, other, keys) == share(one, before, keys)


def test_another_pattern_says_nothing() -> None:
    """Data sets of two outlines may differ anywhere."""
    one = AlikeDataSet({"00080060": {"vr": "CS"}}, Pattern([]))
    other = AlikeDataSet({"00080060": {"vr": "CS"}}, Pattern([]))

    assert differing(one, other) == ["00080060"]
    assert not share(one, other, frozenset(("00080060",)))
    assert share(one, one, frozenset(("00080060",)))
