"""`dicomveil review`: the values that are left in a folder after de-identification, the most suspicious first.

Only the requested lists and contact sheet are written. The lists do not name the instances of values. Pixels are
searched for the contact sheet only.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

from dicomveil_engine import ConfigurationError, EngineError, InstanceRewriter, InvalidDataSetError, Policy
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.gate import PixelAction
from dicomveil_engine.reports.remainder import Remainder, RemainingValue
from dicomveil_proxy.command.contact_sheet import ContactSheet, verdict_on
from dicomveil_proxy.command.originals import Kind, about_to_show, audit_of
from dicomveil_proxy.command.profile import EPHEMERAL, policy_of
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.review_form import form
from dicomveil_proxy.command.table import Row, write_rows
from dicomveil_proxy.jobs.instance import MEDIA_STORAGE_DIRECTORY, file_meta_of
from dicomveil_proxy.pixels.looking import looks_at_pixels

_COLUMNS = ("score", "instances", "attribute", "keyword", "vr", "value", "why")
_LONGEST_SHOWN = 60
"""Maximum characters of a value in the table; the CSV file has more."""
_SHOWS_PICTURES = (
    "the contact sheet shows original pictures; keep it where the originals are, and delete it when it was read"
)
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
    sheet_file: Path | None = None,
    config: Path | None = None,
) -> None:
    """Review a folder, or refuse."""
    if not folder.is_dir():
        refuse("folder: there is no such folder; name one with DICOM files")
    for name, file in (("csv", csv_file), ("html", html_file), ("contact-sheet", sheet_file)):
        if file is not None and file.exists():
            refuse(f"{name}: there is a file of that name; give another, for nothing is overwritten")
    try:
        policy = policy_of(profile, key_file)
    except ConfigurationError as error:
        refuse(str(error))
    if sheet_file is not None:
        _check_sheet(sheet_file, folder, policy, has_key=key_file is not None)
        print(f"warning: {_SHOWS_PICTURES}", file=sys.stderr)
    audit = audit_of(config) if sheet_file is not None else None
    print(f"note: {_SHOWS_VALUES}", file=sys.stderr)
    if key_file is None:
        print(f"note: {EPHEMERAL}", file=sys.stderr)
    remainder = Remainder(policy, unique_values=limit)
    left_out: Counter[str] = Counter()
    sheet = ContactSheet(policy) if sheet_file is not None else None
    with closing(sheet) if sheet is not None else nullcontext():
        for path in _files(folder):
            try:
                _add(path, policy, remainder, left_out, sheet, str(path.relative_to(folder)))
            except InvalidDataSetError as error:
                left_out[f"broken: {error}"] += 1
            except EngineError as error:
                left_out[f"refused: {error}"] += 1
            except OSError as error:
                left_out[f"not readable ({error.strerror})"] += 1
    _write(remainder, csv_file, rows)
    if html_file is not None:
        _write_page("html", html_file, form(map(_row, remainder.values()), _COLUMNS))
    if sheet_file is not None and sheet is not None:
        about_to_show(audit, Kind.PICTURES, sheet.shown)
        _write_page("contact-sheet", sheet_file, sheet.pieces())
    if not remainder.instances:
        print("note: no instance was reviewed; name a folder with DICOM files", file=sys.stderr)
    for why, count in left_out.most_common():
        print(f"{count} {'file' if count == 1 else 'files'} left out: {why}", file=sys.stderr)


def _check_sheet(file: Path, folder: Path, policy: Policy, *, has_key: bool) -> None:
    """Refuse a contact sheet without the project's key, inside the reviewed folder, or of pixels that are kept."""
    if not has_key:
        refuse("contact-sheet: it shows original pictures, and is for the holder of the project's key; add --key-file")
    if file.resolve().is_relative_to(folder.resolve()):
        refuse("contact-sheet: it shows original pictures; write it outside the folder that is reviewed")
    if not looks_at_pixels(policy.pixels):
        refuse('contact-sheet: the profile lets text in pixels pass; choose one that cleans, with "pixels": "clean"')


def _add(
    path: Path,
    policy: Policy,
    remainder: Remainder,
    left_out: Counter[str],
    sheet: ContactSheet | None,
    name: str,
) -> None:
    meta = file_meta_of(path)
    if meta is None:
        left_out["no DICOM instance"] += 1
        return
    if meta.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        left_out["a DICOMDIR, which names files and is not an instance"] += 1
        return
    data = path.read_bytes()
    rewriter = InstanceRewriter(policy)
    deidentified = b"".join([*rewriter.feed(data), *rewriter.close()])
    if looks_at_pixels(policy.pixels):
        verdict = verdict_on(data, policy)
        if sheet is not None:
            sheet.add(name, path, deidentified, verdict)
        if verdict.action is PixelAction.REFUSE:
            raise DeidentificationError(verdict.reason)
    remainder.add(deidentified)


def _write_page(option: str, file: Path, pieces: Iterable[str]) -> None:
    with _new_file(option, file) as page:
        page.writelines(pieces)


@contextmanager
def _new_file(option: str, path: Path) -> Iterator[TextIO]:
    """A new file, readable by its owner only from the start; names of files and values in it can be in any encoding."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
    except OSError as error:
        refuse(f"{option}: it cannot be written ({error.strerror})")


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder, sorted; symbolic links are not followed."""
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
        with _new_file("csv", csv_file) as file:
            write_rows(map(_row, values), _COLUMNS, "csv", file)


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
