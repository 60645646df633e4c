"""The HTML form of `dicomveil review`, with a row for each value, for review by a curator.

It works offline: the browser saves decisions as a CSV file, which can be loaded into a form of a later run, too. Values
are escaped.
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
.hidden{display:none}td.value{font-family:monospace;white-space:pre-wrap;max-width:40rem}</style>
</head><body>
<h1>Values to review</h1>
<p>This page shows values that are left in instances: treat it like patients' data.
<button id="save">Save decisions</button>
<label>Continue from saved decisions <input id="load" type="file" accept=".csv"></label>
<label><input id="open" type="checkbox"> Only undecided</label> <span id="count"></span></p>
<table><thead><tr>"""
_FOOT = """</tbody></table><script>
const rows = [...document.querySelectorAll("tbody tr")], byId = id => document.getElementById(id);
const cells = row => [...row.querySelectorAll("td[data-name]")].map(cell => cell.textContent);
const decision = row => row.querySelector("select"), note = row => row.querySelector("input");
const update = () => {
  rows.forEach(row => row.classList.toggle("hidden", byId("open").checked && decision(row).value !== ""));
  byId("count").textContent = rows.filter(row => decision(row).value !== "").length + " of " + rows.length + " decided";
};
// With quotation marks around every cell, as this page saves, or only where they are needed, as spreadsheets do.
const cell_and_end = /("(?:[^"]|"")*"|[^,\\r\\n]*)(,|\\r?\\n|$)/g;
// As tables.py does: a spreadsheet must not evaluate a value, and what it shows must be found again.
const formula = /^'*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]/;
const number = /^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const safe = text => formula.test(text) && !number.test(text) ? "'" + text : text;
const plain = text => text.startsWith("'") && formula.test(text) ? text.slice(1) : text;
const parse = text => [...text.matchAll(cell_and_end)].reduce((lines, [, cell, end]) => {
  lines.at(-1).push(plain(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
  if (end !== ",") lines.push([]);
  return lines;
}, [[]]);
document.querySelector("tbody").addEventListener("change", update);
byId("open").onchange = update;
byId("save").onclick = () => {
  const quoted = text => '"' + safe(text).replaceAll('"', '""') + '"';
  const lines = rows.map(row => [...cells(row), decision(row).value, note(row).value].map(quoted).join(","));
  const head = [...document.querySelectorAll("th")].map(cell => quoted(cell.textContent)).join(",");
  const link = document.createElement("a");
  link.href = "data:text/csv;charset=utf-8," + encodeURIComponent([head, ...lines].join("\\r\\n"));
  link.download = "decisions.csv"; link.click();
};
byId("load").onchange = async event => {
  const key = line => JSON.stringify(KEY.map(name => line[name]));
  const saved = new Map(parse(await event.target.files[0].text()).map(line => [key(line), line.slice(-2)]));
  for (const row of rows) {
    const found = saved.get(key(cells(row)));
    if (found) [decision(row).value, note(row).value] = found;
  }
  update();
};
update();
</script></body></html>
"""
_KEY = ("attribute", "vr", "value")
"""The columns by which a saved decision is assigned to a row, even if scores and counts have changed."""


def form(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterable[str]:
    """The page in pieces."""
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
    yield _FOOT.replace("KEY", str([columns.index(name) for name in _KEY if name in columns]), 1)
