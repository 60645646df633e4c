"""From findings to a clean text: resolving overlaps, and removing or replacing spans.

Findings may overlap, such as a date in a file's path or a name in an address. They are resolved to spans that do not
overlap, each of which is transformed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from dicomveil_engine.text.finding import Finding

Transformation = Callable[[str, Finding], str]
"""(text of a finding, finding) → its replacement; empty to remove it."""

_BETWEEN_WORDS = re.compile(r"[\s,;.:^=/_'\-]{0,3}")


def resolve(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in text order that do not overlap and together cover all of the given ones.

    Overlapping findings become one, with the infotype and reason of the more likely one, or else of the longer one.
    """
    resolved: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if finding.end <= finding.start:
            continue
        last = resolved[-1] if resolved else None
        if last is None or finding.start >= last.end:
            resolved.append(finding)
            continue
        best = max(last, finding, key=lambda one: (one.likelihood, one.end - one.start))
        resolved[-1] = Finding(last.start, max(last.end, finding.end), best.infotype, best.likelihood, best.why)
    return resolved


def remove(text: str, findings: list[Finding]) -> str:
    """The text without its resolved findings; one blank is left between the text before and after them."""
    kept: list[str] = []
    end = 0
    for finding in findings:
        # Separators between two findings are removed with them: "Doe, Jane".
        if finding.start > end and not (end and _BETWEEN_WORDS.fullmatch(text, end, finding.start)):
            kept.append(text[end : finding.start])
        end = finding.end
    return _joined([*kept, text[end:]])


def replace(text: str, findings: list[Finding], transformation: Transformation) -> str:
    """The text with its resolved findings replaced; a finding with an empty replacement is removed."""
    removed: list[Finding] = []
    pieces: list[str] = []
    shift = end = 0
    for finding in findings:
        new = transformation(text[finding.start : finding.end], finding)
        pieces += (text[end : finding.start], new)
        if not new:
            removed.append(
                Finding(finding.start + shift, finding.start + shift, finding.infotype, finding.likelihood, finding.why)
            )
        shift += len(new) - (finding.end - finding.start)
        end = finding.end
    whole = "".join((*pieces, text[end:]))
    return remove(whole, removed) if removed else whole


def _joined(pieces: list[str]) -> str:
    """Join the pieces, with one blank where there was any, or where two words would touch."""
    joined: list[str] = []
    blank = False
    for piece in pieces:
        body = piece.strip(" ")
        if body:
            if joined:
                left, right = joined[-1][-1], body[0]
                blank = blank or piece[0] == " " or (left.isalnum() and right.isalnum())
                joined.append(" " if blank and left not in "\r\n" and right not in "\r\n" else "")
            joined.append(body)
            blank = False
        blank = blank or piece.endswith(" ")
    return "".join(joined)
