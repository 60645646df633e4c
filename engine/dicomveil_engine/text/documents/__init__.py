"""Documents that an instance encapsulates (PS3.3 Section A.45): what in them identifies is removed, the rest is kept.

    bytes ── begins like XML ──→ markup ──→ clinical ──→ markup ──→ bytes
          └─ begins like HL7 v2 ──→ messages ──────────────────────→ bytes

What is not read here, is over a limit or is not well-formed has no clean form. What a document is says its content,
never (0042,0012) MIME Type of Encapsulated Document: a claim nobody has checked.
"""

from __future__ import annotations

from dicomveil_engine.text.documents import clinical, markup, messages
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

_BEGINNINGS_OF_XML = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<", b"\0<", b"<\0")


def clean_document(document: bytes, identifying: IdentifyingWords, own: OwnWords) -> bytes | None:
    """The document without what identifies, of an even length; None where it cannot be read.

    `identifying` and `own` are the words of the data set around it; neither is changed.
    """
    if document.startswith(messages.BEGINNING):
        return _even(messages.cleaned(document, identifying, own))
    stripped = document.lstrip(b" \t\r\n")
    if stripped.startswith(_BEGINNINGS_OF_XML):
        root = markup.read(stripped)
        return None if root is None else _even(clinical.cleaned(root, identifying, own))
    return None


def _even(document: bytes | None) -> bytes | None:
    """Padded with a line end, which both notations allow; a NUL (PS3.5 Section 6.2) is not legal XML."""
    return document + b"\n" * (len(document) % 2) if document else None
