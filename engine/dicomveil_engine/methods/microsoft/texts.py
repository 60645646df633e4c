"""Text length and encoding as in .NET."""

from __future__ import annotations

DEFAULT_REPERTOIRE_VRS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"))
"""Text VRs that Specific Character Set does not apply to; fo-dicom decodes them as ASCII."""


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units, as String.Length."""
    return len(text) + sum(character > "\uffff" for character in text)


def as_ascii(text: str) -> str:
    """The text with a question mark for each UTF-16 code unit that is not ASCII, as Encoding.ASCII writes it."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else "?" * utf16_length(c) for c in text)
