"""Dummy items for the sequences that PS3.15 Table E.1-1 replaces (action code D).

They are legal wherever PS3.3 has the sequence, the same for every data set, and meaningless.
"""

from __future__ import annotations

from dicomveil_engine.rewriting.fields import Field, Item, code_item

_ANONYMOUS = code_item("ANONYMOUS", "99DICOMVEIL", "ANONYMOUS")

_REMOVED_TEXT = (
    Field(0x0040A010, "CS", ["CONTAINS"]),
    Field(0x0040A040, "CS", ["TEXT"]),
    Field(0x0040A043, "SQ", [], (code_item("121106", "DCM", "Comment"),)),
    Field(0x0040A160, "UT", ["ANONYMOUS"]),
)

DUMMY_ITEMS: dict[int, tuple[Item, ...]] = {
    0x0040A730: (_REMOVED_TEXT,),
    0x00700001: (
        (
            Field(0x00700002, "CS", ["ANONYMOUS"]),
            Field(
                0x00700008,
                "SQ",
                [],
                (
                    (
                        Field(0x00700003, "CS", ["PIXEL"]),
                        Field(0x00700006, "ST", ["ANONYMOUS"]),
                        Field(0x00700010, "FL", [1.0, 1.0]),
                        Field(0x00700011, "FL", [1.0, 1.0]),
                        Field(0x00700012, "CS", ["LEFT"]),
                    ),
                ),
            ),
        ),
    ),
    0x0040A073: (
        (
            Field(0x0040A027, "LO", ["ANONYMOUS"]),
            Field(0x0040A030, "DT", ["19000101000000"]),
            Field(0x0040A075, "PN", ["ANONYMOUS"]),
            Field(0x0040A088, "SQ", []),
        ),
    ),
    0x00340001: ((Field(0x00340002, "OB", b"\0\0"),),),
    0x00081072: ((Field(0x00080080, "LO", ["ANONYMOUS"]), Field(0x00401101, "SQ", [], (_ANONYMOUS,))),),
    0x0040B020: ((Field(0x0040A0B0, "US", [1, 0]), Field(0x00700006, "ST", ["ANONYMOUS"])),),
    0x00081111: ((Field(0x00081150, "UI", ["1.2.840.10008.3.1.2.3.3"]), Field(0x00081155, "UI", ["2.25.0"])),),
}
"""Sequence → its dummy items; other sequences get one meaningless code item.
(0008,1111) Referenced Performed Procedure Step Sequence is Type 1C in about sixty IODs; its dummy names no step."""


def dummy_items(tag: int) -> tuple[Item, ...]:
    """The dummy items of a sequence."""
    return DUMMY_ITEMS.get(tag, (_ANONYMOUS,))
