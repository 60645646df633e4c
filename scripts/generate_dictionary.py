"""Write the engine's compact data dictionary from the one that pydicom ships (PS3.6, and private attributes).

    python scripts/generate_dictionary.py

pydicom takes a third of a second to import, most of it for what has nothing to do with names and VRs; these files are
read in a few milliseconds. Run it again when pydicom in the lock file is newer: a test compares.
"""

from __future__ import annotations

from pathlib import Path

from pydicom import __version__ as pydicom_version
from pydicom import datadict
from pydicom._private_dict import private_dictionaries

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"


def public() -> str:
    """One line for each attribute: tag, VR, VM, keyword. Repeating groups have `x` for the digits that vary."""
    rows = [(f"{tag:08X}", *_facts(entry)) for tag, entry in sorted(datadict.DicomDictionary.items())]
    rows += [(tag, *_facts(entry)) for tag, entry in datadict.RepeatersDictionary.items()]
    return "".join("\t".join(row) + "\n" for row in rows)


def private() -> str:
    """For each private creator a line that begins with a tab, then its elements: tag with `x` for its block, VR."""
    lines: list[str] = []
    for creator, elements in sorted(private_dictionaries.items()):
        lines.append(f"\t{creator}")
        lines += [f"{tag}\t{entry[0]}" for tag, entry in sorted(elements.items())]
    return "".join(line + "\n" for line in lines)


def _facts(entry: tuple[str, str, str, str, str]) -> tuple[str, str, str]:
    vr, vm, _name, _retired, keyword = entry
    return vr, vm, keyword


def main() -> None:
    """Write both files."""
    (TARGET / "dictionary.tsv").write_text(public(), encoding="ascii")
    (TARGET / "private_dictionary.tsv").write_text(private(), encoding="utf-8")
    print(f"from pydicom {pydicom_version} (keep _standard/README.md equal)")


if __name__ == "__main__":
    main()
