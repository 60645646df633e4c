"""Streaming reader for the Native DICOM Model (PS3.19 Annex A.1): gives the data set in DICOM JSON.

Document type declarations are refused, and with them entity expansion attacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from dicomveil_engine import InvalidDataSetError, JSONDataSet

_SPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_TAG = re.compile("[0-9A-Fa-f]{8}")
_VR = re.compile("[A-Z]{2}")
_NUMBER = re.compile("[1-9][0-9]{0,5}")
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_TEXTS = frozenset(("Value", "InlineBinary", *_COMPONENTS))
_CHILDREN = {
    "": ("NativeDicomModel",),
    "NativeDicomModel": ("DicomAttribute",),
    "Item": ("DicomAttribute",),
    "DicomAttribute": ("Value", "Item", "PersonName", "BulkData", "InlineBinary"),
    "PersonName": _GROUPS,
    **dict.fromkeys(_GROUPS, _COMPONENTS),
}
_LEVELS = 3
"""XML elements that one sequence adds to the depth: DicomAttribute, Item, and an attribute in it."""


@dataclass
class _DataSet:
    """A data set or item that is being read."""

    elements: JSONDataSet = field(default_factory=dict)
    blocks: dict[tuple[str, str], int] = field(default_factory=dict)
    """(group, private creator) → the block number assigned to its attributes."""


class NativeXMLReader:
    """Feed it the document in chunks of any size; `close` gives the data set.

    Raises InvalidDataSetError for anything but the Native DICOM Model, and for sequences nested too deep.
    """

    def __init__(self, nesting: int) -> None:
        self._deepest = _LEVELS * (nesting + 2)
        self._path: list[str] = [""]
        self._datasets = [_DataSet()]
        self._attributes: list[tuple[str, dict[str, Any]]] = []
        """Keys and contents of the open attributes, outermost first."""
        self._names: list[dict[str, str]] = []
        self._components: list[str] = []
        self._text: list[str] = []
        parser = self._parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, data: bytes) -> None:
        """Parse a chunk."""
        self._parse(data, is_final=False)

    def close(self) -> JSONDataSet:
        """The data set, after the end of the document."""
        self._parse(b"", is_final=True)
        return self._datasets[0].elements

    def _parse(self, data: bytes, *, is_final: bool) -> None:
        try:
            self._parser.Parse(data, is_final)
        except expat.ExpatError as error:
            raise InvalidDataSetError(f"the metadata is not XML (line {error.lineno})") from None

    def _refuse(self, *_: object) -> None:
        raise InvalidDataSetError("the metadata has a document type, which may hide what it says")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        space, _, name = qualified.rpartition(" ")
        if space not in ("", _SPACE) or name not in _CHILDREN.get(self._path[-1], ()):
            raise InvalidDataSetError("the metadata holds an element that the Native DICOM Model does not have there")
        if len(self._path) > self._deepest:
            raise InvalidDataSetError("sequences are nested too deep (limits.nesting)")
        self._path.append(name)
        self._text.clear()
        if name == "DicomAttribute":
            self._attributes.append(self._attribute(attributes))
        elif name in ("Value", "Item", "PersonName"):
            self._count(attributes)
            if name == "Item":
                self._datasets.append(_DataSet())
            elif name == "PersonName":
                self._names.append({})
        elif name == "BulkData":
            self._attributes[-1][1]["BulkDataURI"] = attributes.get("uri", "")
        elif name in _GROUPS:
            self._components = [""] * len(_COMPONENTS)

    def _attribute(self, attributes: dict[str, str]) -> tuple[str, dict[str, Any]]:
        tag, vr = attributes.get("tag", ""), attributes.get("vr", "")
        if not _TAG.fullmatch(tag) or not _VR.fullmatch(vr):
            raise InvalidDataSetError("an attribute of the metadata has no tag or no VR")
        key = tag.upper()
        if creator := attributes.get("privateCreator"):
            key = self._private(key, creator)
        if key in self._datasets[-1].elements:
            raise InvalidDataSetError("an attribute appears twice in the metadata")
        return key, {"vr": vr}

    def _private(self, key: str, creator: str) -> str:
        """The key of a private attribute, whose tag has no block number (PS3.19 Table A.1.5-2)."""
        dataset, group = self._datasets[-1], key[:4]
        block = dataset.blocks.get((group, creator))
        if block is None:
            block = next((n for n in range(0x10, 0x100) if self._may_use(dataset, group, n, creator)), None)
            if block is None:
                raise InvalidDataSetError("a group of the metadata has too many private creators")
            dataset.blocks[group, creator] = block
            dataset.elements[f"{group}00{block:02X}"] = {"vr": "LO", "Value": [creator]}
        return f"{group}{block:02X}{key[6:]}"

    @staticmethod
    def _may_use(dataset: _DataSet, group: str, block: int, creator: str) -> bool:
        found = dataset.elements.get(f"{group}00{block:02X}")
        return found is None or found.get("Value") == [creator]

    def _count(self, attributes: dict[str, str]) -> None:
        """Add a value, after checking that its number is the next."""
        number = attributes.get("number", "")
        values = self._attributes[-1][1].setdefault("Value", [])
        if not _NUMBER.fullmatch(number) or int(number) != len(values) + 1:
            raise InvalidDataSetError("the values of an attribute are not numbered from 1")
        values.append(None)

    def _end(self, qualified: str) -> None:
        name = qualified.rpartition(" ")[2]
        self._path.pop()
        text = "".join(self._text)
        self._text.clear()
        if name == "DicomAttribute":
            key, element = self._attributes.pop()
            self._datasets[-1].elements[key] = element
        elif name == "Item":
            self._attributes[-1][1]["Value"][-1] = self._datasets.pop().elements
        elif name == "PersonName":
            self._attributes[-1][1]["Value"][-1] = self._names.pop()
        elif name == "Value":
            self._attributes[-1][1]["Value"][-1] = text or None
        elif name == "InlineBinary":
            self._attributes[-1][1]["InlineBinary"] = "".join(text.split())
        elif name in _GROUPS:
            self._names[-1][name] = "^".join(self._components).rstrip("^")
        elif name in _COMPONENTS:
            self._components[_COMPONENTS.index(name)] = text
