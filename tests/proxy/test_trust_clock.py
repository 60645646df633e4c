"""The clock that never goes back: it follows the machine's forwards, and its own pace otherwise."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.trust.clock import ForwardClock


class Machine:
    """A machine's two clocks."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.monotonic = 10.0

    def pass_by(self, seconds: float, *, set_by: float = 0.0) -> None:
        """Let time pass, and somebody set the clock."""
        self.monotonic += seconds
        self.wall += seconds + set_by

    def clock(self) -> ForwardClock:
        """One over these."""
        return ForwardClock(lambda: self.wall, lambda: self.monotonic)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e6, 1e6)), max_size=20))
def test_it_never_goes_back(steps: list[tuple[float, float]]) -> None:
    """Nor does it stand still, nor is it behind the machine's."""
    machine = Machine()
    clock = machine.clock()
    last = clock()
    for seconds, set_by in steps:
        machine.pass_by(seconds, set_by=set_by)
        now = clock()
        assert now >= last + seconds - 1e-3
        assert now >= machine.wall
        last = now


def test_it_follows_the_machine() -> None:
    """Forwards, and again when the machine's clock has caught up."""
    machine = Machine()
    clock = machine.clock()
    machine.pass_by(1, set_by=3600)
    assert clock() == machine.wall
    machine.pass_by(1, set_by=-60)
    assert clock() == machine.wall + 60
    machine.pass_by(30, set_by=70)
    assert clock() == machine.wall


def test_it_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    """When the clock was set back; not for what time servers do all day."""
    machine = Machine()
    clock = machine.clock()
    machine.pass_by(1, set_by=-2)
    clock()
    assert caplog.records == []
    machine.pass_by(1, set_by=-7200)
    with caplog.at_level(logging.WARNING):
        clock()
        clock()
    (record,) = caplog.records

    assert "restart the server" in record.getMessage()
