"""The report as an HTML page: counts, missing instances with reasons, conformance statement, thumbnails of the output.

One file without scripts and external links. Pictures are made from de-identified instances only.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from html import escape
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TextIO

from dicomveil_engine import Policy
from dicomveil_engine.reports.conformance import conformance_statement
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs.ledger import Ledger, StudyRow
from dicomveil_proxy.jobs.study_report import COLUMNS, report_rows, status_of
from dicomveil_proxy.jobs.verification import Holdings
from dicomveil_proxy.wire import unfinished

_THUMBNAILS = 24
_LARGEST_BYTES = 32 << 20
"""The largest instance that is drawn."""
_STUDIES_SHOWN = 1_000
_REFUSED = "SELECT reason FROM unit WHERE job = :job AND run = :run AND refused > 0"
_REFUSAL = re.compile(r"(?:^|; )(\d+) refused: (.*?)(?=; \d+ refused: |$)")
_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left}"
    "img{margin:2px;background:#000;width:128px;height:128px;object-fit:contain}pre{white-space:pre-wrap}"
)


def write_page(path: Path, ledger: Ledger, policy: Policy, holdings: Holdings | None) -> None:
    """Write the page. Raises OSError."""
    with unfinished.whole(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        _write(file, ledger, policy, holdings)


def _write(file: TextIO, ledger: Ledger, policy: Policy, holdings: Holdings | None) -> None:
    file.write('<!doctype html><html lang="en"><meta charset="utf-8"><title>Export</title>')
    file.write(f"<style>{_STYLE}</style><h1>Export</h1>")
    counts = ledger.counts()
    statuses = Counter(status_of(row).value for row in ledger.studies())
    file.write("<h2>Counts</h2>")
    _table(file, ("studies", "number"), sorted(statuses.items()))
    numbers = ("series", counts.units), ("instances expected", counts.expected), ("instances placed", counts.placed)
    _table(file, ("", "number"), (*numbers, ("instances refused", counts.refused)))
    file.write("<h2>Modalities</h2>")
    _table(file, ("modality", "series", "instances", "bytes"), _modalities(ledger))
    reasons = Counter(row.reason for row in ledger.studies() if row.reason)
    if reasons:
        file.write("<h2>Why something is missing</h2>")
        _table(file, ("reason", "studies"), reasons.most_common())
    refusals = _refusals(ledger)
    if refusals:
        file.write("<h2>Refused instances</h2>")
        _table(file, ("rule or reason", "instances"), refusals.most_common())
    file.write("<h2>What was cleaned</h2>")
    _table(
        file, ("profile and options",), sorted((option.name.replace("_", " ").lower(),) for option in policy.options)
    )
    _contact_sheet(file, ledger, holdings)
    file.write("<h2>Studies</h2>")
    _table(file, COLUMNS, _shown(ledger.studies()))
    statement = conformance_statement([policy])
    file.write(f"<details><summary>Conformance statement</summary><pre>{escape(statement)}</pre></details>")


def _shown(rows: Iterator[StudyRow]) -> Iterator[tuple[object, ...]]:
    yield from islice(report_rows(rows), _STUDIES_SHOWN)
    if next(rows, None) is not None:
        yield "", "more: see the table beside this page", "", "", "", ""


def _refusals(ledger: Ledger) -> Counter[str]:
    """The number of refused instances for each reason, which names the rule or attribute."""
    counts: Counter[str] = Counter()
    for (text,) in ledger.stream(_REFUSED, run=ledger.run):
        for count, reason in _REFUSAL.findall(text):
            counts[reason] += int(count)
    return counts


def _modalities(ledger: Ledger) -> list[tuple[object, ...]]:
    series: Counter[str] = Counter()
    instances: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for _, _, modality, _, count, size, _, _ in ledger.series():
        series[modality] += 1
        instances[modality] += count
        sizes[modality] += int(size)
    return [(name or "?", series[name], instances[name], sizes[name]) for name in sorted(series)]


def _contact_sheet(file: TextIO, ledger: Ledger, holdings: Holdings | None) -> None:
    if holdings is None:
        return
    file.write("<h2>Thumbnails</h2><p>The first instance of the first series, as it was placed.</p><p>")
    shown = 0
    for _, _, modality, _, _, _, path, _ in ledger.series():
        if shown == _THUMBNAILS:
            break
        picture = _drawn(holdings, path)
        if picture:
            shown += 1
            data = b64encode(picture).decode("ascii")
            file.write(f'<img alt="{escape(modality)}" src="data:image/jpeg;base64,{data}">')
    file.write("</p>")


def _drawn(holdings: Holdings, path: str) -> bytes:
    """A thumbnail; empty if the instance is not a picture, or cannot be rendered."""
    from dicomveil_proxy.pixels.render import render  # noqa: PLC0415 - pydicom and numpy, when all is placed

    with suppress(ProxyError, OSError, MemoryError), holdings.open(path) as instance:
        data = instance.read(_LARGEST_BYTES + 1)
        if len(data) <= _LARGEST_BYTES:
            return render(BytesIO(data), 1, "image/jpeg", {"viewport": "128,128"})
    return b""


def _table(file: TextIO, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    file.write(f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in columns)}</tr>")
    file.writelines(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    file.write("</table>")
