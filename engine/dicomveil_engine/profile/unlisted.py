"""The layer by VR: what happens to attributes that Table E.1-1 does not list.

About 200 attributes of PS3.6 that carry names, dates, UIDs or free text are not in the table. The options hold
for them as for the listed ones: an option that keeps dates keeps these, too.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes.legality import STRUCTURAL_UIDS
from dicomveil_engine.methods.base import Method
from dicomveil_engine.profile.actions import FREE_TEXT_VRS, TIME_VRS, Actions, Verdict

OVERLAY_GROUPS = 0x60
"""(60xx,xxxx): PS3.3 C.9.2 has (60xx,3000) Overlay Data as Type 1, so that nothing of a plane can stay without it."""

SPECIMEN_STEP_CONTENT = 0x00400612
"""Specimen Preparation Step Content Item Sequence, in the items of (0040,0610)."""

CODE_TEXT = frozenset(
    tag
    for keyword in ["CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"]
    if (tag := dictionary.tag_of(keyword)) is not None
)
"""Text that a program reads (PS3.3 Section 8): SNOMED CT codes look like identifiers and must survive. The codes
that do identify (persons, institutions) stand in sequences that Table E.1-1 lists as a whole."""


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
        # Free text in an element that claims to be binary, say: what the dictionary protects is not let
        # through because the instance gives it another VR, nor the other way round.
        return Verdict(actions.remove, f"the layer by VR: {vr} where PS3.6 has {expected}")
    return Verdict(method, f"the layer by VR: {vr}")


def method_by_vr(actions: Actions, tag: int, vr: str) -> Method:
    """What a VR alone says; `tag` names the few attributes that a program reads."""
    if vr in TIME_VRS:
        return actions.time(vr)
    if vr == "UI":
        return actions.keep if tag in STRUCTURAL_UIDS else actions.uid
    if vr in FREE_TEXT_VRS:
        return actions.keep if tag in CODE_TEXT else actions.cleaned(tag)
    if vr == "AE":
        return actions.ae_title
    if vr == "PN":
        return actions.redact
    if vr in {"UR", "UN"}:
        return actions.remove
    return actions.keep
