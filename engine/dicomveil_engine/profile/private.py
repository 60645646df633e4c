"""Private attributes: removed, except for the safe ones under the Retain Safe Private Option (PS3.15 Section E.3.10).

Safe are those that Table E.3.10-1 lists, and those that the instance itself declares in its Private Data Element
Characteristics Sequence (PS3.3 Section C.12.1.1.7). A safe attribute is still treated by its VR: UIDs are replaced,
dates treated like all dates, texts cleaned, sequences recursed into, and binary values removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dicomveil_engine.attributes._standard import SAFE_PRIVATE, Option
from dicomveil_engine.methods.base import BYTES_VRS, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.profile.actions import Actions, Verdict
from dicomveil_engine.profile.unlisted import method_by_vr

CHARACTERISTICS = 0x00080300
"""Private Data Element Characteristics Sequence."""
GROUP_REFERENCE = 0x00080301
CREATOR_REFERENCE = 0x00080302
STATUS = 0x00080303
NONIDENTIFYING = 0x00080304
CHARACTERISTICS_VRS = {GROUP_REFERENCE: "US", CREATOR_REFERENCE: "LO", STATUS: "CS", NONIDENTIFYING: "US"}
"""The attributes of its items that are read; elements with another VR are ignored."""
LONGEST_CREATOR = 65
"""Private creators are cut to one character more than the legal 64: they differ from every legal one."""
FIRST_BLOCK = 0x1000
"""PS3.5 Section 7.8.1: (gggg,1000) is the first element of the first private block."""


@dataclass(frozen=True)
class PrivateBlock:
    """A private block as an item of the Private Data Element Characteristics Sequence describes it."""

    group: int
    creator: str
    status: str = ""
    """(0008,0303): SAFE, UNSAFE or MIXED."""
    nonidentifying: frozenset[int] = frozenset()
    """(0008,0304) Nonidentifying Private Elements: the safe elements, by the last two digits of their tags."""

    @classmethod
    def of(cls, values: Mapping[int, Values]) -> PrivateBlock | None:
        """The block from an item's values by tag; None if the item does not identify one block."""
        group, creator = values.get(GROUP_REFERENCE, ()), values.get(CREATOR_REFERENCE, ())
        status = values.get(STATUS, ())
        if len(group) != 1 or len(creator) != 1:
            return None
        return cls(
            int(group[0]),
            str(creator[0]).strip(" \0"),
            str(status[0]).strip(" \0") if len(status) == 1 else "",
            frozenset(int(number) for number in values.get(NONIDENTIFYING, ())),
        )

    def is_about(self, tag: int, creator: str | None) -> bool:
        """Whether the element is in this block."""
        return self.group == tag >> 16 and self.creator == creator

    def declares_safe(self, tag: int) -> bool:
        """Whether the item declares an element of the block to be non-identifying."""
        return self.status == "SAFE" or (self.status == "MIXED" and tag & 0xFF in self.nonidentifying)


def is_declared_safe(blocks: Iterable[PrivateBlock], tag: int, creator: str | None) -> bool:
    """Whether an instance declares an element safe; contradictory items do not count."""
    said = [block.declares_safe(tag) for block in blocks if block.is_about(tag, creator)]
    return bool(said) and all(said)


def decide_private(actions: Actions, tag: int, vr: str, creator: str | None, *, declared: bool) -> Verdict:
    """The verdict on a private attribute; `declared` if its instance declares it safe."""
    if Option.RETAIN_SAFE_PRIVATE not in actions.options or not creator or tag & 0xFFFF < FIRST_BLOCK:
        return Verdict(actions.remove, "PS3.15 Table E.1-1, private attributes: X")
    listed = SAFE_PRIVATE.vrs_of(tag, creator)
    if listed is None and not declared:
        return Verdict(actions.remove, "PS3.15 Table E.1-1, private attributes: X, since not known to be safe")
    because = "PS3.15 Table E.3.10-1" if listed is not None else "declared in (0008,0300)"
    method = _method(actions, tag, vr)
    if listed and not declared and method not in [_method(actions, tag, one) for one in listed]:
        return Verdict(actions.remove, f"{because}: {vr} where the table has {' or '.join(listed)}")
    return Verdict(method, f"{because}, safe private: {vr}")


def _method(actions: Actions, tag: int, vr: str) -> Method:
    if vr in BYTES_VRS:
        # Some of the listed attributes hold whole files with patients' names.
        return actions.remove
    method = method_by_vr(actions, tag, vr)
    # No IOD requires a private attribute, so that it can be removed instead of emptied.
    return actions.remove if method.effect(vr) is Effect.EMPTY else method
