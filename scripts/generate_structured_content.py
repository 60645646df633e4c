"""Write the engine's table of structured content from a machine-readable copy of PS3.15 Table E.3.4-1.

    python scripts/generate_structured_content.py FOLDER

FOLDER holds `ps315_sr_codes.json`. The codes that SNOMED CT's concepts had in SRT come from pydicom's mapping of
the two (PS3.16 Annex O).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydicom.sr._snomed_dict import mapping

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"

OPTIONS = {
    "retain_uids": "retainUIDs",
    "retain_device_identity": "retainDeviceIdentity",
    "retain_institution_identity": "retainInstitutionIdentity",
    "retain_patient_characteristics": "retainPatientCharacteristics",
    "retain_longitudinal_full_dates": "retainLongFullDates",
    "retain_longitudinal_modified_dates": "retainLongModifiedDates",
    "clean_descriptors": "cleanDescriptors",
}
"""The option columns' names in the source → ours."""


def table_e341(source: dict[str, Any]) -> list[list[object]]:
    """Code value, coding scheme, SRT code value, value type, meaning, action code, and the options' action codes."""
    rows = source["items"]
    if len(rows) != source["meta"]["rows"]:
        raise SystemExit(f"Table E.3.4-1 has {len(rows)} rows, and says {source['meta']['rows']}")
    table: list[list[object]] = []
    for row in rows:
        value, scheme = row["code_value"], row["coding_scheme"]
        earlier = mapping["SCT"].get(value, "") if scheme == "SCT" else ""
        if scheme == "SCT" and not earlier:
            raise SystemExit(f"no SRT code for SCT {value}")
        options = {ours: row[theirs] for theirs, ours in OPTIONS.items() if row[theirs]}
        table.append([value, scheme, earlier, row["value_type"], row["code_meaning"], row["basic"], options])
    return table


def main(folder: str) -> None:
    """Write the table, a row to a line."""
    source = json.loads((Path(folder) / "ps315_sr_codes.json").read_text(encoding="utf-8"))
    rows = table_e341(source)
    lines = ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    (TARGET / "structured_content.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"PS3.15 edition {source['meta']['edition']}: structured_content.json, {len(rows)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
