"""Inline Pixel Data in DICOM JSON, cleaned as in Part 10: everything other than pixels is removed."""

from __future__ import annotations

import base64
import binascii

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.code_streams.native import FLOATING_BITS, IMAGE_TAGS, PixelLayout
from dicomveil_engine.code_streams.sniffing import refuse_code_stream
from dicomveil_engine.code_streams.whole import clean_fragments, clean_native
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.json_model.table import Entry
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement, decode

IMAGE_KEYS = frozenset(f"{tag:08X}" for tag in IMAGE_TAGS)
_ITEM = b"\xfe\xff\x00\xe0"


def inline_pixels(
    entry: Entry, element: JSONElement, dataset: JSONDataSet, *, removes_overlays: bool
) -> tuple[JSONElement, bool]:
    """The element with its value cleaned, and whether that holds all pixels that the attributes describe, or fragments.

    If it does not, the bytes may be anything. Fragments in an unknown format are dropped.
    Raises InvalidDataSetError for a value that is not Base64, DeidentificationError for a code stream in its place.
    """
    written = str(element.get("vr", "UN"))
    try:
        value = base64.b64decode(str(element["InlineBinary"]), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidDataSetError(
            f"{dictionary.described(entry.tag, entry.vr)} has an InlineBinary that is not base64"
        ) from None
    layout = PixelLayout.of({int(key, 16): _first(dataset[key]) for key in IMAGE_KEYS & dataset.keys()})
    if value.startswith(_ITEM):
        # The JSON model gives no transfer syntax (PS3.18 Annex F), so the format is recognised from the bytes.
        try:
            value = clean_fragments(value, "", layout.frames)
        except (InvalidDataSetError, DeidentificationError):
            return {"vr": written}, True
        is_complete = True
    else:
        refuse_code_stream(value)
        bits = FLOATING_BITS.get(entry.tag, 0)
        is_complete = bool(layout.complete_length(len(value), bits))
        value = clean_native(value, layout, removes_overlays=removes_overlays, floating_bits=bits)
    return {"vr": written, "InlineBinary": base64.b64encode(value).decode("ascii")}, is_complete


def _first(element: JSONElement) -> object:
    """The first value of an element."""
    if not isinstance(element, dict):
        return None
    try:
        values = decode(element, str(element.get("vr", "UN")), characters.DEFAULT)
    except (ValueError, TypeError):
        return None
    first = values[0] if isinstance(values, list) and values else None
    return first.strip(" \0") if isinstance(first, str) else first
