"""The cohort: studies and series selected by a list of original values, or by a query in original space.

The archive's search results are matched here again; values of a list must be equal exactly, even if the archive's
matching is more lenient. No message contains a value; rows of the list are named by their numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from urllib.parse import parse_qsl

from dicomveil_engine import ConfigurationError, Policy
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import BadRequest, UnknownResource
from dicomveil_proxy.jobs.series import uid_in
from dicomveil_proxy.jobs.tables import plain
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level, Query, matches, name_of
from dicomveil_proxy.request.resource import parse_uid
from dicomveil_proxy.settings.filters import FilterSettings, read_filter

STUDY, SERIES, PATIENT, ACCESSION = "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "AccessionNumber"
ATTRIBUTES = (STUDY, SERIES, PATIENT, ACCESSION)
"""The columns that a list may have, and their tags."""
TAGS = {STUDY: "0020000D", SERIES: "0020000E", PATIENT: "00100020", ACCESSION: "00080050"}
REPORT_COLUMNS = frozenset(("row", "status", "expected", "placed", "reason"))
"""Columns of an earlier report, which are ignored when it is used as a list."""
_RESULTS_ASKED = 500
_UIDS_ASKED = 50
"""UIDs in one search: 3 KiB of a URL, while servers accept 8 KiB."""
_LARGEST_FIELD = 4096


@dataclass(frozen=True)
class Row:
    """One row of a list: values that a study or series must all have."""

    number: int
    """The number of the row, from 1, without the header."""
    values: tuple[tuple[str, str], ...] = field(repr=False)
    """Attributes and original values; empty for an empty row."""

    def value(self, attribute: str) -> str:
        """The value of an attribute; empty if the row has none."""
        return dict(self.values).get(attribute, "")


@dataclass(frozen=True)
class Chosen:
    """A selected study, and the row that selects it; without a study if the row matches nothing."""

    row: int
    study: str = field(default="", repr=False)
    match: Match = field(default_factory=dict, repr=False)
    series: frozenset[str] | None = field(default=None, repr=False)
    """The selected series; None for all."""


class Cohort:
    """The selection of studies and series."""

    def __init__(
        self,
        *,
        rows: tuple[Row, ...] | None = None,
        query: str | None = None,
        series: str | None = None,
        limit: int | None = None,
    ) -> None:
        """Rows of a list, or a query for studies; a query for series; at most so many studies.

        Raises ConfigurationError for a query that cannot be read.
        """
        self._rows = rows
        self._filter = read_filter(FilterSettings(query=_pairs("query", query)), "query") if query is not None else None
        self._series_parameters = tuple(_pairs("series", series).items()) if series is not None else ()
        self._series = _series_query(self._series_parameters)
        self._limit = limit

    async def studies(self, origin: Origin, policy: Policy, known: dict[str, str]) -> AsyncGenerator[Chosen, None]:
        """The selected studies, and the rows that match nothing, in the order of the list or of the archive.

        `known` maps pseudonyms of this project to originals, since a report used as a list has pseudonyms. Missing ones
        are found by searching the whole archive.
        """
        found: set[str] = set()
        source = self._by_query(origin) if self._rows is None else self._by_rows(origin, policy, known)
        async with aclosing(source) as chosen:
            async for each in chosen:
                if each.study and each.study not in found:
                    if self._limit is not None and len(found) >= self._limit:
                        if self._rows is None:
                            return
                        continue
                    found.add(each.study)
                yield each

    async def series(self, origin: Origin, chosen: Chosen) -> AsyncGenerator[tuple[str, int], None]:
        """The selected series of a study, each with its number of instances by the archive, or -1 if it is missing."""
        parameters = (*self._series_parameters, *_included(self._series))
        rows = pages(origin, Level.SERIES, OriginalUID(chosen.study), None, parameters, size=_RESULTS_ASKED)
        seen: set[str] = set()
        async with aclosing(rows):
            async for page in rows:
                for match in page:
                    uid = uid_in(match, TAGS[SERIES])
                    if not uid or uid in seen or (chosen.series is not None and uid not in chosen.series):
                        continue
                    if self._series is None or matches(match, self._series):
                        seen.add(uid)
                        yield uid, _count(match)

    async def _by_query(self, origin: Origin) -> AsyncGenerator[Chosen, None]:
        assert self._filter is not None
        parameters = (*self._filter.parameters, *self._filter.included(()))
        async for match in _search(origin, Level.STUDIES, parameters):
            study = uid_in(match, TAGS[STUDY])
            if study and self._filter.passes(match):
                yield Chosen(0, study, match)

    async def _by_rows(self, origin: Origin, policy: Policy, known: dict[str, str]) -> AsyncGenerator[Chosen, None]:
        assert self._rows is not None
        pseudonyms = {uid for row in self._rows if policy.is_pseudonym_uid(uid := row.value(STUDY))}
        if pseudonyms - known.keys():
            known = known | await _originals(origin, policy, pseudonyms - known.keys())
        # Consecutive rows with nothing but a study are searched together.
        for is_study, group in groupby(self._rows, lambda row: [name for name, _ in row.values] == [STUDY]):
            rows = list(group)
            if not is_study:
                for row in rows:
                    async for each in self._by_row(origin, row, known):
                        yield each
                continue
            for first in range(0, len(rows), _UIDS_ASKED):
                part = rows[first : first + _UIDS_ASKED]
                wanted = {row.number: known.get(uid := row.value(STUDY), uid) for row in part}
                legal = {uid for uid in wanted.values() if _is_uid(uid)}
                by_study: dict[str, Match] = {}
                if legal:
                    async for match in _search(origin, Level.STUDIES, ((STUDY, ",".join(sorted(legal))),)):
                        by_study.setdefault(uid_in(match, TAGS[STUDY]), match)
                for row in part:
                    match = by_study.get(wanted[row.number], {})
                    yield Chosen(row.number, wanted[row.number] if match else "", match)

    async def _by_row(self, origin: Origin, row: Row, known: dict[str, str]) -> AsyncGenerator[Chosen, None]:
        """The studies of a row that has more than a StudyInstanceUID."""
        wanted = {name: known.get(value, value) if name == STUDY else value for name, value in row.values}
        uids = [value for name, value in wanted.items() if name in (STUDY, SERIES)]
        found: dict[str, tuple[Match, set[str]]] = {}
        if wanted and all(_is_uid(uid) for uid in uids):
            level = Level.SERIES if SERIES in wanted else Level.STUDIES
            parameters = (
                *wanted.items(),
                *(("includefield", name) for name in ATTRIBUTES[: 1 + (level is Level.SERIES)]),
            )
            parameters += (("includefield", PATIENT), ("includefield", ACCESSION))
            async for match in _search(origin, level, parameters):
                if all(text_in(match, TAGS[name]) == value.strip(" \0") for name, value in wanted.items()):
                    study = uid_in(match, TAGS[STUDY])
                    if study:
                        found.setdefault(study, (match, set()))[1].add(uid_in(match, TAGS[SERIES]))
        for study, (match, series) in found.items():
            yield Chosen(row.number, study, match, frozenset(series) if SERIES in wanted else None)
        if not found:
            yield Chosen(row.number)


_SPELLINGS = {name.casefold(): name for name in ATTRIBUTES}


def read_list(path: Path) -> tuple[Row, ...]:
    """The rows of a list. Raises ConfigurationError, without values, for an invalid list."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except OSError as error:
        raise ConfigurationError(f"list: it cannot be read ({error.strerror}); name a CSV file with --list") from None
    except UnicodeDecodeError:
        raise ConfigurationError("list: it is not text in UTF-8; save it as CSV (UTF-8)") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise ConfigurationError("list: it is not CSV; a quotation mark may be missing") from None
    header = [_SPELLINGS.get(name.strip().casefold(), name.strip()) for name in lines[0]] if lines else []
    if not any(name in ATTRIBUTES for name in header):
        raise ConfigurationError(
            f"list: its first line must name one or more of {', '.join(ATTRIBUTES)}; other columns are not allowed"
        )
    is_report = header[:1] == ["row"]
    for column, name in enumerate(header, 1):
        if name not in ATTRIBUTES and not (is_report and name in REPORT_COLUMNS):
            raise ConfigurationError(
                f"list: column {column} is not one of {', '.join(ATTRIBUTES)}; remove it, since it would have no effect"
            )
    if len(set(header)) != len(header):
        raise ConfigurationError("list: a column's name occurs twice")
    return tuple(_rows(lines[1:], header))


