"""The clock takes no figure from a job that did not do its work."""

from __future__ import annotations

import os

import pytest

from bench.servers import Server
from bench.traffic import Answer, Timed, parts
from bench.turns import in_turns

_OURSELVES = Server("ourselves", "http://127.0.0.1", os.getpid())


def test_missing_byte_is_noticed() -> None:
    """A server that is quick because it sends less does not get into the table."""
    with pytest.raises(AssertionError, match="ourselves transferred 9 bytes instead of 10"):
        in_turns({_OURSELVES: 10}, lambda _: Timed(1, 9), rounds=1)


def test_median_counts() -> None:
    """One slow round changes nothing."""
    seconds = iter([3.0, 90.0, 4.0])

    assert in_turns({_OURSELVES: 8}, lambda _: Timed(next(seconds), 8), rounds=3)[0].throughput == 2


def test_answer_that_breaks_off_is_noticed() -> None:
    """The closing boundary is what says that all parts have come (RFC 2046 Section 5.1.1)."""
    content = b"--b\r\nContent-Type: application/dicom\r\n\r\n12\r\n--b"

    assert parts(Answer("multipart/related; boundary=b", content + b"--", 0)) == [b"12"]
    with pytest.raises(AssertionError, match="broken off"):
        parts(Answer("multipart/related; boundary=b", content, 0))
