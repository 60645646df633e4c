"""Bytes that wait: the same wherever they do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.wire import spool
from dicomveil_proxy.wire.spool import Spool


@given(st.lists(st.lists(st.binary(max_size=8), max_size=4), max_size=8), st.sampled_from([0, 10, 1_000]))
def test_what_goes_in_comes_out(batches: list[list[bytes]], in_memory: int) -> None:
    """In memory and in a file, as often as it is read."""
    before, spool.IN_MEMORY = spool.IN_MEMORY, in_memory
    try:
        whole = b"".join(piece for batch in batches for piece in batch)
        with Spool() as waiting:
            for batch in batches:
                waiting.add(map(memoryview, batch))
            assert waiting.size == len(whole)
            assert (waiting.pieces is None) == (len(whole) > in_memory)
            assert waiting.pieces is None or b"".join(waiting.pieces) == whole
            assert waiting.read(3) == whole[:3]
            assert waiting.tell() == len(whole[:3])
            assert waiting.read() == whole[3:]
            assert waiting.seek(0) == 0
            assert waiting.read() == whole
    finally:
        spool.IN_MEMORY = before


def test_short_instances_touch_no_disk() -> None:
    """They stay in memory in the pieces that came, and are not copied."""
    piece = b"DICM" * 100
    with Spool() as waiting:
        waiting.add([piece])

        assert waiting.pieces is not None
        assert waiting.pieces[0] is piece
