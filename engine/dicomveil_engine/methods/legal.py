"""What a value may look like for its VR (PS3.5 Table 6.2-1): enough to refuse a wrong configured text.

Whether the character set of a data set can hold the text is known only when it is written.
"""

from __future__ import annotations

import re

from dicomveil_engine.pseudonyms.dates import read_da, read_dt

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_OF_TEXTS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""TAB LF FF CR and ESC are allowed in LT, ST and UT."""

_LONGEST = {"LO": 64, "SH": 16, "LT": 10240, "ST": 1024}
_PATTERNS = {
    "AE": re.compile(r"(?! *$)[ -\[\]-~]{1,16}"),
    "AS": re.compile(r"\d{3}[DWMY]", re.ASCII),
    "CS": re.compile(r"[A-Z0-9 _]{1,16}"),
    "DS": re.compile(r"(?=.{1,16}$) *[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)? *", re.ASCII),
    "IS": re.compile(r"(?=.{1,12}$) *[+-]?\d+ *", re.ASCII),
    "TM": re.compile(
        r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?",
        re.ASCII,
    ),
    "UI": re.compile(r"(?=.{1,64}$)(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*", re.ASCII),
    "UR": re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+"),
}


def is_legal(vr: str, text: str) -> bool:
    """Whether a non-empty text is one legal value of a text VR."""
    if vr in _PATTERNS:
        legal = _PATTERNS[vr].fullmatch(text) is not None
        return legal and (vr != "IS" or -(2**31) <= int(text) < 2**31)
    if vr == "DA":
        return read_da(text) is not None and "." not in text
    if vr == "DT":
        return read_dt(text) is not None
    if vr == "PN":
        return _is_person_name(text)
    control = _CONTROL_OF_TEXTS if vr in {"LT", "ST", "UT"} else _CONTROL
    return control.search(text) is None and len(text) <= _LONGEST.get(vr, len(text))


def _is_person_name(text: str) -> bool:
    """Whether it has at most three groups, of 64 characters and five components (PS3.5 Section 6.2.1)."""
    groups = text.split("=")
    return (
        _CONTROL.search(text) is None
        and len(groups) <= 3
        and all(len(group) <= 64 and group.count("^") <= 4 for group in groups)
    )
