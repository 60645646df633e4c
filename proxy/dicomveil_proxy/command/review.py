"""`dicomveil review`: the values that are left in a folder after de-identification, the most suspicious first.

Nothing is written but the list that is asked for. Which instance a value stands in is not in it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dicomveil_engine import ConfigurationError, EngineError, InvalidDataSetError, deidentify_instance
from dicomveil_engine.reports.remainder import Remainder, RemainingValue
from dicomveil_proxy.command.profile import EPHEMERAL, policy_of
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.review_form import form
from dicomveil_proxy.command.table import Row, write_rows
from dicomveil_proxy.jobs.instance import MEDIA_STORAGE_DIRECTORY, file_meta_of

_COLUMNS = ("score", "instances", "attribute", "keyword", "vr", "value", "why")
_LONGEST_SHOWN = 60
"""Characters of a value in the table; the CSV file has more."""
_SHOWS_VALUES = "this list shows values that are left in the instances; treat it like patients' data"


def run(
    folder: Path,
    profile: str | None,
    key_file: Path | None,
    *,
    csv_file: Path | None,
    rows: int,
    limit: int,
    html_file: Path | None = None,
) -> None:
    """Review a folder, or refuse."""
    if not folder.is_dir():
        refuse("folder: there is no such folder; name one with DICOM files")
    if csv_file is not None and csv_file.exists():
        refuse("csv: there is a file of that name; give another, for nothing is overwritten")
    if html_file is not None and html_file.exists():
        refuse("html: there is a file of that name; give another, for nothing is overwritten")
    try:
        policy = policy_of(profile, key_file)
    except ConfigurationError as error:
        refuse(str(error))
    print(f"note: {_SHOWS_VALUES}", file=sys.stderr)
    if key_file is None:
        print(f"note: {EPHEMERAL}", file=sys.stderr)
    remainder = Remainder(policy, unique_values=limit)
    left_out: Counter[str] = Counter()
    for path in _files(folder):
        try:
            meta = file_meta_of(path)
            if meta is None:
                left_out["no DICOM instance"] += 1
            elif meta.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
                left_out["a DICOMDIR, which names files and is not an instance"] += 1
            else:
                remainder.add(deidentify_instance(path.read_bytes(), policy))
        except InvalidDataSetError as error:
            left_out[f"broken: {error}"] += 1
        except EngineError as error:
            left_out[f"refused, and would not come out: {error}"] += 1
        except OSError as error:
            left_out[f"not readable ({error.strerror})"] += 1
    _write(remainder, csv_file, rows)
    if html_file is not None:
        try:
            with html_file.open("x", encoding="utf-8") as file:
                html_file.chmod(0o600)
                file.writelines(form(map(_row, remainder.values()), _COLUMNS))
        except OSError as error:
            refuse(f"html: it cannot be written ({error.strerror})")
    for why, count in left_out.most_common():
        print(f"{count} {'file' if count == 1 else 'files'} left out: {why}", file=sys.stderr)


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those below it, in order; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _write(remainder: Remainder, csv_file: Path | None, rows: int) -> None:
    values = remainder.values()
    write_rows(map(_shown, values[:rows]), _COLUMNS, "table", sys.stdout)
    attributes = len({value.attribute for value in values})
    print(
        f"{min(rows, len(values))} of {len(values)} unique values of {attributes} attributes in "
        f"{remainder.instances} instances"
    )
    for attribute, count in remainder.beyond().items():
        print(f"{attribute} {attribute.keyword}: {count} more values, not listed; raise --limit to see them")
    if remainder.beyond_attributes:
        print(f"{remainder.beyond_attributes} elements of further attributes are not listed")
    if csv_file is not None:
        try:
            with csv_file.open("x", encoding="utf-8", newline="") as file:
                csv_file.chmod(0o600)
                write_rows(map(_row, values), _COLUMNS, "csv", file)
        except OSError as error:
            refuse(f"csv: it cannot be written ({error.strerror})")


def _row(value: RemainingValue) -> Row:
    return {
        "score": value.suspicion.score,
        "attribute": str(value.attribute),
        "keyword": value.attribute.keyword,
        "vr": value.attribute.vr,
        "instances": value.instances,
        "value": value.text,
        "why": str(value.suspicion),
    }


def _shown(value: RemainingValue) -> Row:
    text = value.text
    return {**_row(value), "value": text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"}
