"""Write the UIDs that the standard registers (PS3.6 Annex A), as pydicom and a table of PS3.6 2026c have them.

    python scripts/generate_registered_uids.py FOLDER

FOLDER holds `ps315_wellknown_uids.json`. Only what follows the root 1.2.840.10008 is written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydicom.uid import UID_dictionary

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"
ROOT = "1.2.840.10008."


def uids(source: Path) -> list[str]:
    """What follows the root, in the order of the numbers."""
    listed = {row["uid"] for row in json.loads(source.read_text(encoding="utf-8"))["uids"]}
    found = {uid.removeprefix(ROOT) for uid in listed | set(UID_dictionary) if uid.startswith(ROOT)}
    return sorted(found, key=lambda uid: [int(part) for part in uid.split(".")])


def main(folder: str) -> None:
    """Write registered_uids.txt."""
    found = uids(Path(folder) / "ps315_wellknown_uids.json")
    (TARGET / "registered_uids.txt").write_text("\n".join(found) + "\n", encoding="ascii")
    print(f"registered_uids.txt: {len(found)} UIDs")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
