"""Which values a stream of Part 10 passes in chunks, so that names after them come too late for the texts before them.

The same values are recognised in JSON, so that both encodings refuse the same data sets. The exception is a value that
is elsewhere (BulkDataURI), whose length is unknown: names after it are removed from texts before it.
"""

from __future__ import annotations

import struct

from dicomveil_engine.json_model.table import Entry
from dicomveil_engine.json_model.values import JSONElement, decode
from dicomveil_engine.methods.base import BYTES_VRS
from dicomveil_engine.part10.encoding import IMPLICIT_LITTLE
from dicomveil_engine.part10.top_level import FIRST_GROUP_PASSED, LONG_VALUE
from dicomveil_engine.rewriting.treatment import Treatment

FIRST_KEY_PASSED = f"{FIRST_GROUP_PASSED:04X}0000"
_FEWEST_VALUES = LONG_VALUE // 8
"""A number has at most eight bytes, but a single text can be long."""


def is_streamed(entry: Entry, element: JSONElement, codecs: tuple[str, ...]) -> bool:
    """Whether the value of an element at the top level, from FIRST_KEY_PASSED on, is kept and over LONG_VALUE."""
    is_checked = entry.treatment is Treatment.CHECKED_KEEP and entry.vr in BYTES_VRS
    if entry.identifies or entry.vr == "SQ" or not (is_checked or entry.treatment is Treatment.KEEP):
        return False
    inline = element.get("InlineBinary")
    if isinstance(inline, str):
        return len(inline) // 4 * 3 - inline.count("=", -2) > LONG_VALUE
    values = element.get("Value")
    if not isinstance(values, list):
        return False
    if len(values) < _FEWEST_VALUES and sum(len(value) for value in values if isinstance(value, str)) < _FEWEST_VALUES:
        return False
    try:
        return len(IMPLICIT_LITTLE.encode(entry.vr, decode(element, entry.vr, codecs), codecs)) > LONG_VALUE
    except (ValueError, TypeError, struct.error):
        return False  # the data set is refused later
