"""`dicomveil masks`: convert another tool's device table, check a table, print the JSON Schema of tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dicomveil_engine.configuration.device_table import read_device_table, table_faults
from dicomveil_engine.configuration.device_table_schema import device_table_schema
from dicomveil_engine.pixels.mask_file import write_table
from dicomveil_engine.pixels.mask_import import read_ctp, read_deid
from dicomveil_proxy.command.refusal import refuse


def check(file: Path) -> None:
    """Print the errors of a table, each with its file and line; exit with 1 if there are any."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        refuse(f"{file} cannot be read as text")
    faults = table_faults(text)
    for fault in faults:
        place = f"{file}:{fault.line}" if fault.line else str(file)
        print(f"{place}: {fault.message}")
    if faults:
        sys.exit(1)
    count = len(read_device_table(text).devices)
    print(f"{file}: {count} {'entry' if count == 1 else 'entries'}, nothing is wrong")


def schema() -> None:
    """Print the JSON Schema of device tables."""
    print(json.dumps(device_table_schema(), indent=2))


def run(file: Path, syntax: str | None) -> None:
    """Print the converted table, and on standard error what was left out and why."""
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
