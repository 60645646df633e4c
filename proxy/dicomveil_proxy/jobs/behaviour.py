"""A digest of a policy's behaviour, which is the same in all versions of dicomveil that behave alike.

It is the digest of a de-identified instance that has each attribute of Table E.1-1, and others of every kind. A new
version can therefore resume a job of an earlier one, unless it decides differently. Since an instance cannot have every
value, the text of the configuration is part of the fingerprint as well. The instance is encoded here, since importing
pydicom takes longer than exporting a hundred images.
"""

from __future__ import annotations

import hashlib
import json
import struct
from functools import cache

from dicomveil_engine import EngineError, Policy
from dicomveil_engine.attributes._standard import TABLE_E1
from dicomveil_engine.attributes.dictionary import vr_of
from dicomveil_engine.part10.file_meta import PREAMBLE_BYTES, PREFIX
from dicomveil_engine.part10.rewriter import rewritten_instance
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest

_CT = "1.2.840.10008.5.1.4.1.1.2"
_SR = "1.2.840.10008.5.1.4.1.1.88.33"
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_VALUES: dict[str, object] = {
    "AE": "EXAMPLE-AE", "AS": "042Y", "CS": "EXAMPLE", "DA": "20200229", "DS": "1.5", "DT": "20200229123456.7+0100",
    "FD": 1.5, "FL": 1.5, "IS": "7", "LO": "Doe Jane, call 555-0100", "LT": "Seen by Dr. Doe on 29.02.2020\r\nCT",
    "OB": b"\1\2", "OD": bytes(8), "OF": bytes(4), "OL": bytes(4), "OV": bytes(8), "OW": b"\1\2",
    "PN": "Doe^Jane", "SH": "EXAMPLE-1", "SL": 1, "SS": 1, "ST": "CT of the abdomen of Jane Doe", "SV": 1,
    "TM": "123456", "UC": "Jane Doe", "UI": "1.2.3.4.5", "UL": 1, "UN": b"\1\2", "UR": "http://example.org/1",
    "US": 1, "UT": "Findings of Jane Doe", "UV": 1,
}  # fmt: skip
_NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_LONG_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_UNLISTED = (0x00080008, 0x00080060, 0x00100010, 0x00180010, 0x00180050, 0x00181030, 0x00189074, 0x00280010, 0x00281050)


def behaviour_of(policy: Policy, secret: bytes) -> bytes:
    """The keyed digest of the policy's behaviour."""
    seen = hashlib.sha256()
    for sop_class in (_CT, _SR):
        try:
            seen.update(rewritten_instance(_probe(sop_class), policy))
        except EngineError as error:
            seen.update(str(error).encode())
    # The probes hold no text in pixels; what a preset says of it is not in the text of the configuration.
    seen.update(json.dumps(policy.pixels.as_json()).encode())
    return keyed_digest(Keys(secret).derive("batch/behaviour"), seen.digest())


@cache
def _probe(sop_class: str) -> bytes:
    elements = _with_everything(sop_class)
    nested = _encoded(elements)
    elements |= {
        0x00081115: ("SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(nested)) + nested),
        0x00090010: ("LO", "EXAMPLE 1.0"),
        0x00091001: ("LO", "Doe^Jane"),
        0x00280002: ("US", 1),
        0x00280004: ("CS", "MONOCHROME2"),
        0x00280010: ("US", 1),
        0x00280011: ("US", 1),
        0x00280100: ("US", 8),
        0x00280101: ("US", 8),
        0x7FE00010: ("OB", b"\1\2"),
    }
    meta = _encoded(
        {
            0x00020001: ("OB", b"\0\1"),
            0x00020002: ("UI", sop_class),
            0x00020003: ("UI", "1.2.3.3"),
            0x00020010: ("UI", _EXPLICIT_LITTLE),
            0x00020012: ("UI", "1.2.3.4"),
        }
    )
    return bytes(PREAMBLE_BYTES) + PREFIX + _encoded({0x00020000: ("UL", len(meta))}) + meta + _encoded(elements)


def _with_everything(sop_class: str) -> dict[int, tuple[str, object]]:
    elements: dict[int, tuple[str, object]] = {}
    for tag in {*TABLE_E1.rows, *_UNLISTED}:
        vr = vr_of(tag) or "UN"
        if tag >> 16 in (0x0000, 0x0002, 0x0004) or vr not in _VALUES:
            continue
        elements[tag] = vr, _VALUES[vr]
    elements[0x00080016], elements[0x00080018] = ("UI", sop_class), ("UI", "1.2.3.3")
    elements[0x0020000D], elements[0x0020000E] = ("UI", "1.2.3.1"), ("UI", "1.2.3.2")
    elements[0x00100020], elements[0x00080060] = ("LO", "PATIENT-1"), ("CS", "CT")
    return elements


def _encoded(elements: dict[int, tuple[str, object]]) -> bytes:
    """The elements in explicit VR little endian (PS3.5 Section 7.1.2)."""
    return b"".join(_element(tag, *elements[tag]) for tag in sorted(elements))


def _element(tag: int, vr: str, value: object) -> bytes:
    if isinstance(value, str):
        data = value.encode("ascii")
        data += (b"\0" if vr == "UI" else b" ") * (len(data) % 2)
    else:
        data = value if isinstance(value, bytes) else struct.pack(f"<{_NUMBERS[vr]}", value)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode("ascii"))
    return head + struct.pack("<xxI" if vr in _LONG_VRS else "<H", len(data)) + data
