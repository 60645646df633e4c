"""The identifying words for a document: those of the enclosing data set, and those of the document's header.

A document's header may name persons who are in no attribute; their names are removed from its text too.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from dicomveil_engine.text.cleaning import remove
from dicomveil_engine.text.finding import Finding
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

_MOST_VALUES = 1_024
"""Limit for the values in a document's header; reports have a few dozen."""
_ROUNDS = 16


class DocumentWords:
    """Cleans the texts of a document of its identifying words."""

    def __init__(self, identifying: IdentifyingWords, own: OwnWords, values: Iterable[tuple[str, str]]) -> None:
        """`values` are those of the document's header, each with the VR that it would have in a data set."""
        found = list(islice(dict.fromkeys(values), _MOST_VALUES + 1))
        self.are_many = len(found) > _MOST_VALUES
        """Whether there are too many values, so that no text can be cleaned."""
        self._identifying = identifying.beside(found)
        self._own = own
        self._of_document = OwnWords()
        for value, vr in found:
            self._of_document.add(value, vr)

    def are_in(self, text: str) -> bool:
        """Whether a code or name holds a word of the data set or the document."""
        return self._own.are_in(text) or self._of_document.are_in(text)

    def are_in_uid(self, uid: str) -> bool:
        """Whether a component of a UID is an identifier of the data set or the document."""
        return self._own.are_in_uid(uid) or self._of_document.are_in_uid(uid)

    def cleaned(self, text: str) -> str:
        """The cleaned text."""
        return self._identifying.remove_from(text) if text.strip() else text

    def cleaned_together(self, pieces: list[str], between: str) -> list[str]:
        """The cleaned pieces of one text, such as the cells of a row, which are searched together."""
        if len(pieces) == 1:
            return [self.cleaned(pieces[0])]
        for _ in range(_ROUNDS):
            findings = self._identifying.findings(between.join(pieces))
            new = _without(pieces, findings, len(between))
            if new == pieces:
                return pieces
            pieces = new
        return [""] * len(pieces)


def _without(pieces: list[str], findings: list[Finding], between: int) -> list[str]:
    """The pieces without the findings, whose positions are in the joined text."""
    left: list[str] = []
    start = first = 0
    for piece in pieces:
        end = start + len(piece)
        while first < len(findings) and findings[first].end <= start:
            first += 1
        here = []
        for finding in islice(findings, first, None):
            if finding.start >= end:
                break
            here.append(
                Finding(
                    max(finding.start, start) - start,
                    min(finding.end, end) - start,
                    finding.infotype,
                    finding.likelihood,
                    finding.why,
                )
            )
        left.append(_keep_blanks(piece, remove(piece, here)) if here else piece)
        start = end + between
    return left


def _keep_blanks(before: str, after: str) -> str:
    """The cleaned piece with its blanks at both ends, which separate it from its neighbours; it never gets longer."""
    if not after:
        return " " if before[:1] == " " and before[-1:] == " " and len(before) > 1 else ""
    lead = " " if before[:1] == " " != after[:1] else ""
    trail = " " if before[-1:] == " " != after[-1:] else ""
    return f"{lead}{after}{trail}" if len(after) + len(lead) + len(trail) <= len(before) else after
