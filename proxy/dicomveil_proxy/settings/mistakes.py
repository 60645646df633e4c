"""Messages about wrong settings: all mistakes at once, each with its setting and line.

No message quotes a value, since an origin's URL may contain a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")

_NAMES = re.compile("(?:[a-z0-9_.-]+: )+")
"""The settings that a message begins with."""

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text in quotes",
    "path": "the path of a file or folder, in quotes",
    "dict": "a table",
    "model": "a table",
    "list": "a list, in square brackets",
    "tuple": "a list, in square brackets",
}
"""The start of pydantic's error type → the expected value."""


@dataclass(frozen=True)
class Mistake:
    """A mistake in the settings."""

    setting: str
    """The dotted name of the setting; empty if there is none."""
    what: str
    """The mistake, and how to correct it."""
    line: int | None = None
    """The line in the settings file; None for other sources."""

    def __str__(self) -> str:
        named = f"{self.setting}: {self.what}" if self.setting else self.what
        return f"line {self.line}: {named}" if self.line else named


def message_of(mistakes: Iterable[Mistake], file: str) -> str:
    """All mistakes as one message: a sentence for one, a list for several."""
    every = sorted(dict.fromkeys(mistakes), key=lambda each: (each.line is None, each.line or 0))
    if len(every) == 1:
        [mistake] = every
        place = f" ({file}, line {mistake.line})" if mistake.line else ""
        named = f"{mistake.setting}: {mistake.what}" if mistake.setting else mistake.what
        return named + place
    lines = [f"{file}, {each}" if each.line else str(each) for each in every]
    return f"{len(every)} settings are wrong:" + "".join(f"\n  {line}" for line in lines)


def lines_of(text: str) -> dict[str, int]:
    """The line of each setting in a TOML text, by its dotted name.

    Multi-line strings may contain text that looks like a setting; a message may then name the wrong line.
    """
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _dotted(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = _dotted(key[1])
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


def line_of(name: str, lines: Mapping[str, int]) -> int | None:
    """The line of a setting, or of the nearest table around it in the file."""
    while name:
        if name in lines:
            return lines[name]
        name = name.rpartition(".")[0]
    return None


def named_line(message: str, lines: Mapping[str, int]) -> tuple[str, int | None]:
    """The setting that a message begins with, such as `projects.heart: origin: ...`, and its line.

    A project's setting that its table does not have is the one at the top level. Empty for other messages.
    """
    if not (begin := _NAMES.match(message)):
        return "", None
    names = begin[0].split(": ")[:-1]
    name = ".".join(names)
    return name, lines.get(name) or lines.get(names[-1]) or line_of(name, lines)


def unknown_names(
    values: Mapping[str, object], model: type[BaseModel], where: str, *, below: str = "", lines: Mapping[str, int] = {}
) -> list[Mistake]:
    """Names that are not settings of the model, each with a suggestion.

    `where` is the name of the place in messages, `below` the dotted name of the table, `lines` the lines of settings.
    """
    mistakes = []
    for name in values:
        if name not in model.model_fields:
            near = get_close_matches(name, model.model_fields, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(model.model_fields)}"
            line = line_of(f"{below}.{name}" if below else name, lines)
            mistakes.append(Mistake("", f"{where}: there is no setting {name}; {hint}", line))
    return mistakes


def expected(detail: ErrorDetails) -> str:
    """The expected value of a setting, for an error of pydantic."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind in {"literal_error", "enum"}:
        return f"write one of {context['expected'].replace(' or ', ', ')}"
    if kind in {"missing", "extra_forbidden"}:
        return "it is not set" if kind == "missing" else "there is no such setting"
    bounds = {
        "greater_than": ("greater than", "gt"),
        "greater_than_equal": ("of at least", "ge"),
        "less_than": ("less than", "lt"),
        "less_than_equal": ("of at most", "le"),
    }
    if kind in bounds:
        words, name = bounds[kind]
        return f"write a number {words} {context[name]}"
    if kind == "string_too_short":
        return "it is empty"
    if kind == "string_pattern_mismatch":
        return "it is not written as it must be; the documentation has examples"
    return f"write {_EXPECTED.get(kind.partition('_')[0], 'another value; the documentation says which')}"


def _dotted(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in re.split(r"\.(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)", name))
