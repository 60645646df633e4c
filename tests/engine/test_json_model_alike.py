"""Where consecutive data sets differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.json_model.alike import differing
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
