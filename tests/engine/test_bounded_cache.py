"""What functions remember is bounded in number and length."""

from __future__ import annotations

import gc
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InstanceRewriter, JSONDataSet, MetadataRewriter, load_policy
from dicomveil_engine.bounded_cache import LONGEST, cached
from engine.datasets import KEY, element, header, instance

_LARGE = 1 << 18
_SPEAKING = (0x00080050, 0x00100010, 0x00100020, 0x0020000D, 0x0020000E)
"""AccessionNumber, PatientName, PatientID, Study and Series Instance UID."""


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 2)), max_size=30), st.integers(1, 4))
def test_remembered_answers_are_the_same(asked: list[tuple[str, int]], most: int) -> None:
    """Each text is answered as if it were the first."""

    @cached(most)
    def repeated(text: str, number: int) -> str:
        return text * number

    assert [repeated(text, number) for text, number in asked] == [text * number for text, number in asked]


def test_short_texts_are_answered_once() -> None:
    """So many of them; long ones each time."""
    answered: list[str] = []

    @cached(2)
    def answer(text: str) -> int:
        """How long it is."""
        answered.append(text)
        return len(text)

    long = "x" * (LONGEST + 1)
    for text in ("a", "b", "a", "b", long, long, "c", "b", "a"):
        assert answer(text) == len(text)

    assert answered == ["a", "b", long, long, "c", "a"]
    assert answer.__doc__ == "How long it is."


def test_what_a_stranger_can_make_large() -> None:
    """Values of 256 KiB, each another, in every element that says something of the whole, leave nothing in memory."""
    policy = load_policy({"profile": "default"}, KEY)
    metadata = MetadataRewriter(policy)
    tracemalloc.start()
    try:
        for number in range(3):
            long = bytes([65 + number]) * _LARGE
            elements = [header(tag, "UN", len(long)) + long for tag in _SPEAKING]
            rewriter = InstanceRewriter(policy)
            rewriter.feed(instance(*elements))
            rewriter.close()
            values: JSONDataSet = {f"{tag:08X}": {"vr": "UN", "Value": [long.decode()]} for tag in _SPEAKING}
            metadata.rewrite(values | {"00080018": {"vr": "UI", "Value": [long.decode()]}})
            del elements, long, rewriter, values
            if not number:
                gc.collect()
                before = tracemalloc.get_traced_memory()[0]
        gc.collect()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert left < _LARGE


def test_private_creators_without_end() -> None:
    """Nor do private creators; they are decided by what a legal one could have."""
    policy = load_policy({"profile": "basic", "options": ["retainSafePrivate"]}, KEY)
    tracemalloc.start()
    try:
        for number in range(12):
            creator = f"{number:02}" * 30_000
            InstanceRewriter(policy).feed(
                instance(*(element(0x00090010 + block, "LO", creator + str(block)) for block in range(16)))
                + element(0x00091001, "LO", "x")
            )
            if not number:
                before = tracemalloc.get_traced_memory()[0]
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert left < _LARGE
