"""Cleaning encapsulated documents (PS3.3 Section A.45): identifying parts are removed, the rest is kept.

    bytes ── begins like XML ──→ markup ──→ clinical ──→ markup ──→ bytes
          └─ begins like HL7 v2 ──→ messages ──────────────────────→ bytes

A document of another kind, over a limit or not well-formed cannot be cleaned. The kind is recognised by content, not by
(0042,0012) MIME Type of Encapsulated Document, which may be wrong.
"""

from __future__ import annotations

from dicomveil_engine.text.documents import clinical, markup, messages
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

_BEGINNINGS_OF_XML = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<", b"\0<", b"<\0")


def clean_document(document: bytes, identifying: IdentifyingWords, own: OwnWords) -> bytes | None:
    """The cleaned document, of even length; None if it cannot be read.

    `identifying` and `own` are the words of the enclosing data set; neither is changed.
    """
    if document.startswith(messages.BEGINNING):
        return _even(messages.cleaned(document, identifying, own))
    stripped = document.lstrip(b" \t\r\n")
    if stripped.startswith(_BEGINNINGS_OF_XML):
        root = markup.read(stripped)
        return None if root is None else _even(clinical.cleaned(root, identifying, own))
    return None


def _even(document: bytes | None) -> bytes | None:
    """Pad with a line end, which both notations allow; the NUL of PS3.5 Section 6.2 is not legal XML."""
    return document + b"\n" * (len(document) % 2) if document else None
