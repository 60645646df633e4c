"""Decisions on the attributes that PS3.15 Table E.1-1 lists, from its Basic Profile and option columns.

If several options have a code for an attribute, Modified Dates comes first, since (0028,0303) claims that no date is
unmodified; then K, then C. If an option cannot be carried out, as with C for binary values, the Basic Profile's code
applies.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import Option, Row
from dicomveil_engine.attributes.legality import TIME_ZONE
from dicomveil_engine.methods.base import Method
from dicomveil_engine.profile.actions import FREE_TEXT_VRS, TIME_VRS, Actions, Verdict
from dicomveil_engine.profile.compound import BasicCodes


def decide_listed(actions: Actions, basic: BasicCodes, tag: int, vr: str, row: Row) -> Verdict:
    """The verdict on an attribute of this row whose (effective) VR is `vr`."""
    for option, code in _chosen(actions, row) if _is_of_row(tag, vr, row) else ():
        method = actions.keep if code == "K" else _cleaned(actions, tag, vr, row, option)
        if method is not None:
            return Verdict(method, f"PS3.15 Table E.1-1, {option.value}: {code}")
    return Verdict(basic.method(tag, row.basic, vr), f"PS3.15 Table E.1-1: {row.basic}")


def _chosen(actions: Actions, row: Row) -> list[tuple[Option, str]]:
    """The options that have a code for the row, in the order in which they are tried."""
    found = [(option, code) for option, code in row.options.items() if option in actions.options]
    return sorted(found, key=lambda one: (one[0] is not Option.RETAIN_LONG_MODIFIED_DATES, one[1] != "K"))


def _is_of_row(tag: int, vr: str, row: Row) -> bool:
    """Whether the element has a VR that the attribute may have.

    An option allows a date, a size, a serial number. An element with another VR could hold anything, so that options
    do not apply to it.
    """
    return row.vr is None or vr in row.vr.split(" or ") or vr in dictionary.vrs_of(tag)


def _cleaned(actions: Actions, tag: int, vr: str, row: Row, option: Option) -> Method | None:
    """The method by which an option cleans the attribute; None if it cannot."""
    if option is Option.CLEAN_STRUCTURED_CONTENT:
        return actions.clean_content if vr == "SQ" else None
    if option is Option.CLEAN_GRAPHICS:
        # Vector graphics can be cleaned; the content of an overlay's bitmap is unknown (decision 0012).
        return actions.keep if vr == "SQ" else None
    if tag == TIME_ZONE:
        return actions.keep  # `rewriting.checking` empties whatever is not an offset
    if vr in TIME_VRS:
        return actions.modified_time(vr)
    if vr == "AE":
        return actions.ae_title
    if vr == "SQ":
        # "Cleaned by recursing into it" (PS3.15 Section E.1.1): its items are decided one by one.
        return actions.keep
    if vr in FREE_TEXT_VRS:
        return actions.clean_required if "D" in row.basic else actions.cleaned(tag)
    return None
