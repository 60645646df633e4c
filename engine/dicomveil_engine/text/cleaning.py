"""From findings to a clean text: which findings count, and what stands in the text in their place.

Findings overlap: a date within a file's path, a name within an address. They are resolved to spans that do not, and
each span is given to a transformation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from dicomveil_engine.text.finding import Finding

Transformation = Callable[[str, Finding], str]
"""What stands in the place of a finding, given its text; nothing removes it."""

_BETWEEN_WORDS = re.compile(r"[\s,;.:^=/_'\-]{0,3}")


def resolve(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of the text that do not overlap and cover all that the given ones cover.

    Of two that overlap, the more likely one, then the longer one, gives the infotype and the reason for both: nothing
    of either may stay.
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
    """The text without its resolved findings; one blank stays between what is left and right of them."""
    kept: list[str] = []
    end = 0
    for finding in findings:
        # What stands between two findings is not text of its own: "Doe, Jane".
        if finding.start > end and not (end and _BETWEEN_WORDS.fullmatch(text, end, finding.start)):
            kept.append(text[end : finding.start])
        end = finding.end
    return _joined([*kept, text[end:]])


def replace(text: str, findings: list[Finding], transformation: Transformation) -> str:
    """The text with its resolved findings transformed; one whose transformation gives nothing is removed."""
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
    """The pieces one after the other, with one blank where there was any or where two words would meet."""
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
