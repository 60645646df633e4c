"""The defined terms of Specific Character Set, and Python's codecs for them (PS3.3 Section C.12.1.1.2).

`characters` reads and writes text with them.
"""

from __future__ import annotations

import re

LATIN_1 = "iso8859"
"""ISO IR 6 defines seven bits only; in practice, bytes above them are Latin-1."""
GB2312 = "iso_ir_58"

_PLAIN = {
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso_ir_126",
    "127": "iso_ir_127",
    "138": "iso_ir_138",
    "144": "iso_ir_144",
    "148": "iso_ir_148",
    "166": "iso_ir_166",
    "203": "iso8859_15",
}
"""Single-byte character sets, defined with and without code extensions: ISO registration number → codec."""

CODECS = {
    "": LATIN_1,
    "ISO_IR 6": LATIN_1,
    "ISO 2022 IR 6": LATIN_1,
    "ISO_IR 13": "shift_jis",
    "ISO 2022 IR 13": "shift_jis",
    **{f"ISO_IR {number}": codec for number, codec in _PLAIN.items()},
    **{f"ISO 2022 IR {number}": codec for number, codec in _PLAIN.items()},
    "ISO 2022 IR 58": GB2312,
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO_IR 192": "UTF8",
    "GB18030": "GB18030",
    "GBK": "GBK",
    "ISO 2022 GBK": "GBK",
    "ISO 2022 58": "GB2312",
}
"""Defined term → codec; the last two are not defined, but occur."""

STAND_ALONE = frozenset(("ISO_IR 192", "GB18030", "GBK"))
"""Terms that allow no code extensions."""

STATEFUL = frozenset(("iso2022_jp", "iso2022_jp_2"))
"""Codecs that handle escape sequences themselves."""

ESCAPES = {
    b"\x1b(B": LATIN_1,
    b"\x1b(J": "shift_jis",
    b"\x1b)I": "shift_jis",
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso_ir_126",
    b"\x1b-G": "iso_ir_127",
    b"\x1b-H": "iso_ir_138",
    b"\x1b-L": "iso_ir_144",
    b"\x1b-M": "iso_ir_148",
    b"\x1b-T": "iso_ir_166",
    b"\x1b-b": "iso8859_15",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)A": GB2312,
    b"\x1b$)C": "euc_kr",
}
"""Escape sequence → codec of the text after it (PS3.3 Tables C.12-3 and C.12-4)."""

_SINGLE = re.compile(r"ISO[ _-]IR[ _-]?(\d+)", re.ASCII)
_EXTENSION = re.compile(r"ISO[ _-]2022[ _-]IR[ _-]?(\d+)", re.ASCII)


def corrected_term(term: str) -> str:
    """The term in the standard's spelling, if it is a common misspelling of one; other terms unchanged."""
    if match := _SINGLE.fullmatch(term):
        return f"ISO_IR {int(match[1])}"
    if match := _EXTENSION.fullmatch(term):
        return f"ISO 2022 IR {int(match[1])}"
    return "ISO_IR 192" if term.upper() in {"UTF-8", "UTF8"} else term
