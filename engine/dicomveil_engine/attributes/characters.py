"""Text and its bytes, by Specific Character Set (PS3.5 Section 6.1).

Decoding never fails. A value that is not valid in the declared character set is tried in others; if none fits, the
text ends before the first character that cannot be read. Encoding raises an error for characters outside the character
set. `readings` gives the other ways in which a decoded text can be read.
"""

from __future__ import annotations

import codecs as python_codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from dicomveil_engine.attributes.character_sets import (
    CODECS,
    ESCAPES,
    GB2312,
    LATIN_1,
    STAND_ALONE,
    STATEFUL,
    corrected_term,
)
from dicomveil_engine.bounded_cache import cached, of_values
from dicomveil_engine.errors import DeidentificationError

DEFAULT: tuple[str, ...] = (LATIN_1,)

_ESCAPE = b"\x1b"
_FRAGMENT = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_RESET = re.compile(rb"[\\^=\r\n\f\t]")
"""At these, code extensions are reset to the first character set (PS3.5 Section 6.1.2.5.3)."""
_RESET_TEXT = re.compile(r"([\\^=\r\n\f\t]+)")
_TO_GB2312 = b"\x1b$)A"
_VALUES_CACHED = 4_096
_LONGEST_REREAD = 1 << 12
"""Bytes of a damaged value that are retried byte by byte from the end; a longer one is cut to its ASCII beginning."""
_NOT_ASCII = re.compile(rb"[\x1b\x80-\xff]")
_NOT_LATIN_1 = re.compile(rb"\x1b|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UTF_8 = re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""Characters in UTF-8 that were decoded as Latin-1, one character for each byte."""
_MULTI_BYTE = frozenset(("gb18030", "gbk", "shift_jis", "euc_kr", "euc_jp"))
_JAPANESE = frozenset(("shift_jis", "iso2022_jp", "iso2022_jp_2"))
"""Codecs of which DICOM allows a part only (PS3.5 Annex H)."""
_LATIN_1 = frozenset((DEFAULT[0], "latin_1"))
_UTF_8_NAMES = frozenset(("utf8", "utf-8", "utf_8"))
_UNDECLARED = ("cp1252", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "cp1250", "cp1251", "gb18030", "shift_jis")
"""Encodings in which undeclared text is commonly written."""


@cached(256)
def codecs_of(value: bytes) -> tuple[str, ...]:
    """The codecs for a value of (0008,0005) Specific Character Set; Latin-1 for unknown terms.

    pydicom's own function is not used, since it logs unknown terms.
    """
    terms = [term.strip(" \0") for term in value.decode("latin-1").split("\\")]
    if len(terms) > 1 and terms[0] in STAND_ALONE:
        return (_codec_of(terms[0]),)  # it allows no code extensions (PS3.3 Section C.12.1.1.2)
    extensions = [term for term in terms[1:] if term not in STAND_ALONE]
    return tuple(map(_codec_of, [terms[0], *extensions]))


def _codec_of(term: str) -> str:
    return CODECS.get(corrected_term(term), LATIN_1)


def decode(value: bytes, codecs: tuple[str, ...]) -> str:
    """Decode a whole value, with the backslashes that separate its values."""
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")
    return _read(value, codecs)[0]


def is_whole(value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether `decode` gives the whole text, leaving nothing out."""
    return (value.isascii() and _ESCAPE not in value) or _read(value, codecs)[1]


@cached(_VALUES_CACHED)
def _read(value: bytes, codecs: tuple[str, ...]) -> tuple[str, bool]:
    """The text, and whether it is the whole value."""
    try:
        return _decoded(value, codecs), True
    except UnicodeDecodeError as error:
        is_cut = error.reason in _CUT_REASONS and error.end >= len(error.object)
    except (UnicodeError, LookupError):
        is_cut = False
    if not is_cut:
        for read in (_as_utf8, _with_any_escapes, _as_latin_1):
            try:
                return read(value, codecs), True
            except (UnicodeError, LookupError):
                continue
    return _beginning(value, codecs), False


_CUT_REASONS = frozenset(("unexpected end of data", "incomplete multibyte sequence"))
"""The reasons Python's codecs give when a value ends within a character."""


def _as_utf8(value: bytes, codecs: tuple[str, ...]) -> str:  # noqa: ARG001 (one of several)
    return value.decode("utf-8")


def _as_latin_1(value: bytes, codecs: tuple[str, ...]) -> str:
    """Decode as Windows-1252, unless some bytes form a UTF-8 character or the declared set is multi-byte."""
    if codecs[0].lower() in _MULTI_BYTE or _NOT_LATIN_1.search(value):
        raise UnicodeError
    return value.decode("cp1252")


def _with_any_escapes(value: bytes, codecs: tuple[str, ...]) -> str:
    """Decode with escape sequences that (0008,0005) does not declare (PS3.5 Section 6.1.2.5)."""
    if _ESCAPE not in value:
        raise UnicodeError
    return "".join(_decode_fragment(fragment, codecs) for fragment in _FRAGMENT.findall(value))


def _beginning(value: bytes, codecs: tuple[str, ...]) -> str:
    """The longest beginning that can be decoded."""
    end = len(value)
    while end:
        try:
            return _decoded(value[:end], codecs)
        except UnicodeDecodeError as error:
            whole = len(error.object) == end
            end = min(end - 1, error.start) if whole else end - 1
        except (UnicodeError, LookupError):
            end -= 1
        end = end if end < _LONGEST_REREAD else _ascii_beginning(value)
    return ""


def _ascii_beginning(value: bytes) -> int:
    match = _NOT_ASCII.search(value)
    return match.start() if match else len(value)


def can_decode(value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether the value is valid in the declared character set; the default one has ASCII only."""
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
    """Encode a text. Raises DeidentificationError when the character set cannot represent it."""
    if text.isascii():
        return text.encode("ascii")
    try:
        if len(codecs) == 1:
            return text.encode(codecs[0])
        # pydicom logs the text when it has to replace a character, so check first.
        if all(_can_encode(character, codecs) for character in text):
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


def load_codecs() -> None:
    """Load the codecs of all character sets, which Python otherwise imports with the first text in each."""
    for codec in {*CODECS.values(), *_UNDECLARED}:
        with suppress(LookupError):  # some are names of pydicom's
            python_codecs.lookup(codec)


def _charset() -> Any:
    """pydicom's module, which writes code extensions; imported late, since few data sets have any (0.3 s).

    Beginning with the package: of two threads that import a package and a module of it at once, and wait for each
    other, Python gives one half a module. A test looks for such imports.
    """
    from pydicom import charset  # noqa: PLC0415

    return charset


@of_values
@lru_cache(4_096)
def _can_encode(character: str, codecs: tuple[str, ...]) -> bool:
    """Whether one of the codecs can encode the character."""
    for codec in codecs:
        try:
            if codec in _JAPANESE:
                _charset().custom_encoders[codec](character)
            else:
                character.encode(codec)
        except UnicodeError:
            continue
        return True
    return False


class Decoding(NamedTuple):
    """One way in which a text can be read."""

    text: str
    is_sure: bool
    """Whether another reading is unlikely; if False, this is one guess of several."""
    codecs: tuple[str, ...]
    """The codecs of this reading."""
    declared: tuple[str, ...]
    """The codecs of the declared character set."""

    def written(self, text: str) -> str:
        """A part of this text as the declared character set decodes it.

        Characters that the declared set lacks are left in the bytes of this reading.
        """
        if self.codecs == self.declared or text.isascii():
            return text
        if len(self.codecs) > 1:
            return self._as_declared(text)
        return "".join(
            character if character.isascii() or _can_encode(character, self.declared) else self._as_declared(character)
            for character in text
        )

    def _as_declared(self, text: str) -> str:
        declared = "latin-1" if self.declared[0] in _LATIN_1 else self.declared[0]
        for codec in STATEFUL.intersection(self.codecs):
            with suppress(UnicodeError, LookupError):
                return text.encode(codec).decode(declared)
        try:
            return encode(text, self.codecs).decode(declared)
        except (DeidentificationError, UnicodeError, LookupError):
            return ""


def readings(text: str, codecs: tuple[str, ...]) -> list[Decoding]:
    """The ways in which a decoded text can be read, beginning with the text as it is.

    A text decoded in the declared character set may have been written in another: in UTF-8, with undeclared escape
    sequences, or in another single-byte set.
    """
    found = [Decoding(text, True, codecs, codecs)]
    if text.isascii() and "\x1b" not in text:
        return found
    for codec in ("latin-1",) if codecs[0] in _LATIN_1 else (codecs[0], "latin-1"):
        with suppress(UnicodeError, LookupError):
            found += _readings_of(text.encode(codec), codec, codecs)
    unique: dict[str, Decoding] = {}
    for reading in found:
        unique.setdefault(reading.text, reading)
    return list(unique.values())


def _readings_of(value: bytes, codec: str, declared: tuple[str, ...]) -> Iterator[Decoding]:
    characters = value.decode("latin-1")
    if codec.lower() not in _UTF_8_NAMES and _UTF_8.search(characters):
        is_sure = codec == "latin-1" and _UTF_8.sub("", characters).isascii()
        yield Decoding(_UTF_8.sub(_utf_8_character, characters), is_sure, ("utf-8",), declared)
    if "\x1b" in characters:
        escaped = _escaped_codecs(value)
        with suppress(UnicodeError, LookupError):
            yield Decoding(_with_any_escapes(value, (codec,)), True, (codec, *escaped), declared)
    if codec == "latin-1" and not value.isascii():
        for other in _UNDECLARED:
            with suppress(UnicodeError, LookupError):
                yield Decoding(value.decode(other), False, (other,), declared)


def _utf_8_character(match: re.Match[str]) -> str:
    try:
        return match[0].encode("latin-1").decode("utf-8")
    except UnicodeError:
        return match[0]


def _escaped_codecs(value: bytes) -> tuple[str, ...]:
    """The codecs that the escape sequences in a value select."""
    widths = (fragment[: 4 if fragment[:3] in {b"\x1b$(", b"\x1b$)"} else 3] for fragment in _FRAGMENT.findall(value))
    found = (ESCAPES.get(escape) for escape in widths)
    return tuple(dict.fromkeys(codec for codec in found if codec))
