"""The layer by VR: decisions on attributes that Table E.1-1 does not list.

About 200 attributes of PS3.6 with names, dates, UIDs or free text are not in the table. The options apply to them as
to the listed ones: an option that keeps dates keeps theirs too.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from dicomveil_engine.methods.base import Method
from dicomveil_engine.profile.actions import FREE_TEXT_VRS, TIME_VRS, Actions, Verdict

OVERLAY_GROUPS = 0x60
"""(60xx,xxxx): (60xx,3000) Overlay Data is Type 1 (PS3.3 Section C.9.2), so that a plane cannot be kept without it."""

SPECIMEN_STEP_CONTENT = 0x00400612
"""Specimen Preparation Step Content Item Sequence, in the items of (0040,0610)."""


def decide_unlisted(actions: Actions, tag: int, vr: str) -> Verdict:
    """The verdict on a public attribute without a row."""
    expected = dictionary.vr_of(tag)
    if expected is None:
        return Verdict(actions.remove, "the layer by VR: unknown attributes are removed")
    if tag >> 24 == OVERLAY_GROUPS:
        return Verdict(actions.remove, "an overlay plane is removed with its Overlay Data, PS3.15 Table E.1-1: X")
    if tag == SPECIMEN_STEP_CONTENT and vr == "SQ" and Option.CLEAN_STRUCTURED_CONTENT in actions.options:
        return Verdict(actions.clean_content, "content items of (0040,0610), PS3.15 E.3.4")
    method = method_by_vr(actions, tag, vr)
    if vr != expected and method_by_vr(actions, tag, expected) != method:
        # A wrong VR must not weaken the protection: free text in an element declared as binary, for example.
        return Verdict(actions.remove, f"the layer by VR: {vr} where PS3.6 has {expected}")
    return Verdict(method, f"the layer by VR: {vr}")


def method_by_vr(actions: Actions, tag: int, vr: str) -> Method:
    """The method by VR, with exceptions for structural UIDs and codes."""
    if vr in TIME_VRS:
        return actions.time(vr)
    if vr == "UI":
        return actions.keep if tag in STRUCTURAL_UIDS else actions.uid
    if vr in FREE_TEXT_VRS:
        return actions.keep if tag in CODE_ATTRIBUTES else actions.cleaned(tag)
    if vr == "AE":
        return actions.ae_title
    if vr == "PN":
        return actions.redact
    if vr in {"UR", "UN"}:
        return actions.remove
    return actions.keep
