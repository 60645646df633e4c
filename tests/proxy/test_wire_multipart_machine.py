"""Multipart as a state machine: a writer, a reader, and a wire between them that delivers some bytes now and then."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.wire.multipart import MultipartReader, MultipartWriter, PartData, PartEnd, PartStart

BOUNDARY = b"boundary"
NEARLY = (b"\r\n--boundar", b"--", b"\r", b"\r\n", b"\r\n--", b"-", b"\r\n\r\n", b"boundary")
"""What is nearly a delimiter; no two of them together are one where another byte stands between them."""
contents = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from(NEARLY), max_size=6).map(b"x".join))


class Wire(RuleBasedStateMachine):
    """Parts go in on one side; on the other they come out, the same ones, cut anywhere."""

    most_parts: ClassVar[int] = 8

    def __init__(self) -> None:
        super().__init__()
        self.writer = MultipartWriter(BOUNDARY, "application/dicom")
        self.reader = MultipartReader(BOUNDARY)
        self.under_way = b""
        self.sent: list[tuple[str, bytes]] = []
        self.got: list[tuple[str, bytes]] = []
        self.complete = 0
        self.is_closed = False

    @precondition(lambda self: not self.is_closed and len(self.sent) < self.most_parts)
    @rule(content=contents, name=st.text("abc/-", min_size=1, max_size=5), counted=st.booleans())
    def send(self, content: bytes, name: str, counted: bool) -> None:
        """Write a part, with its length or without."""
        headers = {"X-Name": name} | ({"Content-Length": str(len(content))} if counted else {})
        self.under_way += self.writer.head(headers) + content
        self.sent.append((name, content))

    @precondition(lambda self: not self.is_closed)
    @rule()
    def close(self) -> None:
        """Write the end."""
        self.under_way += self.writer.close()
        self.is_closed = True

    @rule(size=st.integers(1, 60))
    def deliver(self, size: int) -> None:
        """Let some bytes arrive."""
        chunk, self.under_way = self.under_way[:size], self.under_way[size:]
        for event in self.reader.feed(chunk):
            if isinstance(event, PartStart):
                assert event.headers["content-type"] == "application/dicom"
                self.got.append((event.headers["x-name"], b""))
            elif isinstance(event, PartData):
                name, content = self.got[-1]
                self.got[-1] = (name, content + bytes(event.data))
            elif isinstance(event, PartEnd):
                self.complete += 1

    @invariant()
    def nothing_is_made_up(self) -> None:
        """What came out so far is the beginning of what went in."""
        assert self.got[: self.complete] == self.sent[: self.complete]
        assert len(self.got) <= self.complete + 1
        if len(self.got) > self.complete:
            (name, content), sent = self.got[-1], self.sent[self.complete]
            assert (name, sent[1].startswith(content)) == (sent[0], True)

    def teardown(self) -> None:
        """All that was sent arrives; and only a body that was closed has an end."""
        while self.under_way:
            self.deliver(60)
        if self.is_closed:
            self.reader.close()
            assert self.got == self.sent
        else:
            with pytest.raises(OriginMalformed):
                self.reader.close()


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=settings().max_examples, stateful_step_count=20)
