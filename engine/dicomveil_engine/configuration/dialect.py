"""Recognising the dialect of a document by its top-level keys.

A document with keys of two dialects is refused, since half of it would have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dicomveil_engine.configuration import google, own, tag_rules
from dicomveil_engine.configuration.findings import Findings
from dicomveil_engine.configuration.translation import Translation
from dicomveil_engine.errors import ConfigurationError


class Dialect(Enum):
    """A configuration language; the value is its name in messages."""

    OWN = "dicomveil's own dialect (and the Microsoft tool's)"
    TAG_RULES = "the dialect of DicomTagRules"
    GOOGLE = "the dialect of DeidentifyConfig"


_NAMES = {
    Dialect.OWN: frozenset(name.casefold() for name in (*own.NAMES, *own.LATER_NAMES)) - {"text"},
    Dialect.TAG_RULES: frozenset(name.casefold() for name in tag_rules.NAMES),
    Dialect.GOOGLE: frozenset(name.casefold() for name in google.NAMES) - {"text"},
}
"""The keys in lower case that identify a dialect; `text` is in two dialects and identifies none."""

_REQUEST_NAMES = frozenset(("config", "gcsconfiguri", "destinationstore", "destinationdataset"))
"""The keys of a request to Google's API, which contains a DeidentifyConfig."""


def recognise(document: Mapping[str, object]) -> Dialect:
    """The dialect of a document: dicomveil's own, unless it has a key of another.

    Raises ConfigurationError for a document that mixes dialects.
    """
    found: dict[Dialect, str] = {}
    for written, value in document.items():
        folded = _folded(written)
        for dialect, names in _NAMES.items():
            if folded in names and value is not None:
                found.setdefault(dialect, str(written))
    if len(found) > 1:
        belongs = ", ".join(f'"{name}" belongs to {dialect.value}' for dialect, name in found.items())
        raise ConfigurationError(f"the configuration mixes dialects: {belongs}; write it in one of them")
    if not found and any(_folded(name) in _REQUEST_NAMES for name in document):
        raise ConfigurationError(
            'this is a request to Google\'s API, not its configuration; give the object that it has in "config"'
        )
    return next(iter(found), Dialect.OWN)


def _folded(name: object) -> str:
    return str(name).replace("_", "").casefold()


def translate(document: Mapping[str, object], dialect: Dialect, findings: Findings) -> Translation | None:
    """Translate a document to dicomveil's own dialect; None if it is in that dialect."""
    if dialect is Dialect.TAG_RULES:
        return tag_rules.translate(document, findings)
    if dialect is Dialect.GOOGLE:
        return google.translate(document, findings)
    return None
