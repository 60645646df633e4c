"""The place of a value in the output, and whether it is an original there.

Used only after a value was found. Part 10 output is read with pydicom, independently of the code that wrote it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import NamedTuple

from dicomveil_engine import JSONDataSet, Policy
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import EngineError
from dicomveil_engine.methods.base import BYTES_VRS, TEXT_VRS, Context, Element
from dicomveil_engine.methods.microsoft.date_shift import MicrosoftShiftDates

_DATES = frozenset(("DA", "DT", "TM"))
_OWN_URLS = frozenset((0x00081190,))
"""Retrieve URL, which the proxy writes with pseudonyms."""
_DECOYS = {
    "DA": "20010203",
    "DT": "20010203040506",
    "TM": "010203",
    "UI": "1.2.3.4.5",
    "AS": "021Y",
    "DS": "7",
    "IS": "7",
}
_DECOY = "DECOY"


class Place(NamedTuple):
    """One value of the output."""

    tag: int
    vr: str
    value: bytes
    creator: str | None
    rule: str = ""
    is_uri: bool = False
    """Whether it is a BulkDataURI, which the proxy writes."""
    is_binary: bool = False
    """Whether it is base64 in JSON."""

    def ruled(self, policy: Policy) -> Place:
        """The place with the rule by which its value was released."""
        return self._replace(rule=policy.decide(self.tag, self.vr, self.creator).rule)

    def leaks(self, original: bytes, tag: int, vr: str, policy: Policy) -> bool:
        """Whether the value contains an original of attribute `tag` that the policy does not keep."""
        before = rb"(?<![0-9.])" if vr == "UI" else rb"(?<![0-9A-Za-z])"
        after = rb"(?![0-9]|\.[0-9])" if vr == "UI" else rb"(?![0-9A-Za-z])"
        if not re.search(before + re.escape(original) + after, self.value):
            return False
        if self.is_uri or self.tag in _OWN_URLS:
            return vr == "UI"
        if vr in _DATES and self.vr in _DATES and self.tag != tag:
            return False  # a shifted date may equal the original of another attribute
        decision = policy.decide(self.tag, self.vr, self.creator)
        if decision.method.name == "keep" or (vr in _DATES and isinstance(decision.method, MicrosoftShiftDates)):
            return False  # the Microsoft tool also shifts by zero days
        return not self._is_constant(policy)

    def _is_constant(self, policy: Policy) -> bool:
        """Whether the method writes this for any original: a dummy, or a text from the configuration."""
        method = policy.decide(self.tag, self.vr, self.creator).method
        decoy: Element
        if self.vr in TEXT_VRS:
            decoy = Element(self.tag, self.vr, [_DECOYS.get(self.vr, _DECOY)])
        elif self.vr in BYTES_VRS:
            decoy = Element(self.tag, self.vr, b"\1\2\3\4")
        else:
            return False
        try:
            made = method.apply(decoy, Context())
        except EngineError:
            return False
        if isinstance(made, bytes):
            return made == self.value
        return made is not None and self.value in {str(value).encode("utf-8", "replace") for value in made}


def places_in_part10(data: bytes, transfer_syntax: str) -> list[Place] | None:
    """The values of consecutive elements; None if they cannot be read."""
    # Not `from pydicom.filereader`: while another thread imports pydicom, each would wait for the other's module, and
    # Python would resolve that by giving one of them half a module, for good.
    from pydicom import filereader  # noqa: PLC0415 - its import takes a second, rarely needed

    syntax = transfer_syntax.rstrip(" \0")
    implicit = syntax == "1.2.840.10008.1.2"
    little = syntax != "1.2.840.10008.1.2.2"
    found: list[Place] = []
    stream = BytesIO(data)
    try:
        elements = filereader.data_element_generator(stream, implicit, little, stop_when=_is_cut_off(data, stream))
        found.extend(_places(elements))
    except Exception:  # noqa: BLE001 - pydicom raises exceptions of any kind, whose messages may quote values
        return None
    return found


def _is_cut_off(data: bytes, stream: BytesIO) -> Callable[[int, str | None, int], bool]:
    """The test whether the value of the next element is not in `data`, since it is passed through in chunks."""

    def stop(tag: int, vr: str | None, length: int) -> bool:  # noqa: ARG001
        return (length != 0xFFFFFFFF and stream.tell() + length > len(data)) or (
            length == 0xFFFFFFFF and tag == 0x7FE00010
        )

    return stop


def _places(elements: Iterable[object]) -> Iterator[Place]:
    creators: dict[int, str] = {}
    for raw in elements:
        tag, written = int(raw.tag), raw.VR  # type: ignore[attr-defined]
        value = raw.value  # type: ignore[attr-defined]
        vr = str(written) if written and written != "UN" else (dictionary.vrs_of(tag) or ("UN",))[0]
        group, element = tag >> 16, tag & 0xFFFF
        creator = creators.get(group << 16 | element >> 8) if group & 1 else None
        if isinstance(value, (list, tuple)) or hasattr(value, "_list") or vr == "SQ":
            for item in value or ():
                if isinstance(inside := getattr(item, "_dict", None), dict):  # the item's raw elements
                    yield from _places(inside.values())
            continue
        data = bytes(value or b"")
        if group & 1 and 0x10 <= element <= 0xFF:
            creators[group << 16 | element] = data.decode("latin-1").strip(" \0")
            creator = creators[group << 16 | element]
        for part in data.split(b"\\") if vr in TEXT_VRS and vr not in {"LT", "ST", "UT", "UR"} else (data,):
            yield Place(tag, vr, part.strip(b" \0"), creator)


def places_in_json(dataset: JSONDataSet) -> Iterator[Place]:
    """The values of a data set in DICOM JSON."""
    creators: dict[str, str] = {}
    for key, element in dataset.items():
        tag, vr, values = int(key, 16), str(element.get("vr", "UN")), element.get("Value")
        creator = creators.get(f"{key[:4]}00{key[4:6]}")
        if "BulkDataURI" in element:
            yield Place(tag, vr, str(element["BulkDataURI"]).encode(), creator, is_uri=True)
        if "InlineBinary" in element:
            yield Place(tag, vr, _bytes_of(element["InlineBinary"]), creator, is_binary=True)
        if not isinstance(values, list):
            continue
        for value in values:
            if vr == "SQ":
                if isinstance(value, dict):
                    yield from places_in_json(value)
                continue
            for text in value.values() if isinstance(value, dict) else (value,):
                yield Place(tag, vr, str(text).encode("utf-8", "replace"), creator)
                if key[3:4] in "13579BDF" and key[4:6] == "00":
                    creators[key] = str(text)


def _bytes_of(text: object) -> bytes:
    """The decoded base64; the text itself if it is not base64."""
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        return str(text).encode("utf-8", "replace")
