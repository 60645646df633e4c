"""The list of subjects: a file with user-defined pseudonyms for a project's patients.

It is read here, and checked in the engine. No message contains a value.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from dicomveil_engine import ConfigurationError

_PATIENT, _SUBJECT = "PatientID", "subject"


def read_subjects(path: Path | None) -> dict[str, str] | None:
    """Original PatientID → subject; None without a file. Raises ConfigurationError."""
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            # Spreadsheets write semicolons in locales with decimal commas.
            rows = csv.reader(file, delimiter=";" if first.count(";") > first.count(",") else ",", strict=True)
            header = [name.strip() for name in next(rows, [])]
            if sorted(name.casefold() for name in header) != sorted((_PATIENT.casefold(), _SUBJECT)):
                raise ConfigurationError(f"subjects: its first line must be {_PATIENT},{_SUBJECT}")
            patient = [name.casefold() for name in header].index(_PATIENT.casefold())
            return _table(rows, patient)
    except OSError as error:
        raise ConfigurationError(f"subjects: it cannot be read ({error.strerror}); check the path") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigurationError("subjects: it is not CSV in UTF-8") from None


def _table(rows: Iterable[list[str]], patient: int) -> dict[str, str]:
    table: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != 2:
            raise ConfigurationError(f"subjects: row {number} does not have two cells")
        original, subject = row[patient].strip(), row[1 - patient].strip()
        if original in table:
            raise ConfigurationError(f"subjects: row {number} has a PatientID that an earlier row has")
        table[original] = subject
    return table
