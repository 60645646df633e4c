"""Decision → treatment: what a rewriter does with an element, defined once for both encodings.

    method ── effect on the VR ──► treatment ──► part10: a kind of the walker
                                             └─► json_model: what is written in the element's place

A method states its effect (`methods.effect`); a treatment is what that means for an element of a VR. Each encoding
implements treatments and needs to know nothing else of a method.
"""

from __future__ import annotations

from enum import Enum

from dicomveil_engine.methods.base import BYTES_VRS, Context, Element, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.rewriting.deidentification_attributes import METHOD_CODES, METHOD_TEXT


class Treatment(Enum):
    """What is done with an element."""

    KEEP = "keep"
    """Unchanged."""
    KEEP_UNREAD = "keep unread"
    """For VR UN: unchanged, unless it holds items, to which the policy is applied (PS3.5 Section 6.2.2)."""
    CHECKED_KEEP = "keep, but check the value"
    """Unchanged if the value is legal and does not identify the patient, else emptied (`checking`)."""
    DROP = "drop"
    EMPTY = "empty"
    CONSTANT = "constant"
    """Replaced by the same in every data set: `constant_of`, or for a sequence the dummy items."""
    REPLACE_UIDS = "replace UIDs"
    """Replaced at once, since a pseudonym follows from the value alone."""
    APPLY = "apply"
    """Changed once the header is known: a date shift depends on a later UID, cleaned text on later names."""
    CHOOSE = "choose"
    """Dropped, emptied or replaced by a constant, once the SOP Class is known."""
    RECURSE = "recurse"
    """The sequence is kept, and its elements are decided on one by one."""
    JUDGE_ITEMS = "judge items"
    """The sequence is kept, and each content item is removed, replaced or cleaned (PS3.15 Section E.3.4)."""
    ADD_TEXT = "add the text"
    """(0012,0063): earlier texts are kept, cleaned, and the policy's are added."""
    ADD_CODES = "add the codes"
    """(0012,0064): earlier items are kept, and the policy's are added."""

    __hash__ = object.__hash__
    """Members are equal only to themselves. That of `Enum`, in Python, would be called for each element."""


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
"""Effect of a method → treatment of an element with a value."""

_OF_SEQUENCES = _OF_VALUES | {
    Effect.KEEP: Treatment.RECURSE,
    Effect.JUDGE_ITEMS: Treatment.JUDGE_ITEMS,
}
"""Effect of a method → treatment of a sequence."""


def treatment_of(method: Method, vr: str, *, is_checked: bool = False) -> Treatment:
    """The treatment of elements of this (effective) VR by a method; `is_checked` as in `Decision`."""
    if vr == "SQ":
        return _OF_SEQUENCES[method.effect(vr)]
    treatment = _OF_VALUES[method.effect(vr)]
    if treatment is not Treatment.KEEP:
        return treatment
    if vr == "UN":
        return Treatment.KEEP_UNREAD
    return Treatment.CHECKED_KEEP if is_checked else treatment


def treatment_of_claim(tag: int, vr: str) -> Treatment:
    """The treatment of an existing de-identification attribute when the policy writes its own (PS3.15 E.1.1)."""
    if tag == METHOD_TEXT and vr == "LO":
        return Treatment.ADD_TEXT
    return Treatment.ADD_CODES if tag == METHOD_CODES and vr == "SQ" else Treatment.DROP


def constant_of(method: Method, tag: int, vr: str) -> Values:
    """The values with which a method replaces every element of this tag and VR; not for sequences."""
    empty: Values = b"" if vr in BYTES_VRS else []
    return method.apply(Element(tag, vr, empty), Context()) or empty
