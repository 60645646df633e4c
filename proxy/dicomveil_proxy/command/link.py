"""`dicomveil link`: decrypt a linkage file, or look up a value in it, with the recipient's private key.

The output contains original values.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.originals import Kind, about_to_show, audit_of
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import shown, write_rows
from dicomveil_proxy.jobs.cms import CMSError, read_private_key
from dicomveil_proxy.jobs.linkage import COLUMNS, Opened, look_up, read_linkage

NOT_FOUND = 1
"""Exit status: no row has the value."""


def show(file: Path, key: Path, output: Path | None, signer: str | None, config: Path | None = None) -> None:
    """Print the whole file as CSV, or write it to a file readable by its owner only."""
    audit = audit_of(config)
    opened = _opened(file, key, signer)
    about_to_show(audit, Kind.LINKAGE, len(opened.rows))
    if output is None:
        sys.stdout.write(shown(opened.text, sys.stdout))
    else:
        try:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as written:
                written.write(opened.text)
        except OSError as error:
            refuse(f"output: it cannot be written ({error.strerror})")
    print(f"{len(opened.rows)} studies, signed by the project {opened.signer}", file=sys.stderr)


def find(file: Path, value: str, key: Path, signer: str | None, config: Path | None = None) -> None:
    """Print the rows with this original value or pseudonym; `-` reads it from standard input."""
    audit = audit_of(config)
    opened = _opened(file, key, signer)
    wanted = sys.stdin.readline().strip() if value == "-" else value
    rows = look_up(opened, wanted)
    about_to_show(audit, Kind.LINKAGE, len(rows))
    write_rows(rows, COLUMNS, "csv", sys.stdout)
    if not rows:
        print("dicomveil: nothing in the file has this value", file=sys.stderr)
        sys.exit(NOT_FOUND)


def _opened(file: Path, key: Path, signer: str | None) -> Opened:
    try:
        private = read_private_key(key)
        opened = read_linkage(file.read_bytes(), private)
    except ConfigurationError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"file: it cannot be read ({error.strerror})")
    except CMSError as error:
        refuse(f"file: {error}")
    if signer is not None and opened.signer != signer.strip().lower():
        refuse("file: it was made by another project than --signer says")
    return opened