def _rows(lines: list[list[str]], header: list[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) > len(header) or any(len(cell) > _LARGEST_FIELD for cell in line):
            raise ConfigurationError(f"list: row {number} has more cells than the first line has names")
        cells = zip(header, line, strict=False)
        values = tuple((name, _plain(cell)) for name, cell in cells if name in ATTRIBUTES and cell.strip())
        yield Row(number, values)


def _plain(cell: str) -> str:
    """The cell without the apostrophe that keeps it from being a formula."""
    return plain(cell.strip())


_KEYWORDS = (
    *ATTRIBUTES, "BodyPartExamined", "InstitutionName", "ModalitiesInStudy", "Modality", "PatientBirthDate",
    "PatientName", "PatientSex", "ProtocolName", "ReferringPhysicianName", "SeriesDate", "SeriesDescription",
    "SeriesNumber", "StationName", "StudyDate", "StudyDescription", "StudyID", "StudyTime",
)  # fmt: skip
"""Common search keys, as suggestions for a misspelt one."""


_OPTIONS = frozenset(("limit", "offset", "fuzzymatching", "includefield"))


def _pairs(option: str, text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True, strict_parsing=True, encoding="utf-8")
    except ValueError:
        raise ConfigurationError(
            f"{option}: write it as a QIDO-RS query, such as 'ModalitiesInStudy=CT&StudyDate=20200101-'"
        ) from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise ConfigurationError(f"{option}: an attribute occurs twice")
    for number, (name, _) in enumerate(pairs, 1):
        if name.lower() in _OPTIONS:
            continue  # refused by its name later
        try:
            Query.parse(Level.STUDIES, ((name, ""),))
        except BadRequest:
            raise ConfigurationError(
                f"{option}: parameter {number} is not the keyword of an attribute{did_you_mean(name, _KEYWORDS)}"
            ) from None
    return dict(pairs)


def _series_query(parameters: tuple[tuple[str, str], ...]) -> Query | None:
    if not parameters:
        return None
    try:
        query = Query.parse(Level.SERIES, parameters)
    except BadRequest as error:
        raise ConfigurationError(f"series: {error}") from None
    if len(query.keys) != len(parameters) or any(key.is_universal for key in query.keys):
        raise ConfigurationError("series: write attributes and their values only")
    return query


def _included(query: Query | None) -> tuple[tuple[str, str], ...]:
    names = [name_of(key.path[0]) for key in query.keys] if query else []
    return tuple(("includefield", name) for name in (*names, "NumberOfSeriesRelatedInstances"))


async def _search(origin: Origin, level: Level, parameters: tuple[tuple[str, str], ...]) -> AsyncGenerator[Match, None]:
    rows = pages(origin, level, None, None, parameters, size=_RESULTS_ASKED)
    async with aclosing(rows):
        async for page in rows:
            for match in page:
                yield match


async def _originals(origin: Origin, policy: Policy, pseudonyms: set[str]) -> dict[str, str]:
    """The originals of pseudonyms of studies, found by computing the pseudonym of each study in the archive."""
    found: dict[str, str] = {}
    async for match in _search(origin, Level.STUDIES, ()):
        study = uid_in(match, TAGS[STUDY])
        for pseudonym in policy.pseudonym_uids(study) if study else ():
            if pseudonym in pseudonyms:
                found[pseudonym] = study
    return found


def text_in(match: Match, tag: str) -> str:
    """The single text value of an attribute in a search result."""
    element = match.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and len(values) == 1 else None
    return str(first).strip(" \0") if isinstance(first, (str, int, float)) else ""


def _count(match: Match) -> int:
    text = text_in(match, "00201209")
    return int(text) if text.isdecimal() else -1


def _is_uid(text: str) -> bool:
    try:
        return bool(parse_uid(text))
    except UnknownResource:
        return False
