"""Write the preset `tcia` from a machine-readable copy of The Cancer Imaging Archive's table of attributes.

    python scripts/generate_presets.py FOLDER

FOLDER holds `tcia_profile.json`: for each attribute what the archive's profile says and what its scripts do. Most of it
is what PS3.15 says with the options that the preset has; the file needs rules only where the archive removes more.
Where PS3.15 asks for a dummy or for an attribute's type to be minded, and where dates would be kept, PS3.15 holds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from dicomveil_engine import Policy, load_policy
from dicomveil_engine.attributes import dictionary

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "presets" / "tcia.json"

OPTIONS = (
    "retainSafePrivate",
    "retainPatientCharacteristics",
    "retainLongModifiedDates",
    "cleanDescriptors",
    "cleanStructuredContent",
)
DATE_SHIFT = {"dateShiftScope": "Patient", "dateShiftRange": 365}
PIXELS = {"text": "allText", "gate": "sample"}

_LEFT = frozenset(("keep", "clean", "cleanRequired", "dateShift", "keepLegal", "cleanContent", "pseudonym"))
"""Methods that leave something of what the archive removes."""

_HEAD = """\
// The profile of The Cancer Imaging Archive, for data that are to be published there or alike.
// Faces in pixels are yours to find. Read what free text is left, too.
// Written by scripts/generate_presets.py; do not edit.
"""
_PIXELS = "Text burnt into pixels is covered; of slices as the scanner made them, samples of each series are looked at."
_TOPICS = (
    ("Dates that tell the machine, and of those who read.", frozenset(("DA", "DT", "TM"))),
    ("Reasons and requests.", frozenset(("SQ",))),
    ("Comments and other free text.", frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))),
)


def removed(rows: Iterable[dict[str, str]], policy: Policy) -> list[int]:
    """The attributes that the archive removes, and of which PS3.15 with the options leaves something."""
    tags = []
    for row in rows:
        digits = row["tag"].strip("()").replace(",", "")
        if row["tcia_implementation"] != "remove" or "x" in digits:
            continue
        tag = int(digits, 16)
        (vr, *_) = dictionary.vrs_of(tag)
        if policy.decide(tag, vr).method.name in _LEFT:
            tags.append(tag)
    return sorted(tags)


def preset(tags: list[int]) -> str:
    """The preset's text."""
    lines = [
        _HEAD + "{",
        '  "profile": "PS3.15",',
        f'  "options": {json.dumps(OPTIONS)},',
        f"  // {_PIXELS}",
        f'  "pixels": {json.dumps(PIXELS)},',
        '  "rules": [',
        "    // One pseudonym for each patient, where the archive looks up its own number.",
        '    {"tag": "PatientID", "method": "pseudonym"},',
        '    {"tag": "PatientName", "method": "pseudonym"},',
        "    // The archive keeps what is written here for somebody to read.",
        '    {"tag": "EthnicGroup", "method": "clean"},',
        '    {"tag": "EthnicGroups", "method": "clean"},',
    ]
    rest = list(tags)
    for topic, vrs in _TOPICS:
        chosen = [tag for tag in rest if dictionary.vrs_of(tag)[0] in vrs]
        if chosen:
            rest = [tag for tag in rest if tag not in chosen]
            lines.append(f"    // {topic}")
            lines += (f'    {{"tag": "{dictionary.keyword_of(tag)}", "method": "remove"}},' for tag in chosen)
    if rest:
        raise SystemExit(f"no topic for {', '.join(map(dictionary.describe, rest))}")
    lines[-1] = lines[-1].rstrip(",")
    lines += [
        "  ],",
        "  // The archive moves all dates of a site by the same days; here those of a patient move together.",
        f'  "defaultSettings": {{"dateShift": {json.dumps(DATE_SHIFT)}}}',
        "}",
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    """Read the table and write the preset."""
    # Any key will do: which method holds does not depend on it.
    policy = load_policy({"profile": "PS3.15", "options": list(OPTIONS)}, bytes(16))
    tags = removed(json.loads((folder / "tcia_profile.json").read_text(encoding="utf-8")), policy)
    TARGET.write_text(preset(tags), encoding="utf-8")
    print(f"{TARGET.name}: {len(tags)} attributes removed by rule")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
