"""Write the engine's compact tables of the standard from machine-readable copies of it.

    python scripts/generate_standard.py FOLDER

FOLDER holds `ps315_e1.json` (PS3.15 Table E.1-1) and `ps315_safe_private.json` (Table E.3.10-1). Each table is
one function here and one file in attributes/_standard/ of the engine; nothing of the standard is typed by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"

OPTIONS = {
    "retain_safe_private": "retainSafePrivate",
    "retain_uids": "retainUIDs",
    "retain_device_identity": "retainDeviceIdentity",
    "retain_institution_identity": "retainInstitutionIdentity",
    "retain_patient_characteristics": "retainPatientCharacteristics",
    "retain_longitudinal_full_dates": "retainLongFullDates",
    "retain_longitudinal_modified_dates": "retainLongModifiedDates",
    "clean_descriptors": "cleanDescriptors",
    "clean_structured_content": "cleanStructuredContent",
    "clean_graphics": "cleanGraphics",
}
"""The option columns' names in the source → ours."""


def table_e1(source: dict[str, Any]) -> dict[str, list[object]]:
    """Tag → keyword, VR, action code of the Basic Profile, and the options whose column is not blank."""
    rows = source["attributes"]
    if len(rows) != source["meta"]["rows"]:
        raise SystemExit(f"Table E.1-1 has {len(rows)} rows, and says {source['meta']['rows']}")
    table: dict[str, list[object]] = {}
    for row in rows:
        options = {OPTIONS[name]: code for name, code in row["options"].items() if code}
        table[row["hex"]] = [row["keyword"], row["vr"], row["basic"], options]
    return dict(sorted(table.items()))


def safe_private(source: dict[str, Any]) -> dict[str, dict[str, str | None]]:
    """Private creator → tag without its block → VR."""
    rows = source["attributes"]
    table: dict[str, dict[str, str | None]] = {}
    for row in rows:
        vr = row["vr"].replace("/", " or ") if row["vr"] else None
        table.setdefault(row["private_creator"], {})[f"{row['group'].upper()}xx{row['element_low'].upper()}"] = vr
    if sum(map(len, table.values())) != source["meta"]["rows"]:
        raise SystemExit("Table E.3.10-1 has another number of rows than it says, or one twice")
    return {creator: dict(sorted(elements.items())) for creator, elements in sorted(table.items())}


def write(name: str, table: Mapping[str, object]) -> None:
    """Write one table, a row to a line so that a new edition shows as a readable difference."""
    rows = (f"{json.dumps(tag)}: {json.dumps(row, separators=(',', ':'))}" for tag, row in table.items())
    (TARGET / name).write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    print(f"{name}: {len(table)} rows")


def main(folder: str) -> None:
    """Write every table."""

    def read(name: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((Path(folder) / name).read_text(encoding="utf-8"))
        return read

    source = read("ps315_e1.json")
    print(f"PS3.15 edition {source['meta']['edition']} (keep _standard/README.md equal)")
    write("table_e1.json", table_e1(source))
    write("safe_private.json", safe_private(read("ps315_safe_private.json")))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
