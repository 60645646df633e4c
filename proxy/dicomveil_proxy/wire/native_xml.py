"""Writes the Native DICOM Model (PS3.19 Annex A.1): the XML form of a data set in DICOM JSON.

The input is de-identified already, and nothing is added to it.
Both models are equivalent (PS3.18 Table F.3.1-1), except for characters that XML 1.0 cannot represent, such as the
form feed: they become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from dicomveil_engine.attributes.dictionary import keyword_of

_BEGIN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'
)
_END = "</NativeDicomModel>\n"
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (Section 2.2)."""
_CARRIAGE_RETURN = {"\r": "&#13;"}
"""Parsers convert a literal carriage return to a line feed (XML 1.0 Section 2.11)."""
_COMPONENT_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def native_xml(dataset: Mapping[str, Any]) -> bytes:
    """One data set as an XML document."""
    return "".join((_BEGIN, *_attributes(dataset), _END)).encode()


def _attributes(dataset: Mapping[str, Any]) -> Iterator[str]:
    for tag in sorted(dataset):
        element = dataset[tag]
        vr = element.get("vr", "UN")
        yield f"<DicomAttribute{_name(dataset, tag.upper())} vr={quoteattr(vr)}>"
        if "Value" in element:
            for number, value in enumerate(element["Value"], 1):
                yield from _value(vr, number, value)
        elif "BulkDataURI" in element:
            yield f"<BulkData uri={quoteattr(_writable(element['BulkDataURI']))}/>"
        elif "InlineBinary" in element:
            yield f"<InlineBinary>{_text(element['InlineBinary'])}</InlineBinary>"
        yield "</DicomAttribute>"


def _name(dataset: Mapping[str, Any], tag: str) -> str:
    """The XML attributes that identify a DICOM attribute: tag and keyword, or tag and private creator."""
    group, element = int(tag[:4], 16), int(tag[4:], 16)
    if group % 2 and element >= 0x1000:
        creator = (dataset.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value") or [None])[0]
        if isinstance(creator, str):
            # "the block used in the DICOM encoding shall not be sent" (PS3.19 Table A.1.5-2)
            return f' tag="{tag[:4]}00{tag[6:]}" privateCreator={quoteattr(_writable(creator))}'
    keyword = keyword_of(int(tag, 16))
    return f' tag="{tag}"' + (f' keyword="{keyword}"' if keyword else "")


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value or {})
        yield "</Item>"
    elif vr == "PN":
        yield f'<PersonName number="{number}">'
        for group in _COMPONENT_GROUPS:
            if name := (value or {}).get(group):
                yield f"<{group}>{''.join(_components(name))}</{group}>"
        yield "</PersonName>"
    else:
        yield f'<Value number="{number}">{_text(_plain(value))}</Value>'


def _components(name: str) -> Iterator[str]:
    # More than five components are not valid; the excess becomes part of the fifth.
    for kind, component in zip(_COMPONENTS, name.split("^", len(_COMPONENTS) - 1), strict=False):
        yield f"<{kind}>{_text(component)}</{kind}>"


def _plain(value: Any) -> str:
    """The text of a value; empty for null, an empty value among others."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    return escape(_writable(text), _CARRIAGE_RETURN)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
