"""`dicomveil audit`: verify the chain of an audit trail, print its head, show its events."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import Cell, Format, write_rows
from dicomveil_proxy.settings.server import DEFAULT_FILE, load_settings
from dicomveil_proxy.trust.audit import audit_key, default_key_file
from dicomveil_proxy.trust.chain import BrokenChain, Head
from dicomveil_proxy.trust.chain import verify as verify_lines

BROKEN = 1
"""Exit status: the chain was changed."""
COLUMNS = (
    *("seq", "time", "event", "outcome", "subject", "address", "project", "transaction", "study", "series", "instance"),
    *("count", "query", "bytes", "reason", "request_id", "details"),
)


@dataclass(frozen=True)
class Filters:
    """Conditions on events, all of which must hold."""

    subject: str | None = None
    project: str | None = None
    event: str | None = None
    study: str | None = None
    since: str | None = None
    until: str | None = None

    def passes(self, fields: dict[str, object]) -> bool:
        """Whether an event is shown. Times are ISO 8601 in UTC; a prefix means all that it begins."""
        when = str(fields.get("time", ""))
        return (
            all(
                wanted is None or fields.get(name) == wanted
                for name, wanted in (
                    ("subject", self.subject),
                    ("project", self.project),
                    ("event", self.event),
                    ("study", self.study),
                )
            )
            and (self.since is None or when >= self.since)
            and (self.until is None or when[: len(self.until)] <= self.until)
        )


def verify(files: Sequence[Path], head: str | None, key_file: Path | None, config: Path | None) -> None:
    """Verify consecutive files, the oldest first, and print the result."""
    try:
        wanted = None if head is None else Head.parse(head)
        key = _key(files[0], key_file, config)
    except (ConfigurationError, ValueError) as error:
        refuse(str(error))
    end: Head | None = None
    seen, first, count = False, 0, 0
    for number, file in enumerate(files):
        try:
            with file.open("rb") as lines:
                checked = verify_lines(lines, key, wanted, end)
        except OSError as error:
            refuse(f"{file} cannot be read ({error.strerror})")
        except BrokenChain as error:
            if wanted is not None and number + 1 < len(files) and "lines are missing at the end" in str(error):
                with file.open("rb") as lines:
                    checked = verify_lines(lines, key, None, end)  # the head may be in a file that follows
            else:
                print(f"{file}: {error}")
                sys.exit(BROKEN)
        first = checked.first if number == 0 else first
        count += checked.head.seq - checked.first + 1
        seen, end = seen or checked.has_head, checked.head
    if wanted is not None and not seen:
        print(f"the line of the head, number {wanted.seq}, is before the first of these files")
        sys.exit(BROKEN)
    begins = "" if first == 0 else f"; the file before it ends with number {first - 1}"
    print(f"{count} lines, {first} to {end.seq if end else first}, are as they were written{begins}")
    if wanted is None:
        print("Whether lines are missing at the end can be seen only with --head, and a head that was kept elsewhere")


def show_head(file: Path) -> None:
    """Print the number and digest of the last line, to keep them elsewhere."""
    try:
        with file.open("rb") as lines:
            last = None
            for line in lines:
                last = line
        fields = json.loads(last or b"")
        print(Head(fields["seq"], bytes.fromhex(fields["mac"])))
    except OSError as error:
        refuse(f"{file} cannot be read ({error.strerror})")
    except (ValueError, KeyError, TypeError):
        refuse(f"{file} does not end with a line of an audit")


def show(files: Sequence[Path], filters: Filters, form: Format) -> None:
    """Print events, without checking the chain."""
    try:
        rows = [_row(fields) for file in files for fields in _read(file) if filters.passes(fields)]
    except OSError as error:
        refuse(f"an audit file cannot be read ({error.strerror})")
    except (ValueError, TypeError):
        refuse("a line is not one of an audit; `dicomveil audit verify` says which")
    names = [name for name in COLUMNS if form != "table" or any(row.get(name) is not None for row in rows)]
    write_rows(rows, names or COLUMNS[:3], form, sys.stdout)


def _read(file: Path) -> Iterator[dict[str, object]]:
    with file.open("rb") as lines:
        for line in lines:
            fields = json.loads(line)
            if not isinstance(fields, dict):
                raise TypeError
            yield fields


def _row(fields: dict[str, object]) -> dict[str, Cell]:
    return {name: _cell(fields.get(name)) for name in COLUMNS}


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" for name, each in value.items())
    return str(value)


def _key(file: Path, key_file: Path | None, config: Path | None) -> bytes:
    """The key of a file's chain: from the option, from the settings, or from beside the file."""
    return audit_key(file, key_file or _by_settings(config) or _beside(file))


def _by_settings(config: Path | None) -> Path | None:
    """The key's path by the settings. Errors in the default settings file are ignored."""
    if config is None and not DEFAULT_FILE.exists():
        return None
    try:
        audit = load_settings(config).audit
    except ConfigurationError:
        if config is not None:
            raise
        return None
    if audit.key_file is None and config is not None and audit.file is not None:
        return default_key_file(audit.file)
    return audit.key_file


def _beside(file: Path) -> Path:
    """The key whose name is a prefix of the file's: rotated files, and those of further workers, share it."""
    keys = sorted(file.parent.glob("*.key"))
    beside = [each for each in keys if file.name.startswith(each.name.removesuffix(".key"))]
    if not file.is_file():
        raise ConfigurationError(f"{file} does not exist; name a file of the audit trail")
    if not beside:
        raise ConfigurationError("there is no key beside the file; give --key-file, or the settings file with --config")
    return max(beside, key=lambda each: len(each.name))
