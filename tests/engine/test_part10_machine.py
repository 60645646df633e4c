"""Part 10 as a state machine: a data set is built element by element, and read in pieces of any size."""

from __future__ import annotations

from io import BytesIO
from typing import ClassVar, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pydicom import dcmread

from dicomveil_engine import EngineError, InstanceRewriter, deidentify_instance
from engine.datasets import SYNTAXES, encoded, instance, preset

NAME, NUMBER, PLACE = "Zaphod^Sentinel", "SENTINEL-77", "Sentinel Hospital"
TEXTS: dict[int, tuple[str, str]] = {
    0x00080050: ("SH", NUMBER),
    0x00080080: ("LO", PLACE),
    0x00080090: ("PN", NAME),
    0x00081030: ("LO", f"CT of {NUMBER}"),
    0x00100010: ("PN", NAME),
    0x00100020: ("LO", NUMBER),
    0x00104000: ("LT", f"{NAME} was here"),
    0x00180015: ("CS", "KNEE"),
    0x00200010: ("SH", NUMBER),
    0x00080020: ("DA", "20200102"),
    0x00080060: ("CS", "CT"),
    0x00280010: ("US", "2"),
}
SEQUENCES = (0x00081140, 0x00400275, 0x0040A730, 0x00081032)


class Building(RuleBasedStateMachine):
    """A tree of elements, with a place in it where the next one is put."""

    deepest: ClassVar[int] = 4

    @initialize(syntax=st.sampled_from(SYNTAXES), is_open=st.booleans())
    def begin(self, syntax: str, is_open: bool) -> None:
        """An instance has these, and an encoding."""
        self.syntax, self.is_open = syntax, is_open
        self.top: dict[int, tuple[str, object]] = {
            0x00080018: ("UI", "1.2.3.9"),
            0x0020000D: ("UI", "1.2.3"),
            0x0020000E: ("UI", "1.2.3.4"),
        }
        self.places = [self.top]

    @rule(tag=st.sampled_from(sorted(TEXTS)))
    def add(self, tag: int) -> None:
        """An element that identifies, or one that does not."""
        vr, value = TEXTS[tag]
        self.places[-1][tag] = (vr, b"\2\0") if vr == "US" else (vr, value)

    @rule(block=st.integers(0x10, 0x12), element=st.integers(0, 3))
    def add_private(self, block: int, element: int) -> None:
        """A private block."""
        self.places[-1][0x00290000 | block] = ("LO", f"MAKER {block}")
        self.places[-1][0x00290000 | block << 8 | element] = ("LO", NUMBER)

    @precondition(lambda self: len(self.places) < self.deepest)
    @rule(tag=st.sampled_from(SEQUENCES))
    def go_down(self, tag: int) -> None:
        """Into a new item."""
        new: dict[int, tuple[str, object]] = {}
        found = self.places[-1].get(tag)
        items = [*cast("list[object]", found[1]), new] if found else [new]
        self.places[-1][tag] = ("SQ", items)
        self.places.append(new)

    @precondition(lambda self: len(self.places) > 1)
    @rule()
    def go_up(self) -> None:
        """Out of the item."""
        self.places.pop()

    @rule(sizes=st.lists(st.integers(1, 90), min_size=1, max_size=40))
    def read(self, sizes: list[int]) -> None:
        """Whole and in pieces it comes out the same, without what identifies; cut off, it does not come out."""
        data = instance(encoded(dict(sorted(self.top.items())), self.syntax, is_open=self.is_open), syntax=self.syntax)
        policy = preset("basic")
        whole = deidentify_instance(data, policy)
        rewriter, at, pieces = InstanceRewriter(policy), 0, []
        for size in [*sizes, len(data)]:
            pieces += [bytes(chunk) for chunk in rewriter.feed(data[at : at + size])]
            at += size
        pieces += [bytes(chunk) for chunk in rewriter.close()]

        assert b"".join(pieces) == whole
        read = dcmread(BytesIO(whole))
        assert not any("sentinel" in str(element.value).lower() for element in read.iterall() if element.VR != "SQ")
        self._half(data)

    def _half(self, data: bytes) -> None:
        rewriter = InstanceRewriter(preset("basic"))
        try:
            made = b"".join(bytes(chunk) for chunk in [*rewriter.feed(data[: len(data) * 2 // 3]), *rewriter.close()])
        except EngineError:
            return
        assert b"entinel" not in made
        assert b"SENTINEL" not in made


TestBuilding = Building.TestCase
TestBuilding.settings = settings(max_examples=settings().max_examples, stateful_step_count=25)
