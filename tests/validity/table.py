"""Print the errors that de-identifying adds, by kind and preset, as Markdown.

    PYTHONPATH=tests python -m validity.table FOLDER

FOLDER holds instances (`*.dcm`, at any depth), which are only read. docs/validity.md has the outcome for our corpus.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dicomveil_engine import load_policy
from dicomveil_engine.configuration.presets import PRESETS
from validity.comparison import Comparison, compare

_KEY = b"a key for measuring only"


def table(results: Mapping[str, Comparison]) -> str:
    """The numbers per preset, then the kinds of new errors with the number of instances that have them."""
    names = list(results)
    lines = [
        "| | " + " | ".join(f"`{name}`" for name in names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for label in ("compared", "incomparable", "refused", "errors_before", "errors_after"):
        counts = [str(getattr(result, label)) for result in results.values()]
        lines.append(f"| {label.replace('_', ' ')} | " + " | ".join(counts) + " |")
    for kind in sorted({kind for result in results.values() for kind in result.new}):
        counts = [str(result.new[kind] or "") for result in results.values()]
        lines.append(f"| new: {kind} | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def main(folder: str) -> None:
    """Compare under every preset and print."""
    instances = sorted(Path(folder).rglob("*.dcm"))
    with tempfile.TemporaryDirectory() as scratch:
        results = {name: compare(load_policy({"profile": name}, _KEY), instances, Path(scratch)) for name in PRESETS}
    print(table(results))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
