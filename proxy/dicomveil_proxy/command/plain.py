"""A parser for simple command lines of `serve` and `anonymize`, without Typer.

Importing Typer takes longer than de-identifying an instance. This parser only accepts known options, each given once
and with a valid value. All other command lines (--help, errors, repeated options, empty values) are left to Typer, so
that there is one source of messages. Names, types and choices of options repeat those of `declarations.py`; a test
compares them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

_COMPLETION = "_DICOMVEIL_COMPLETE"
"""Set by shells for completion."""


class _Unusual(Exception):
    """The command line has to be parsed by Typer."""


class Option(NamedTuple):
    """An option, and the function's parameter that it sets."""

    parameter: str
    read: Callable[[str], Any] | None
    """Converts the argument into the value; None for a flag."""
    is_repeated: bool = False


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        if not (word.isascii() and word.isdigit() and len(word) <= len(str(most)) and least <= int(word) <= most):
            raise _Unusual
        return int(word)

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in choices:
            raise _Unusual
        return word

    return read


_Declared = Mapping[tuple[str, ...], Option]

_ANONYMIZE: _Declared = {
    ("-i", "--input-file", "--inputFile"): Option("input_file", Path),
    ("-o", "--output-file", "--outputFile"): Option("output_file", Path),
    ("-I", "--input-folder", "--inputFolder"): Option("input_folder", Path),
    ("-O", "--output-folder", "--outputFolder"): Option("output_folder", Path),
    ("-c", "--config-file", "--configFile"): Option("config", Path),
    ("--profile",): Option("profile", str),
    ("--key-file",): Option("key_file", Path),
    ("--validate-input", "--validateInput"): Option("validate_input", None),
    ("--validate-output", "--validateOutput"): Option("validate_output", None),
    ("--jobs",): Option("jobs", _number(1, 256)),
    ("--names",): Option("names", _one_of("keep", "pseudonymous")),
    ("--report",): Option("report", Path),
    ("--show-paths",): Option("show_paths", None),
    ("--encrypt-originals",): Option("encrypt_originals", Path, is_repeated=True),
    ("--guard",): Option("guard", _one_of("off", "report", "refuse")),
    ("--quarantine",): Option("quarantine", Path),
    ("--dry-run",): Option("dry_run", None),
    ("--progress",): Option("progress", _one_of("auto", "json", "none")),
}
_SERVE: _Declared = {
    ("--origin",): Option("origin", str),
    ("--profile",): Option("profile", str),
    ("--key-file",): Option("key_file", Path),
    ("--state",): Option("state", str),
    ("--host",): Option("host", str),
    ("--port",): Option("port", _number(0, 65535)),
    ("--workers",): Option("workers", _number(1, 999)),
    ("--store",): Option("store", _one_of("deidentify", "reidentify", "refuse")),
    ("--on-error",): Option("on_error", _one_of("abort", "omit")),
    ("--public-url",): Option("public_url", str),
    ("--config",): Option("config", Path),
}


def _anonymize(**given: Any) -> None:
    from dicomveil_proxy.command.anonymize import run  # noqa: PLC0415 - only what the command needs

    run(**given)


def _serve(config: Path | None = None, **given: Any) -> None:
    from dicomveil_proxy.command.start import serve  # noqa: PLC0415 - only what the command needs

    serve(config, **given)


class PlainCommand(NamedTuple):
    """A command that this parser knows."""

    begin: Callable[..., None]
    options: Mapping[str, Option]
    """The options by each of their names."""
    variables: Mapping[str, str]
    """Parameter → the environment variable that may set it."""


def _by_spelling(options: _Declared) -> dict[str, Option]:
    return {spelling: option for spellings, option in options.items() for spelling in spellings}


COMMANDS = {
    "anonymize": PlainCommand(_anonymize, _by_spelling(_ANONYMIZE), {"key_file": "DICOMVEIL_KEY_FILE"}),
    "serve": PlainCommand(_serve, _by_spelling(_SERVE), {}),
}


def read(words: Sequence[str]) -> Callable[[], None] | None:
    """Parse the command line, without the program's name; None if Typer has to parse it."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None or os.name == "nt" or _COMPLETION in os.environ:
        return None  # on Windows, Typer expands wildcards
    try:
        return partial(command.begin, **_values(command, words[1:]))
    except _Unusual:
        return None


def _values(command: PlainCommand, words: Sequence[str]) -> dict[str, Any]:
    """The options' values by parameter."""
    found: dict[str, Any] = {}
    following = iter(words)
    for word in following:
        spelling, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = command.options.get(spelling)
        if option is None or (option.parameter in found and not option.is_repeated):
            raise _Unusual
        if option.read is None:
            if has_value:
                raise _Unusual
            found[option.parameter] = True
            continue
        if not has_value:
            value = next(following, "")
        if not value or value.startswith("-") or not value.isprintable():
            raise _Unusual
        if option.is_repeated:
            found.setdefault(option.parameter, []).append(option.read(value))
        else:
            found[option.parameter] = option.read(value)
    for parameter, variable in command.variables.items():
        if parameter not in found and (named := os.environ.get(variable)):
            found[parameter] = Path(named)
    return found
