"""Recognise instances whose pixels pass unchanged from a few elements, so that the gate runs once for a series.

The verdict of the gate depends on about fifteen elements. They are the same, byte for byte, in the slices of a series,
so the verdict on the first slice holds for all. An instance that is not sure to pass is not decided here, but by
`gate` with the whole header.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.bounded_cache import LONGEST
from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.errors import EngineError
from dicomveil_engine.part10.encoding import IMPLICIT_LITTLE, LONG_VRS, UNDEFINED, Encoding
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.pixels.elements import InstanceElements, TopElement
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader

_REGIONS = 0x00186011
_ASKED = frozenset(
    (
        *(0x00080008, 0x00080016, 0x00080060, 0x00080064, 0x00080070, 0x00081090, 0x00181020, _REGIONS),
        *(0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280301),
    )
)
"""The elements that the gate reads from an instance with Pixel Data."""
_LAST = max(_ASKED)
_LONG_VRS = frozenset(vr.encode() for vr in LONG_VRS)
_EXPLICIT = struct.Struct("<HH2sH")
_IMPLICIT = struct.Struct("<HHI")
_LENGTH = struct.Struct("<I")
_LONGEST = 1 << 16
"""Bytes of the header that are searched for these elements; a longer header is left to the gate."""
_DEPTH = 32
_KINDS = 256


class PassingInstances:
    """The instances that pass under one policy."""

    def __init__(self, settings: PixelSettings) -> None:
        self._settings = settings
        self._verdicts: dict[tuple[object, ...], PixelVerdict] = {}

    def verdict(self, data: bytes) -> PixelVerdict | None:
        """The verdict on an instance from its first bytes if it is sure to pass unchanged, otherwise None."""
        try:
            found = read_file_meta(data, closing=False)
            if found is None or found[0].is_deflated or found[0].encoding.big:
                return None
            meta, start = found
            elements = _elements(data, start, meta.encoding)
        except (EngineError, struct.error):
            return None
        if elements is None:
            return None
        key = (
            meta.transfer_syntax_uid,
            "" if 0x00080016 in elements else meta.sop_class_uid,
            *((tag, vr, data[value:end]) for tag, vr, _, value, end in elements.values()),
        )
        verdict = self._verdicts.get(key)
        if verdict is None:
            header = PixelHeader.from_elements(InstanceElements(data, meta, start, elements, None, False))
            # These bytes may end before Pixel Data: assume that there is some.
            verdict = gate(replace(header, has_pixel_data=True), self._settings)
            if len(self._verdicts) >= _KINDS:
                self._verdicts.clear()
            self._verdicts[key] = verdict
        return verdict if verdict.action is PixelAction.NOTHING and not verdict.has_face else None


def _elements(data: bytes, position: int, encoding: Encoding) -> dict[int, TopElement] | None:
    """The elements that the gate needs; None if they have not all arrived, or if one occurs twice.

    Raises struct.error if the bytes end within an element.
    """
    found: dict[int, TopElement] = {}
    size = min(len(data), _LONGEST)
    implicit, read = encoding.implicit, _IMPLICIT.unpack_from if encoding.implicit else _EXPLICIT.unpack_from
    while position < size:
        start, vr = position, b""
        value = position + 8
        if implicit:
            group, element, length = read(data, position)
            position = value + length
        else:
            group, element, vr, length = read(data, position)
            if vr in _LONG_VRS:
                (length,) = _LENGTH.unpack_from(data, value)
                value += 4
            position = value + length
        tag = group << 16 | element
        if tag > _LAST:
            return found
        if length == UNDEFINED:
            position = end_of_sequence(data, value, IMPLICIT_LITTLE if vr == b"UN" else encoding, _DEPTH)
        if tag in _ASKED:
            if position > size or length > LONGEST or tag == _REGIONS or tag in found:
                return None
            name = vr.decode("latin-1") or dictionary.vr_of(tag) or "UN"
            found[tag] = TopElement(tag, name, start, value, position)
    return None
