"""The form of `dicomveil review`: one page with a row for each value, which a curator works through offline.

It asks nothing of any server: decisions are saved by the browser as a CSV file. Values stand in it as text only.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from dicomveil_proxy.command.table import Row

DECISIONS = ("", "harmless", "identifies", "unsure")
_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Values to review</title>
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>body{font:14px sans-serif;margin:1rem}table{border-collapse:collapse}td,th{border:1px solid #bbb;
padding:.2rem .5rem;text-align:left;vertical-align:top}
td.value{font-family:monospace;white-space:pre-wrap;max-width:40rem}</style>
</head><body>
<h1>Values to review</h1>
<p>This page shows values that are left in instances: treat it like patients' data.
<button id="save">Save decisions</button></p>
<table><thead><tr>"""
_FOOT = """</tbody></table><script>
document.getElementById("save").onclick = () => {
  const quoted = text => '"' + text.replaceAll('"', '""') + '"';
  const lines = [...document.querySelectorAll("tbody tr")].map(row => [
    ...[...row.querySelectorAll("td[data-name]")].map(cell => cell.textContent),
    row.querySelector("select").value, row.querySelector("input").value].map(quoted).join(","));
  const link = document.createElement("a");
  link.href = "data:text/csv;charset=utf-8," + encodeURIComponent(
    [[...document.querySelectorAll("th")].map(cell => quoted(cell.textContent)).join(","), ...lines].join("\\r\\n"));
  link.download = "decisions.csv"; link.click();
};</script></body></html>
"""


def form(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterable[str]:
    """The pieces of the page."""
    yield (
        _HEAD
        + "".join(f"<th>{escape(name)}</th>" for name in (*columns, "decision", "note"))
        + "</tr></thead><tbody>\n"
    )
    choices = "".join(f"<option>{escape(choice)}</option>" for choice in DECISIONS)
    for row in rows:
        cells = "".join(
            f'<td data-name="{escape(name)}"{" class=value" if name == "value" else ""}>{escape(str(row[name]))}</td>'
            for name in columns
        )
        yield f"<tr>{cells}<td><select>{choices}</select></td><td><input></td></tr>\n"
    yield _FOOT
