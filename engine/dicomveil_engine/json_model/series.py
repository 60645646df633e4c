"""Rewriting a data set from the result of the one before it: equal elements are not rewritten again.

This is possible if both agree in the attributes on which other elements depend. Equality is Python's: 1 equals 1.0.
"""

from __future__ import annotations

from dicomveil_engine.attributes.well_known import PIXEL_DATA, SOP_INSTANCE_UID
from dicomveil_engine.json_model.alike import differing
from dicomveil_engine.json_model.item_place import CREATOR
from dicomveil_engine.json_model.pixels import IMAGE_KEYS
from dicomveil_engine.json_model.reading import CHARACTER_SET, CHARACTERISTICS_KEY
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.json_model.walk import DataSetWalk
from dicomveil_engine.rewriting.context import SUBJECT_TAGS
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS

_PIXEL_DATA = f"{PIXEL_DATA:08X}"
_SOP_INSTANCE_UID = f"{SOP_INSTANCE_UID:08X}"
_OF_THE_WHOLE = frozenset(
    (CHARACTER_SET, CHARACTERISTICS_KEY, *(f"{tag:08X}" for tag in (*SUBJECT_TAGS, *DEIDENTIFICATION_TAGS)))
)
"""The attributes of the top level on which the result of other elements may depend."""


def run_after(rewriting: DataSetWalk, last: DataSetWalk) -> JSONDataSet | None:
    """The de-identified data set, from the result of the last one; None if it has to be rewritten as a whole."""
    changed = _changed(rewriting, last)
    if changed is None:
        return None
    rewriting.reading = last.reading.again()
    rewriting.codecs, rewriting.creators = last.codecs, last.creators
    new: JSONDataSet = {}
    rewriting.restart(changed, new)
    before = last.reading.identifying
    if {key: before[key] for key in before.keys() & changed} != rewriting.reading.identifying:
        return None
    if rewriting.reading.streamed or last.reading.streamed:
        return None
    rewriting.reading = last.reading
    rewriting.resolve()
    if new.keys() & changed != last.out.keys() & changed:
        return None
    rewriting.out = last.out | new
    return rewriting.out


def _changed(rewriting: DataSetWalk, last: DataSetWalk) -> list[str] | None:
    """The keys of elements that differ from the last data set; None if other elements depend on one of them."""
    dataset, before, policy = rewriting.dataset, last.dataset, rewriting.policy
    if policy.structured_content:
        return None
    others = differing(dataset, before)
    if others is None:
        if dataset.keys() != before.keys():
            return None
        others = list(dataset)
    changed = [key for key in others if key in last.elsewhere or dataset[key] != before[key]]
    changed += sorted(last.elsewhere.difference(others))
    if not IMAGE_KEYS.isdisjoint(changed) and "InlineBinary" in dataset.get(_PIXEL_DATA, {}):
        return None
    if not _OF_THE_WHOLE.isdisjoint(changed) or any(map(CREATOR.fullmatch, changed)):
        return None
    if policy.depends_on_instance and _SOP_INSTANCE_UID in changed:
        return None
    return changed
