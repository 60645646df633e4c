"""Write the engine's table of attribute types by SOP Class, from the tables of an installed highdicom.

    python -m venv SOMEWHERE && SOMEWHERE/bin/pip install --no-deps highdicom==0.28.2
    python scripts/generate_attribute_types.py SOMEWHERE/lib/python3.*/site-packages/highdicom/_standard

The folder holds PS3.3 and PS3.4 as highdicom (MIT licence) has them from Innolitics' dicom-standard: which IOD a SOP
Class has, which modules an IOD has, and which type an attribute has in a module. Of these facts only those go into the
table that decide a compound action code of PS3.15 Table E.1-1, and which texts may not be empty; nothing of the files
is copied.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

STANDARD = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"

STRENGTH = {"1": "1", "1C": "1", "2": "2", "2C": "2", "3": "3"}
"""Conditions are not evaluated: where a conditional attribute is present, its condition is taken to hold."""
FREE_TEXT_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
ABSENT = "-"
"""The IOD does not define the attribute at its top level."""


def attributes() -> dict[str, str]:
    """Keyword → tag of the attributes whose type decides, in the order of the tags."""
    rows = json.loads((STANDARD / "table_e1.json").read_text(encoding="utf-8"))
    return {keyword: tag for tag, (keyword, _, basic, _) in sorted(rows.items()) if "/" in basic}


def types_in(modules: list[dict[str, str]], attributes_of: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Keyword → type at the top level of an IOD; of several modules the one that asks for most counts."""
    types: dict[str, str] = {}
    for module in modules:
        for row in attributes_of.get(module["key"], []):
            if not row["path"]:
                keyword = row["keyword"]
                types[keyword] = min(types.get(keyword, "3"), STRENGTH[row["type"]])
    return types


def required_text(attributes_of: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Keyword → tag of the free texts that some module does not let be empty, at whatever level."""
    keywords = {row["keyword"] for rows in attributes_of.values() for row in rows if row["type"] in {"1", "1C"}}
    tags = {keyword: tag for keyword in keywords if (tag := tag_for_keyword(keyword))}
    found = {tag: keyword for keyword, tag in tags.items() if dictionary_VR(tag) in FREE_TEXT_VRS}
    return {keyword: f"{tag:08X}" for tag, keyword in sorted(found.items())}


def main(folder: str) -> None:
    """Write attribute_types.json."""

    def source(name: str) -> Any:
        return json.loads((Path(folder) / name).read_text(encoding="utf-8"))

    iod_of, modules_of = source("sop_class_iod_map.json"), source("iod_module_map.json")
    attributes_of = source("module_attribute_map.json")
    columns = attributes()
    rows = {}
    # An IOD of which the source lacks a module is left out: its SOP Classes count as unknown.
    complete = {iod for iod, modules in modules_of.items() if all(one["key"] in attributes_of for one in modules)}
    iod_of = {uid: iod for uid, iod in iod_of.items() if iod in complete}
    for iod in sorted(set(iod_of.values())):
        types = types_in(modules_of[iod], attributes_of)
        rows[iod] = "".join(types.get(keyword, ABSENT) for keyword in columns)
    required = required_text(attributes_of)
    lines = [
        '"attributes": [\n' + ",\n".join(f'["{tag}", "{keyword}"]' for keyword, tag in columns.items()) + "\n]",
        '"required_text": {\n' + ",\n".join(f'"{tag}": "{keyword}"' for keyword, tag in required.items()) + "\n}",
        '"iods": {\n' + ",\n".join(f'"{iod}": "{row}"' for iod, row in rows.items()) + "\n}",
        '"sop_classes": {\n' + ",\n".join(f'"{uid}": "{iod}"' for uid, iod in sorted(iod_of.items())) + "\n}",
    ]
    (STANDARD / "attribute_types.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"attribute_types.json: {len(columns)} attributes, {len(rows)} IODs, {len(iod_of)} SOP Classes,")
    print(f"{len(required)} texts that may not be empty")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
