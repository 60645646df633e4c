"""Explaining which spans of an instance's texts are removed or changed, and what found them.

The spans are those of the first pass over the texts in their declared character set. Findings in other readings, or
after a first removal, are not included. Explanations hold texts only on request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.elements import EncodedElement, Path, path_text, read_elements
from dicomveil_engine.policy import Policy
from dicomveil_engine.reports.explanation import explain_instance
from dicomveil_engine.text.changing import PROSE_VRS
from dicomveil_engine.text.identifying import is_identifying
from dicomveil_engine.text.words import IdentifyingWords

_CLEANS = "clean"


@dataclass(frozen=True)
class SpanExplanation:
    """One span of a text."""

    path: Path
    value: int
    """Which of the element's values, counted from 1."""
    start: int
    end: int
    infotype: str
    way: str
    """How it is changed, as a configuration writes it (`text.changes.Way`)."""
    why: str
    """The detector's reason."""
    text: str | None = None
    """The span, on request."""

    @property
    def place(self) -> str:
        """The path as BulkDataURIs write it."""
        return path_text(self.path)


def explain_texts(data: bytes, policy: Policy, *, show_values: bool = False) -> list[SpanExplanation]:
    """The findings in each text that the policy cleans, in the order of the elements.

    Raises InvalidDataSetError if the instance cannot be read, DeidentificationError if there is no safe output.
    """
    cleaned = {each.path for each in explain_instance(data, policy) if each.method == _CLEANS}
    elements = list(read_elements(data))
    words = IdentifyingWords(policy.cleaning)
    for element in elements:
        if is_identifying(element.tag, element.vr):
            for text in _texts(element):
                if not policy.is_pseudonym_patient_id(text):
                    words.add(text, element.vr)
    explained: list[SpanExplanation] = []
    for element in elements:
        if element.path in cleaned:
            explained += _spans(element, words, policy, show_values=show_values)
    return explained


def _spans(
    element: EncodedElement, words: IdentifyingWords, policy: Policy, *, show_values: bool
) -> Iterator[SpanExplanation]:
    for number, text in enumerate(_texts(element), 1):
        for found in words.findings(text, is_prose=element.vr in PROSE_VRS):
            yield SpanExplanation(
                element.path,
                number,
                found.start,
                found.end,
                str(found.infotype),
                policy.cleaning.changes.of(found.infotype, element.tag).way.value,
                found.why,
                text[found.start : found.end] if show_values else None,
            )


def _texts(element: EncodedElement) -> list[str]:
    """The element's values as texts; empty if they cannot be read."""
    if not len(element.value) or element.vr == "SQ":
        return []
    try:
        values = element.values()
    except InvalidDataSetError:
        return []
    return [] if isinstance(values, bytes) else [str(value) for value in values]
