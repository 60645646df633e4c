"""A hash chain of lines: each has a keyed digest (HMAC-SHA256, RFC 2104) of itself and the previous digest.

    {"seq":0, ... ,"mac":"…"}        mac = HMAC(key, mac of the previous line ‖ the line up to its mac)

Without the key, changing, adding, removing or moving a line breaks the chain. Lines missing at its end do not: to
detect them, the *head*, i.e. number and digest of the last line, is kept elsewhere. Bytes in, bytes out; no I/O.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

BEGIN = "chain-begins"
"""The event of a chain's first line."""
CONTINUE = "chain-continues"
"""The event of the first line of a further file, which has the previous digest."""

_DIGEST_BYTES = 32
_NOTHING = bytes(_DIGEST_BYTES)
_LINE = re.compile(rb'(\{"seq":(0|[1-9][0-9]{0,17}),.*),"mac":"([0-9a-f]{64})"\}')
_HEAD = re.compile("([0-9]{1,18}):([0-9a-f]{64})")


class BrokenChain(ValueError):
    """The lines were changed, or some are missing."""


@dataclass(frozen=True)
class Head:
    """The end of a chain: its last line."""

    seq: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head from its text form. Raises ValueError."""
        if not (match := _HEAD.fullmatch(text.strip())):
            raise ValueError("--head: it is a number, a colon and 64 digits, as `dicomveil audit head` prints it")
        return cls(int(match[1]), bytes.fromhex(match[2]))


class Chain:
    """The end of a chain, to which lines are added."""

    def __init__(self, key: bytes, head: Head | None = None) -> None:
        """`head` is the head of the existing lines."""
        self._key = key
        self.head = head or Head(-1, _NOTHING)

    def line(self, fields: Mapping[str, object]) -> tuple[bytes, Head]:
        """The next line with its line break, and the head after it, for `advance` when the line has been written."""
        seq = self.head.seq + 1
        body = b'{"seq":%d,%b' % (seq, orjson.dumps(fields)[1:-1])
        mac = hmac.digest(self._key, self.head.mac + body, "sha256")
        return b'%b,"mac":"%b"}\n' % (body, mac.hex().encode()), Head(seq, mac)

    def advance(self, head: Head) -> None:
        """Set the head, after its line has been written."""
        self.head = head

    def opening(self) -> dict[str, object]:
        """The fields of a file's first line."""
        if self.head.seq < 0:
            return {"event": BEGIN}
        return {"event": CONTINUE, "after": self.head.mac.hex()}


@dataclass(frozen=True)
class Checked:
    """The result for an intact chain."""

    first: int
    head: Head
    has_head: bool
    """Whether the given head is one of its lines."""


def verify(lines: Iterable[bytes], key: bytes, head: Head | None = None, follows: Head | None = None) -> Checked:
    """Check the lines of one file, in order.

    `follows` is the head of the previous file; without it, the file may start anywhere in the chain, with the first
    line of a file. Raises BrokenChain, whose message names the line.
    """
    number, first, seen = 0, 0, False
    end = follows
    for number, line in enumerate(lines, 1):
        body, seq, mac = _parts(line, number)
        if number == 1:
            end = _start(body, seq, follows)
            first = seq
        assert end is not None
        if seq != end.seq + 1:
            raise BrokenChain(f"line {number} has the number {seq}, and {end.seq + 1} should follow")
        if not hmac.compare_digest(hmac.digest(key, end.mac + body, "sha256"), mac):
            raise BrokenChain(f"line {number} is not as it was written, or not what followed the line before it")
        end = Head(seq, mac)
        seen = seen or end == head
    if end is None or number == 0:
        raise BrokenChain("there is no line")
    if head is not None and not seen and head.seq >= first:
        missing = "is not there: lines are missing at the end" if head.seq > end.seq else "is another one"
        raise BrokenChain(f"the line of the head, number {head.seq}, {missing}")
    return Checked(first, end, seen)


def last(lines: Iterable[bytes], key: bytes) -> Head | None:
    """The head of the last line, verified with the one before it; None without lines.

    `lines` are the last two lines, or fewer if there are fewer. Raises BrokenChain.
    """
    some = list(lines)
    if not some:
        return None
    body, seq, mac = _parts(some[-1], len(some))
    if len(some) > 1:
        _, before_seq, before = _parts(some[-2], 1)
    else:
        start = _start(body, seq, None)
        before_seq, before = start.seq, start.mac
    if seq != before_seq + 1 or not hmac.compare_digest(hmac.digest(key, before + body, "sha256"), mac):
        raise BrokenChain("its last line is not as it was written, or was written with another key")
    return Head(seq, mac)


def _parts(line: bytes, number: int) -> tuple[bytes, int, bytes]:
    """The signed part, number and digest of a line."""
    match = _LINE.fullmatch(line.removesuffix(b"\n")) if line.endswith(b"\n") else None
    if match is None:
        raise BrokenChain(f"line {number} is not a line of an audit, or not a whole one")
    return match[1], int(match[2]), bytes.fromhex(match[3].decode())


def _start(body: bytes, seq: int, follows: Head | None) -> Head:
    """The head before the first line of a file. Raises BrokenChain."""
    try:
        fields = orjson.loads(body + b"}")
    except orjson.JSONDecodeError:
        fields = {}
    event = fields.get("event")
    if event == BEGIN and seq == 0 and follows is None:
        return Head(-1, _NOTHING)
    after = str(fields.get("after", ""))
    if event != CONTINUE or not re.fullmatch("[0-9a-f]{64}", after):
        raise BrokenChain("line 1 does not begin a file: lines are missing before it")
    start = Head(seq - 1, bytes.fromhex(after))
    if follows is not None and start != follows:
        raise BrokenChain("line 1 does not continue the file before it")
    return start
