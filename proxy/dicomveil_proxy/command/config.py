"""`dicomveil config`: check a configuration, convert it into dicomveil's own dialect, write the JSON Schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dicomveil_engine import ConfigurationError, configuration_schema, lint, to_own_dialect
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import shown

HAS_ERRORS = 1
"""Exit status: the check found an error."""


def check(file: Path) -> None:
    """Print the findings, errors first; exit with 1 if there is an error.

    A file whose name ends in .toml contains a server's settings, any other a configuration of de-identification.
    """
    if not file.is_file():
        refuse("config: there is no such file; name a file of rules, or a settings file (.toml)")
    if file.suffix == ".toml":
        _check_settings(file)
        return
    try:
        findings = lint(file)
    except ConfigurationError as error:
        refuse(str(error))
    for finding in sorted(findings, key=lambda each: not each.is_error):
        print(shown(f"{'error' if finding.is_error else 'warning'}: {finding}", sys.stdout))
    errors = sum(finding.is_error for finding in findings)
    print(f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}")
    if errors:
        sys.exit(HAS_ERRORS)


def _check_settings(file: Path) -> None:
    """Check these settings as `serve` does, without a request to the origin server."""
    from dicomveil_proxy.command.first_check import check_files, effective_settings  # noqa: PLC0415 - pydantic
    from dicomveil_proxy.command.server_check import check_server  # noqa: PLC0415 - it imports the clients
    from dicomveil_proxy.settings.server import with_line  # noqa: PLC0415 - pydantic

    try:
        settings = effective_settings(file)
        try:
            check_files(settings)
            warned = check_server(settings)
        except ConfigurationError as error:
            raise ConfigurationError(with_line(str(error), file)) from None
    except ConfigurationError as error:
        print(f"error: {error}")
        sys.exit(HAS_ERRORS)
    for warning in warned:
        print(f"warning: {warning}")
    print(f"0 errors, {_counted(len(warned), 'warning')}")


def convert(file: Path, to: str, output: Path | None) -> None:  # noqa: ARG001 - there is one dialect so far
    """Write the configuration in dicomveil's dialect, or refuse."""
    try:
        text = _json(to_own_dialect(file))
    except ConfigurationError as error:
        refuse(str(error))
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        refuse("output: there is a file of that name; give another, for nothing is overwritten")
    except OSError as error:
        refuse(f"output: it cannot be written ({error.strerror})")


def schema() -> None:
    """Print the JSON Schema."""
    sys.stdout.write(_json(configuration_schema()))


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
