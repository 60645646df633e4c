"""Decision → treatment: what a rewriter does with an element, in the same words for both encodings.

    method ── effect on the VR ──► treatment ──► part10: a kind of the walker
                                             └─► json_model: what is written in the element's place

A method says what it does (`methods.effect`); here is what that means for an element. An encoding maps treatments to
its own notation and asks nothing else of a method.
"""

from __future__ import annotations

from enum import Enum

from dicomveil_engine.methods.base import BYTES_VRS, Context, Element, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.rewriting.deidentification_attributes import METHOD_CODES, METHOD_TEXT


class Treatment(Enum):
    """What is done with an element."""

    KEEP = "keep"
    """It comes out as it came."""
    KEEP_UNREAD = "keep unread"
    """For VR UN: as it came, unless items can be read in it, to which the policy applies (PS3.5 Section 6.2.2)."""
    CHECKED_KEEP = "keep, but check the value"
    """As it came where the value is legal and names nobody of the data set, else emptied (`checking`)."""
    DROP = "drop"
    EMPTY = "empty"
    CONSTANT = "constant"
    """Replaced by what is the same in every data set: `constant_of`, or for a sequence the dummy items."""
    REPLACE_UIDS = "replace UIDs"
    """Act at once: it follows from the value alone."""
    APPLY = "apply"
    """Act when the header is known: dates move by what a later element says, texts lose the words of later names."""
    CHOOSE = "choose"
    """Drop, empty or constant: chosen when the SOP Class is known."""
    RECURSE = "recurse"
    """The sequence stays, and its elements are decided one by one."""
    JUDGE_ITEMS = "judge items"
    """The sequence stays, and each content item is judged, then cleaned (PS3.15 Section E.3.4)."""
    ADD_TEXT = "add the text"
    """(0012,0063): the earlier texts stay, cleaned, and ours is added."""
    ADD_CODES = "add the codes"
    """(0012,0064): the earlier items stay, and ours are added."""


_OF_VALUES = {
    Effect.KEEP: Treatment.KEEP,
    Effect.JUDGE_ITEMS: Treatment.KEEP,
    Effect.CHECK: Treatment.APPLY,
    Effect.REMOVE: Treatment.DROP,
    Effect.EMPTY: Treatment.EMPTY,
    Effect.CONSTANT: Treatment.CONSTANT,
    Effect.UID_PSEUDONYM: Treatment.REPLACE_UIDS,
    Effect.PATIENT_PSEUDONYM: Treatment.APPLY,
    Effect.REPLACE: Treatment.APPLY,
    Effect.CHANGE: Treatment.APPLY,
    Effect.BY_TYPE: Treatment.CHOOSE,
    Effect.REFUSE: Treatment.APPLY,
}
"""What a method's effect means for an element with a value."""

_OF_SEQUENCES = _OF_VALUES | {
    Effect.KEEP: Treatment.RECURSE,
    Effect.JUDGE_ITEMS: Treatment.JUDGE_ITEMS,
}
"""What it means for a sequence."""


def treatment_of(method: Method, vr: str, *, is_checked: bool = False) -> Treatment:
    """What is done with elements of this (effective) VR by this method; `is_checked` as in a decision."""
    if vr == "SQ":
        return _OF_SEQUENCES[method.effect(vr)]
    treatment = _OF_VALUES[method.effect(vr)]
    if treatment is not Treatment.KEEP:
        return treatment
    if vr == "UN":
        return Treatment.KEEP_UNREAD
    return Treatment.CHECKED_KEEP if is_checked else treatment


def treatment_of_method_text(tag: int, vr: str) -> Treatment:
    """What is done with a de-identification attribute of earlier times, where ours are written (PS3.15 E.1.1)."""
    if tag == METHOD_TEXT and vr == "LO":
        return Treatment.ADD_TEXT
    return Treatment.ADD_CODES if tag == METHOD_CODES and vr == "SQ" else Treatment.DROP


def constant_of(method: Method, tag: int, vr: str) -> Values:
    """What a method puts in the place of every element with this tag and VR; not for sequences."""
    empty: Values = b"" if vr in BYTES_VRS else []
    return method.apply(Element(tag, vr, empty), Context()) or empty
