"""Concept names: how a content item says what it is about, and which rows of PS3.15 Table E.3.4-1 are meant.

A concept is known by any of its codes: the table's own, and for SNOMED CT the earlier one, which stands under SRT,
SNM3 or 99SDM (PS3.16 Section 8.1). A code that is not in the table, a retired or a private one, is known by the
meaning beside it: so that it can only cause more to be removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from dicomveil_engine.attributes._standard.structured_content import TABLE_E341, ContentRow

_EARLIER_SCHEMES = frozenset(("SRT", "SNM3", "99SDM"))
"""PS3.16 Section 8.1 and Table 8-1: designators of SNOMED before SNOMED CT identifiers were used."""


class ConceptName(NamedTuple):
    """The item of a Concept Name Code Sequence (0040,A043), as it was written."""

    values: tuple[str, ...]
    """Code Value, Long Code Value and URN Code Value: those that are there."""
    scheme: str
    meaning: str


def concept_name(values: Iterable[str], scheme: str, meaning: str) -> ConceptName | None:
    """The concept name of these texts as they were written; None where they say nothing."""
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
    """The rows of the concept, of all its value types; none when the table does not list it."""
    scheme = name.scheme.upper()
    if scheme in _EARLIER_SCHEMES:
        scheme = "SRT"
    for value in name.values:
        rows = _BY_CODE.get((value.upper(), scheme))
        if rows:
            return rows
    return _BY_MEANING.get(_meaning(name.meaning), ())
