"""Text and its bytes, by Specific Character Set (PS3.5 Section 6.1).

Decoding never fails and never guesses silently: what a character set cannot decode is read as ISO 8859-1, one
character a byte, so that names are still found in it and what stays is written back as it was. Encoding what
the character set cannot hold is an error.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from importlib import import_module
from types import ModuleType

from dicomveil_engine.attributes.character_sets import CODECS, ESCAPES, GB2312, LATIN_1, STAND_ALONE, STATEFUL
from dicomveil_engine.bounded_cache import remembered
from dicomveil_engine.errors import DeidentificationError

DEFAULT: tuple[str, ...] = (LATIN_1,)

_ESCAPE = b"\x1b"
_FRAGMENT = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_RESET = re.compile(rb"[\\^=\r\n\f\t]")
"""Before these, code extensions are back at the first character set (PS3.5 Section 6.1.2.5.3)."""
_RESET_TEXT = re.compile(r"([\\^=\r\n\f\t]+)")
_SINGLE = re.compile(r"ISO[ _-]IR[ _-]?(\d+)", re.ASCII)
_EXTENSION = re.compile(r"ISO[ _-]2022[ _-]IR[ _-]?(\d+)", re.ASCII)
"""Terms as writers misspell them."""
_TO_GB2312 = b"\x1b$)A"


@remembered(256)
def codecs_of(value: bytes) -> tuple[str, ...]:
    """The codecs that a value of (0008,0005) Specific Character Set stands for; unknown terms mean Latin-1.

    pydicom would do it too, but logs the terms that it does not know.
    """
    terms = [term.strip(" \0") for term in value.decode("latin-1").split("\\")]
    if len(terms) > 1 and terms[0] in STAND_ALONE:
        return (_codec_of(terms[0]),)  # it allows no code extensions (PS3.3 C.12.1.1.2)
    extensions = [term for term in terms[1:] if term not in STAND_ALONE]
    return tuple(map(_codec_of, [terms[0], *extensions]))


def _codec_of(term: str) -> str:
    if term not in CODECS:
        if match := _SINGLE.fullmatch(term):
            term = f"ISO_IR {match[1]}"
        elif match := _EXTENSION.fullmatch(term):
            term = f"ISO 2022 IR {match[1]}"
        elif term.upper() in {"UTF-8", "UTF8"}:
            term = "ISO_IR 192"
    return CODECS.get(term, LATIN_1)


def decode(value: bytes, codecs: tuple[str, ...]) -> str:
    """The text of a whole value; backslashes that separate values are still in it."""
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")
    try:
        return _decoded(value, codecs)
    except (UnicodeError, LookupError):
        return value.decode("latin-1")


def can_decode(value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether the character set has everything that is in the value; the default one has only ASCII."""
    if value.isascii() and _ESCAPE not in value:
        return True
    try:
        _decoded(value, codecs)
    except (UnicodeError, LookupError):
        return False
    return codecs != DEFAULT


def _decoded(value: bytes, codecs: tuple[str, ...]) -> str:
    if _ESCAPE not in value or len(codecs) == 1:
        return value.decode(codecs[0])
    return "".join(_decode_fragment(fragment, codecs) for fragment in _FRAGMENT.findall(value))


def _decode_fragment(fragment: bytes, codecs: tuple[str, ...]) -> str:
    if not fragment.startswith(_ESCAPE):
        return fragment.decode(codecs[0])
    width = 4 if fragment[:3] in {b"\x1b$(", b"\x1b$)"} else 3
    codec = ESCAPES.get(fragment[:width])
    if codec is None:
        raise UnicodeError
    if codec in STATEFUL:
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
        # pydicom warns and logs where it has to put a question mark: ask before.
        if all(_has_room(character, codecs) for character in text):
            return b"".join(_encode_part(part, codecs) for part in _RESET_TEXT.split(text) if part)
    except (UnicodeError, LookupError, ValueError):
        pass
    raise DeidentificationError("a text cannot be written in the data set's Specific Character Set")


def _encode_part(part: str, codecs: tuple[str, ...]) -> bytes:
    if GB2312 in codecs[1:] and not part.isascii():
        try:
            return part.encode(codecs[0])
        except UnicodeError:
            return _TO_GB2312 + part.encode(GB2312)
    encoded: bytes = _charset().encode_string(part, list(codecs))
    return encoded


def _charset() -> ModuleType:
    """pydicom's, which writes code extensions. It takes a third of a second to import, and few data sets have any."""
    return import_module("pydicom.charset")


@lru_cache(4_096)
def _has_room(character: str, codecs: tuple[str, ...]) -> bool:
    """Whether one of the codecs can write the character."""
    for codec in codecs:
        try:
            _charset().custom_encoders.get(codec, partial(str.encode, encoding=codec))(character)
        except UnicodeError:
            continue
        return True
    return False
