"""Identifying words in binary values: text in the place of bytes, and names within other bytes.

A value is read with 8 and with 16 bits per character. Bytes may spell a short word by chance, so the longer a value is,
the longer a word must be to count.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from dicomveil_engine.text.own_words import OwnWords

_SHORT = 1 << 12
_SHORTEST = ((_SHORT, 4), (1 << 20, 5))
"""(bytes of a value, fewest letters of a word in it): by chance, fewer than one value in a thousand has such a word of
its data set."""
SHORTEST_IN_LONG = 7
_KINDS = bytes(
    ord("a") if chr(byte) in string.ascii_letters else ord("0") if chr(byte) in string.digits else 0
    for byte in range(256)
)
"""Byte → `a` for letters, `0` for digits: searching a translated value is several times as fast as a pattern."""
_WORDS = {
    shortest: re.compile(rb"[a-z]{%d,}|[0-9]{6,}|[a-z0-9]{8,}" % shortest) for shortest in (4, 5, SHORTEST_IN_LONG)
}
_LETTERS_AND_DIGITS = (string.ascii_letters + string.digits).encode()
_CONTROLS = bytes((*range(0x09), *range(0x0E, 0x20), 0x7F))
_FEWEST = 2


def may_hold_words(value: bytes) -> bool:
    """Whether a value is text, or has enough letters or digits in a row for a name or an identifier."""
    if value.isascii() and len(value) - len(value.translate(None, _LETTERS_AND_DIGITS)) < _FEWEST:
        return False  # as most short lists of numbers
    kinds = value.translate(_KINDS)
    if any(b"aaaa" in view or b"000000" in view for view in _views(kinds)):
        return True
    return next(_whole_texts(value), None) is not None


def holds_own_words(value: bytes, own: OwnWords) -> bool:
    """Whether a value is text with an identifying word of the data set, or has one within other bytes."""
    if not own.is_complete:
        return _is_plain(value)  # other bytes have letters by chance
    if any(own.are_in(text) for text in _whole_texts(value)):
        return True
    if has_word_within(value, own, next((most for size, most in _SHORTEST if len(value) <= size), SHORTEST_IN_LONG)):
        return True
    return len(value) <= _SHORT and any(own.has_long_word_in(view.lower().decode("latin-1")) for view in _views(value))


def has_word_within(value: bytes, own: OwnWords, shortest: int) -> bool:
    """Whether an identifying word of at least 4, 5 or SHORTEST_IN_LONG letters stands by itself between other bytes."""
    words = _WORDS[shortest].findall
    return any(own.are_among({word.decode("ascii") for word in words(view.lower())}) for view in _views(value))


def _views(value: bytes) -> Iterator[bytes]:
    """The value with 8 bits per character, and with 16 in either byte order."""
    yield value
    yield value[::2]
    yield value[1::2]


def _is_plain(value: bytes) -> bool:
    """Whether a value is text with 8 bits per character."""
    plain = value.rstrip(b" \0")
    return len(plain) >= _FEWEST and len(plain.translate(None, _CONTROLS)) == len(plain)


def _whole_texts(value: bytes) -> Iterator[str]:
    """The text of a value that holds nothing else, in each way in which its bytes are text."""
    if _is_plain(value):
        plain = value.rstrip(b" \0")
        try:
            yield plain.decode("utf-8")
        except UnicodeDecodeError:
            yield plain.decode("latin-1")
    if len(value) % 2 or len(value) < 2 * _FEWEST:
        return
    for codec in ("utf-16-le", "utf-16-be"):
        try:
            wide = value.decode(codec).strip(" \0\ufeff")
        except UnicodeDecodeError:
            continue
        if len(wide) >= _FEWEST and "".join(wide.split()).isprintable():
            yield wide
