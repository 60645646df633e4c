"""The streamed reader of JSON as a state machine: a document is written in pieces of any size, with any blanks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dicomveil_engine import InvalidDataSetError, ObjectStream

BLANKS = st.text(" \t\r\n", max_size=3)
texts = st.one_of(st.text(max_size=8), st.sampled_from(['"', "\\", "}{", "],[", '\\"}', "\u2028", "\U0001f600"]))
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(texts, st.integers(-10, 10), st.floats(-1e6, 1e6), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
objects = st.dictionaries(
    st.sampled_from(["00080018", "00100010", "0020000D", "00400275"]),
    st.fixed_dictionaries({"vr": st.sampled_from(["PN", "SQ", "UI"]), "Value": st.lists(values, max_size=3)}),
    max_size=4,
)


class Document(RuleBasedStateMachine):
    """An array that grows on one side, and is read on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = ObjectStream()
        self.under_way = b"["
        self.written: list[dict[str, Any]] = []
        self.read: list[Any] = []
        self.is_closed = False

    @precondition(lambda self: not self.is_closed)
    @rule(new=objects, before=BLANKS, after=BLANKS, is_ascii=st.booleans(), indent=st.sampled_from([None, 1]))
    def write(self, new: dict[str, Any], before: str, after: str, is_ascii: bool, indent: int | None) -> None:
        """One more object, in any of JSON's spellings."""
        text = json.dumps(new, ensure_ascii=is_ascii, indent=indent)
        comma = "," if self.written else ""
        self.under_way += f"{before}{comma}{after}{text}{before}".encode()
        self.written.append(new)

    @precondition(lambda self: not self.is_closed)
    @rule(blanks=BLANKS)
    def end(self, blanks: str) -> None:
        """The array's end."""
        self.under_way += f"{blanks}]{blanks}".encode()
        self.is_closed = True

    @rule(size=st.integers(1, 80))
    def deliver(self, size: int) -> None:
        """Some bytes arrive; a character may be cut in the middle."""
        chunk, self.under_way = self.under_way[:size], self.under_way[size:]
        self.read += self.stream.feed(chunk)

    @invariant()
    def nothing_is_made_up(self) -> None:
        """What was read is the beginning of what was written."""
        assert self.read == self.written[: len(self.read)]

    def teardown(self) -> None:
        """All comes out, if there is an end; and a document without one is refused."""
        while self.under_way:
            self.deliver(80)
        if self.is_closed:
            self.read += self.stream.close()
            assert self.read == self.written
        else:
            with pytest.raises(InvalidDataSetError):
                self.stream.close()


TestDocument = Document.TestCase
TestDocument.settings = settings(max_examples=settings().max_examples, stateful_step_count=20)
