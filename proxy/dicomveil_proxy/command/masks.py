"""`dicomveil masks import`: a device table of somebody else's as one of ours, on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from dicomveil_engine.pixels.mask_import import read_ctp, read_deid
from dicomveil_engine.pixels.masks import write_table
from dicomveil_proxy.command.refusal import refuse


def run(file: Path, syntax: str | None) -> None:
    """Print the table; what was left out goes to standard error, with its reason."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        refuse(f"{file} cannot be read as text")
    is_deid = syntax == "deid" or (syntax is None and "LABEL" in text)
    imported = read_deid(text) if is_deid else read_ctp(text)
    if not imported.table.devices:
        refuse(f"{file} holds no entry that can be imported; give its format with --format deid or --format ctp")
    print(write_table(imported.table), end="")
    for line in imported.left_out:
        print(f"left out: {line}", file=sys.stderr)
