"""Concept names of content items, and their rows in PS3.15 Table E.3.4-1.

A concept is found by its code in the table, or for SNOMED CT by its earlier code in SRT, SNM3 or 99SDM (PS3.16
Section 8.1). A code that is not in the table, such as a retired or private one, is found by its code meaning, which can
only cause more to be removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from dicomveil_engine.attributes._standard.structured_content import TABLE_E341, ContentRow

_EARLIER_SCHEMES = frozenset(("SRT", "SNM3", "99SDM"))
"""Designators of SNOMED before DICOM used SNOMED CT identifiers (PS3.16 Section 8.1 and Table 8-1)."""


class ConceptName(NamedTuple):
    """The item of a Concept Name Code Sequence (0040,A043), as written."""

    values: tuple[str, ...]
    """Code Value, Long Code Value and URN Code Value, as far as present."""
    scheme: str
    meaning: str


def concept_name(values: Iterable[str], scheme: str, meaning: str) -> ConceptName | None:
    """The concept name from its attributes' texts, without padding; None if there is neither a code nor a meaning."""
    found = tuple(value for text in values if (value := text.strip(" \0")))
    name = ConceptName(found, scheme.strip(" \0"), meaning.strip(" \0"))
    return name if name.values or name.meaning else None


Rows = tuple[ContentRow, ...]


def _index() -> tuple[dict[tuple[str, str], Rows], dict[str, Rows]]:
    by_code: defaultdict[tuple[str, str], Rows] = defaultdict(tuple)
    by_meaning: defaultdict[str, Rows] = defaultdict(tuple)
    for row in TABLE_E341:
        by_code[row.code_value.upper(), row.coding_scheme.upper()] += (row,)
        if row.srt_value:
            by_code[row.srt_value.upper(), "SRT"] += (row,)
        by_meaning[_meaning(row.meaning)] += (row,)
    return dict(by_code), dict(by_meaning)


def _meaning(text: str) -> str:
    return " ".join(text.lower().split())


_BY_CODE, _BY_MEANING = _index()


def rows_of(name: ConceptName) -> Rows:
    """The rows of the concept, for all value types; empty when the table does not list it."""
    scheme = name.scheme.upper()
    if scheme in _EARLIER_SCHEMES:
        scheme = "SRT"
    for value in name.values:
        rows = _BY_CODE.get((value.upper(), scheme))
        if rows:
            return rows
    return _BY_MEANING.get(_meaning(name.meaning), ())
