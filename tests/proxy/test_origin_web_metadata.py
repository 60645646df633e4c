"""Metadata, data set by data set: long ones in the thread for such work, short ones in the event loop."""

from __future__ import annotations

import json
import threading

import pytest

from dicomveil_engine import JSONDataSet, ObjectStream
from dicomveil_proxy.origin.web.metadata import Batch, parsed
from dicomveil_proxy.turns import LONG, Turns

pytestmark = pytest.mark.anyio


class Noted(ObjectStream):
    """Notes how many bytes were held, and whether the event loop waits, when it is fed."""

    def __init__(self) -> None:
        super().__init__(16 * LONG)
        self.fed: list[tuple[int, bool]] = []

    def feed(self, data: bytes) -> list[JSONDataSet]:
        """As any stream."""
        self.fed.append((self.held, threading.current_thread() is threading.main_thread()))
        return super().feed(data)


def document(length: int) -> bytes:
    """A data set with a text of this length."""
    return json.dumps([{"00204000": {"vr": "LT", "Value": ["x" * length]}}]).encode()


async def test_a_long_data_set_is_parsed_in_a_thread() -> None:
    """From 64 KiB on, whether it came at once or in pieces: the event loop serves others meanwhile."""
    stream, turns = Noted(), Turns()
    data = document(4 * LONG)
    found = [each for at in range(0, len(data), LONG) for each in await parsed(stream, data[at : at + LONG], turns)]

    assert len([*found, *stream.close()]) == 1
    assert {is_here for held, is_here in stream.fed if held > LONG} == {False}
    assert {is_here for held, is_here in stream.fed if held <= LONG} == {True}


async def test_a_short_data_set_is_parsed_at_once() -> None:
    """A thread would cost more than it gives."""
    stream = Noted()

    assert len(await parsed(stream, document(LONG // 4), Turns())) == 1
    assert stream.fed == [(0, True)]


@pytest.mark.parametrize(("size", "count", "are_long"), [(LONG, 1, False), (LONG + 1, 1, True), (2 * LONG, 2, False)])
def test_batches(size: int, count: int, are_long: bool) -> None:
    """Long are those whose data sets are long on average."""
    batch = Batch([{}] * count, size)

    assert (batch.are_long, batch.each) == (are_long, size // count)
