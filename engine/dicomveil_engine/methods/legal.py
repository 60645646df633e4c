"""Whether a configured text is a legal value of a VR (PS3.5 Table 6.2-1).

Stricter than `attributes.legality`, which judges values of existing instances. Whether the data set's character set can
represent the text is checked when it is encoded.
"""

from __future__ import annotations

import re

from dicomveil_engine.pseudonyms.dates import read_da, read_dt

INTEGER_RANGES = {
    "IS": (-(2**31), 2**31 - 1),
    "SL": (-(2**31), 2**31 - 1),
    "SS": (-(2**15), 2**15 - 1),
    "SV": (-(2**63), 2**63 - 1),
    "UL": (0, 2**32 - 1),
    "US": (0, 2**16 - 1),
    "UV": (0, 2**64 - 1),
}
"""VR → the least and the greatest whole number (PS3.5 Table 6.2-1)."""
GREATEST_SINGLE = 3.4028234663852886e38
"""The greatest number of FL and OF, which have 32 bits."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_OF_TEXTS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""LT, ST and UT allow TAB, LF, FF, CR and ESC."""

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
    """Whether it has at most three component groups of 64 characters and five components (PS3.5 Section 6.2.1)."""
    groups = text.split("=")
    return (
        _CONTROL.search(text) is None
        and len(groups) <= 3
        and all(len(group) <= 64 and group.count("^") <= 4 for group in groups)
    )
