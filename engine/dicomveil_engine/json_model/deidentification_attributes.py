"""Adding the de-identification attributes to a data set in DICOM JSON (PS3.15 Section E.1.1)."""

from __future__ import annotations

from dicomveil_engine.json_model.elements import element_of, item_of
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.rewriting.deidentification_attributes import METHOD_CODES, DeidentificationAttributes


def add_claims(out: JSONDataSet, claims: DeidentificationAttributes, earlier: str) -> None:
    """Add the attributes in tag order; earlier texts and codes are kept.

    `earlier` is the text of the codes that are there already.
    """
    for field in claims.fields():
        key = f"{field.tag:08X}"
        if key not in out:
            out[key] = element_of(field)
        elif field.tag == METHOD_CODES:
            values = out[key]["Value"]
            assert isinstance(values, list)
            new = [item_of(item) for item in field.items if str(item[0].values[0]) not in earlier]
            out[key] = {"vr": "SQ", "Value": [*values, *new]}
    in_order = sorted(out.items())
    out.clear()
    out.update(in_order)
