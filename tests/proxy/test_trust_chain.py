"""The chain of an audit: whatever is done to its lines is found, but what is cut off at the end without a head."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.trust.chain import BrokenChain, Chain, Head, last, verify

KEY, OTHER_KEY = bytes(32), bytes(range(32))


def written(count: int = 9, key: bytes = KEY, first: dict[str, object] | None = None) -> list[bytes]:
    """A chain of so many lines."""
    chain = Chain(key)
    lines: list[bytes] = []
    for number in range(count):
        fields = chain.opening() if number == 0 else {"event": "access", "subject": f"token:{number}"}
        line, head = chain.line(fields if first is None or number else first)
        chain.advance(head)
        lines.append(line)
    return lines


LINES = written()
HEAD = verify(LINES, KEY).head


def resealed(lines: list[bytes]) -> list[bytes]:
    """The same events, signed anew by somebody who does not have the key."""
    chain = Chain(OTHER_KEY)
    new = []
    for number in range(len(lines)):
        line, head = chain.line(chain.opening() if number == 0 else {"event": "access", "subject": "token:x"})
        chain.advance(head)
        new.append(line)
    return new


MANIPULATIONS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a value is changed": lambda lines: [*lines[:4], lines[4].replace(b"token:4", b"token:5"), *lines[5:]],
    "a line is deleted": lambda lines: lines[:4] + lines[5:],
    "the first line is deleted": lambda lines: lines[1:],
    "the first half is deleted": lambda lines: lines[5:],
    "two lines are exchanged": lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
    "a line is repeated": lambda lines: [*lines[:5], *lines[4:]],
    "a line is added": lambda lines: [*lines, b'{"seq":9,"event":"access","mac":"' + b"0" * 64 + b'"}\n'],
    "a line of another chain is put in": lambda lines: [*lines[:4], written(9, OTHER_KEY)[4], *lines[5:]],
    "the numbers are closed up": lambda lines: [
        *lines[:4],
        *(
            line.replace(b'"seq":%d' % number, b'"seq":%d' % (number - 1))
            for number, line in enumerate(lines)
            if number > 4
        ),
    ],
    "a digest is changed": lambda lines: [
        *lines[:4],
        lines[4].replace(b'"mac":"', b'"mac":"00')[:-5] + b'"}\n',
        *lines[5:],
    ],
    "all is signed with another key": resealed,
    "it is written differently": lambda lines: [*lines[:4], lines[4].replace(b'","', b'", "', 1), *lines[5:]],
    "a field is given twice": lambda lines: [
        *lines[:4],
        lines[4].replace(b"{", b'{"seq":4,'),
        *lines[5:],
    ],
    "the last line is cut short": lambda lines: [*lines[:-1], lines[-1][:-9]],
    "an empty line is put in": lambda lines: [*lines[:4], b"\n", *lines[4:]],
    "everything is deleted": lambda lines: [],
}


@pytest.mark.parametrize("manipulation", MANIPULATIONS.values(), ids=MANIPULATIONS)
def test_every_manipulation_is_found(manipulation: Callable[[list[bytes]], list[bytes]]) -> None:
    """Without a head."""
    changed = manipulation(LINES)
    assert changed != LINES
    with pytest.raises(BrokenChain):
        verify(changed, KEY)


def test_a_chain_that_nobody_touched() -> None:
    """With its head, with an earlier one, and without."""
    early = verify(LINES[:5], KEY).head

    assert verify(LINES, KEY).first == 0
    assert verify(LINES, KEY, HEAD).has_head
    assert verify(LINES, KEY, early).has_head


@pytest.mark.parametrize("kept", range(1, len(LINES)))
def test_a_tail_that_is_cut_off(kept: int) -> None:
    """Is found with a head, and cannot be found without: this is what heads are for."""
    verify(LINES[:kept], KEY)
    with pytest.raises(BrokenChain, match="lines are missing at the end"):
        verify(LINES[:kept], KEY, HEAD)


def test_a_tail_that_was_written_anew() -> None:
    """As somebody with the key could: another head at the same place."""
    other = written(9, first={"event": "chain-begins", "note": 1})
    with pytest.raises(BrokenChain, match="is another one"):
        verify(other, KEY, HEAD)


@given(st.data())
def test_any_byte(data: st.DataObject) -> None:
    """Whichever byte of whichever line is changed, added or dropped."""
    whole = b"".join(LINES)
    place = data.draw(st.integers(0, len(whole) - 1))
    new = data.draw(st.binary(max_size=3))
    changed = whole[:place] + new + whole[place + 1 :]
    if changed != whole:
        with pytest.raises(BrokenChain):
            verify(changed.splitlines(keepends=True), KEY)


def test_the_next_file_continues() -> None:
    """It says after which line, and begins only there."""
    chain = Chain(KEY, HEAD)
    line, head = chain.line(chain.opening())
    chain.advance(head)
    more, end = chain.line({"event": "access"})

    assert verify([line, more], KEY, follows=HEAD).head == end
    assert verify([line, more], KEY).first == HEAD.seq + 1
    with pytest.raises(BrokenChain, match="line 1 does not begin a file"):
        verify([more], KEY)
    with pytest.raises(BrokenChain, match="does not continue the file before it"):
        verify([line, more], KEY, follows=verify(LINES[:5], KEY).head)
    with pytest.raises(BrokenChain):
        verify([line, LINES[1]], KEY)


def test_the_end_of_a_file() -> None:
    """Is known from its last two lines, and believed only if they fit."""
    assert last(LINES[-2:], KEY) == HEAD
    assert last(LINES[:1], KEY) == verify(LINES[:1], KEY).head
    assert last([], KEY) is None
    for lines, key in ((LINES[-1:], KEY), ([LINES[3], LINES[5]], KEY), (LINES[-2:], OTHER_KEY), ([b"x\n"], KEY)):
        with pytest.raises(BrokenChain):
            last(lines, key)


@pytest.mark.parametrize("text", ["", "1", "1:ab", f"{HEAD}0", f"x{HEAD}"])
def test_what_is_not_a_head(text: str) -> None:
    """What `str` writes is read again, and nothing else."""
    assert Head.parse(f" {HEAD}\n") == HEAD
    with pytest.raises(ValueError, match="--head"):
        Head.parse(text)
