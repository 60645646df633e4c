"""Text and its bytes, by Specific Character Set (PS3.5 Section 6.1).

Decoding never fails and never guesses silently: what a character set cannot decode is read as ISO 8859-1, one
character a byte, so that names are still found in it and what stays is written back as it was. Encoding what
the character set cannot hold is an error.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from pydicom import charset

from dicomveil_engine.errors import DeidentificationError

DEFAULT: tuple[str, ...] = ("iso8859",)
"""ISO IR 6; its eighth bit is undefined, and in practice Latin-1."""

_ESCAPE = b"\x1b"
_FRAGMENT = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_RESET = re.compile(rb"[\\^=\r\n\f\t]")
"""Before these, code extensions are back at the first character set (PS3.5 Section 6.1.2.5.3)."""
_RESET_TEXT = re.compile(r"([\\^=\r\n\f\t]+)")
_STATEFUL = frozenset(charset.handled_encodings)
"""Codecs that read the escape sequences by themselves."""


@lru_cache(256)
def codecs_of(value: bytes) -> tuple[str, ...]:
    """The codecs that a value of (0008,0005) Specific Character Set stands for; unknown terms mean Latin-1."""
    terms = [term.strip(" \0") for term in value.decode("latin-1").split("\\")]
    if terms[0] in {"ISO_IR 192", "GB18030", "GBK"}:
        terms = terms[:1]  # they allow no code extensions (PS3.3 C.12.1.1.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return tuple(charset.convert_encodings(terms if len(terms) > 1 else terms[0])) or DEFAULT
        except (LookupError, ValueError):
            return DEFAULT


def decode(value: bytes, codecs: tuple[str, ...]) -> str:
    """The text of a whole value; backslashes that separate values are still in it."""
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")
    try:
        if _ESCAPE not in value or len(codecs) == 1:
            return value.decode(codecs[0])
        return "".join(_decode_fragment(fragment, codecs) for fragment in _FRAGMENT.findall(value))
    except (UnicodeError, LookupError):
        return value.decode("latin-1")


def _decode_fragment(fragment: bytes, codecs: tuple[str, ...]) -> str:
    if not fragment.startswith(_ESCAPE):
        return fragment.decode(codecs[0])
    width = 4 if fragment[:3] in {b"\x1b$(", b"\x1b$)"} else 3
    codec = charset.CODES_TO_ENCODINGS.get(fragment[:width])
    if codec is None:
        raise UnicodeError
    if codec in _STATEFUL:
        return fragment.decode(codec)
    text = fragment[width:]
    reset = _RESET.search(text)
    if reset is None:
        return text.decode(codec)
    return text[: reset.start()].decode(codec) + text[reset.start() :].decode(codecs[0])


def encode(text: str, codecs: tuple[str, ...]) -> bytes:
    """The bytes of a text. Raises DeidentificationError when the character set has no room for it."""
    if text.isascii():
        return text.encode("ascii")
    try:
        if len(codecs) == 1:
            return text.encode(codecs[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return b"".join(charset.encode_string(part, list(codecs)) for part in _RESET_TEXT.split(text) if part)
    except (UnicodeError, LookupError, ValueError, UserWarning):
        raise DeidentificationError("a text cannot be written in the data set's Specific Character Set") from None
