"""The de-identification attributes in a data set's own members (PS3.15 E.1.1)."""

from __future__ import annotations

from dicomveil_engine.json_model.elements import element_of, item_of
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.rewriting.deidentification_attributes import METHOD_CODES, DeidentificationAttributes


def add_claims(out: JSONDataSet, claims: DeidentificationAttributes, earlier: str) -> None:
    """Say that the data set is de-identified, in the order of tags; texts and codes of earlier times stay.

    `earlier` are the codes that stand there already, as text.
    """
    for each in claims.fields():
        key = f"{each.tag:08X}"
        if key not in out:
            out[key] = element_of(each)
        elif each.tag == METHOD_CODES:
            values = out[key]["Value"]
            assert isinstance(values, list)
            new = [item_of(item) for item in each.items if str(item[0].values[0]) not in earlier]
            out[key] = {"vr": "SQ", "Value": [*values, *new]}
    in_order = sorted(out.items())
    out.clear()
    out.update(in_order)
