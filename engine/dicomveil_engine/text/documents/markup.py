"""XML as a tree of elements, read safely and written in one form.

A document type and entities other than the five predefined ones are refused; processing instructions and comments are
dropped; depth and count are bounded. Namespaces are resolved, so that prefixes do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat  # nosec: no document type is accepted, so that nothing is expanded or fetched

DEEPEST = 64
"""Nesting of elements; reports have about 20."""
MOST_ELEMENTS = 100_000
"""Elements and attributes together."""

HL7_V3 = "urn:hl7-org:v3"
SDTC = "urn:hl7-org:sdtc"
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
PREFIXES = {HL7_V3: "", SDTC: "sdtc:", SCHEMA_INSTANCE: "xsi:", XML: "xml:"}
"""The namespaces that can be written."""
_DECLARATIONS = f' xmlns="{HL7_V3}" xmlns:sdtc="{SDTC}" xmlns:xsi="{SCHEMA_INSTANCE}"'
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ESCAPES = _ESCAPES | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


class Name(NamedTuple):
    """The name of an element or attribute."""

    namespace: str
    local: str


@dataclass(slots=True)
class Node:
    """An element."""

    name: Name
    attributes: dict[Name, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)


class _RefusedError(Exception):
    """The document is well-formed, but refused."""


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if len(self._open) >= DEEPEST or self._count > MOST_ELEMENTS:
            raise _RefusedError
        node = Node(_name(name), {_name(key): value for key, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].children.append(text)


def _name(written: str) -> Name:
    namespace, _, local = written.rpartition(" ")
    return Name(namespace, local)


def _refuse(*_: object) -> int:
    raise _RefusedError


def read(document: bytes) -> Node | None:
    """The root element; None if the document is not well-formed, has a document type or is over a limit."""
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        # Strip padding, but not from UTF-16, in which half of a character may be zero.
        parser.Parse(document if b"\0" in document[:4] else document.rstrip(b"\0"), True)
    except (_RefusedError, expat.ExpatError, ValueError, LookupError):
        return None
    return builder.root


def written(root: Node) -> bytes:
    """The tree in UTF-8; all its names must be in namespaces of PREFIXES. The same tree gives the same bytes."""
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write(root, _DECLARATIONS, pieces)
    return "".join(pieces).encode("utf-8")


def _write(node: Node, declarations: str, pieces: list[str]) -> None:
    name = PREFIXES[node.name.namespace] + node.name.local
    attributes = "".join(
        f' {PREFIXES[key.namespace] if key.namespace else ""}{key.local}="{value.translate(_ATTRIBUTE_ESCAPES)}"'
        for key, value in node.attributes.items()
    )
    if not any(node.children):
        pieces.append(f"<{name}{declarations}{attributes}/>")
        return
    pieces.append(f"<{name}{declarations}{attributes}>")
    for child in node.children:
        if isinstance(child, str):
            pieces.append(child.translate(_ESCAPES))
        else:
            _write(child, "", pieces)
    pieces.append(f"</{name}>")
