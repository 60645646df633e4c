"""A text as a reader sees it: without invisible characters, and with letters of one script in each word.

Zero-width characters, and letters of another alphabet that look the same, must not hide a name. A finding in the text
as it is read is removed from the text as it is written, with all characters within.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from dicomveil_engine.text.finding import Finding
from dicomveil_engine.text.spelling import INVISIBLE, Span

_CHANGES = re.compile(
    rf"(?P<unseen>[{INVISIBLE}]+)|(?P<named>&(?:[a-zA-Z]{{2,8}}|#\d{{2,6}}|#[xX][0-9a-fA-F]{{2,5}});)"
)
_OTHER_SCRIPTS = re.compile(r"[\u0250-\u03ff\u0400-\u04ff\u1d00-\u1d7f\ua730-\ua7ff]")
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[a-zA-Z\u00c0-\u024f]")
_ALIKE = {
    ord(other): latin
    for others, letters in (
        (
            (
                "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0410\u0412"
                "\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u051a\u051c"
            ),
            "aeopcyxijshdqwABESIJKMHOPCTYXQW",
        ),
        (
            (
                "\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c9\u03b7\u0391\u0392\u0395"
                "\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
            ),
            "abeikvoptuxwnABEZHIKMNOPTYX",
        ),
        (
            (
                "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18"
                "\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22"
            ),
            "abcdefghijklmnoprstuvwyz",
        ),
    )
    for other, latin in zip(others, letters, strict=True)
}
"""Letters of Cyrillic, Greek and phonetic script \u2192 those of Latin script that look alike."""


class Read(NamedTuple):
    """A text as it is read, and the position of each character in the text as it is written."""

    text: str
    origin: tuple[Span, ...] | None
    """The span of each character in the written text; None if the positions are the same."""

    def written(self, finding: Finding) -> Finding:
        """A finding in the text as it is written."""
        if self.origin is None:
            return finding
        start, end = self.origin[finding.start][0], self.origin[finding.end - 1][1]
        return Finding(start, end, finding.infotype, finding.likelihood, finding.why)


def as_read(text: str) -> Read:
    """The text as it is read; most texts do not differ."""
    if text.isascii() and "&" not in text:
        return Read(text, None)
    read, origin = text, None
    if _CHANGES.search(text):
        read, origin = _with_origin(text)
    if _OTHER_SCRIPTS.search(read):
        read = _LETTERS.sub(lambda match: _in_one_script(match[0]), read)
    return Read(read, origin)


def _with_origin(text: str) -> tuple[str, tuple[Span, ...]]:
    pieces: list[str] = []
    origin: list[Span] = []
    end = 0
    for match in _CHANGES.finditer(text):
        shown = html.unescape(match[0]) if match["named"] else ""
        if match["named"] and (len(shown) != 1 or not shown.isprintable()) and not _CHANGES.fullmatch(shown):
            continue
        pieces.append(text[end : match.start()])
        origin += ((at, at + 1) for at in range(end, match.start()))
        if match["named"] and not _CHANGES.fullmatch(shown):
            pieces.append(shown)
            origin.append(match.span())
        end = match.end()
    pieces.append(text[end:])
    origin += ((at, at + 1) for at in range(end, len(text)))
    return "".join(pieces), tuple(origin)


def _in_one_script(word: str) -> str:
    """The word in Latin script, if it mixes Latin letters with others that look like them."""
    if word.isascii():
        return word
    latin = word.translate(_ALIKE)
    is_mixed = _LATIN.search(word) is not None or not _CYRILLIC_OR_GREEK.search(word)
    return latin if is_mixed and not _OTHER_SCRIPTS.search(latin) else word


_CYRILLIC_OR_GREEK = re.compile(r"[\u0370-\u03ff\u0400-\u04ff]")
