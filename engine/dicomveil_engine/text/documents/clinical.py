"""Documents of the HL7 Clinical Document Architecture (ISO/HL7 27932): header, narrative text and entries.

Participations, identifiers, names, addresses and times are removed, or masked if the schema requires them (nullFlavor
MSK: "masked"). Titles, narrative text and the texts of entries are cleaned. Codes of public code systems are kept.
Elements of other namespaces, embedded media and attributes that cannot be read are removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dicomveil_engine.text.documents.markup import HL7_V3, PREFIXES, SCHEMA_INSTANCE, XML, Name, Node, written
from dicomveil_engine.text.documents.words import DocumentWords
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

MOST_CHARACTERS = 1 << 18
"""Limit for all texts and attributes of a document together, which are searched word by word."""

_ROOT = Name(HL7_V3, "ClinicalDocument")
_SKELETONS: dict[str, dict[str, Any]] = {
    "recordTarget": {"patientRole": {"id": {}}},
    "author": {"time": {}, "assignedAuthor": {"id": {}}},
    "custodian": {"assignedCustodian": {"representedCustodianOrganization": {"id": {}}}},
}
"""Participations that a valid document must have, with their required content."""
_REMOVED = frozenset((
    *("authenticator", "authorization", "componentOf", "dataEnterer", "documentationOf", "encompassingEncounter"),
    *("encounterParticipant", "inFulfillmentOf", "informant", "informationRecipient", "legalAuthenticator", "location"),
    *("maintainedEntity", "manufacturerOrganization", "participant", "performer", "relatedDocument", "relatedSubject"),
    *("responsibleParty", "scopingEntity", "signatureText", "specimen", "subject", "thumbnail", "integrityCheck"),
    *("lotNumberText", "serialNumberText", "observationMedia", "renderMultiMedia", "nonXMLBody", "patientRole"),
    *("assignedAuthor", "assignedEntity", "assignedCustodian", "representedOrganization", "patient", "guardian"),
))  # fmt: skip
"""Elements about persons, places and orders, and embedded pictures and documents."""
_MASKED = frozenset((
    *("id", "setId", "telecom", "addr", "name", "time", "effectiveTime", "availabilityTime", "activityTime"),
    *("birthTime", "deceasedTime", "birthplace", "expirationTime", "existenceTime"),
))  # fmt: skip
_MASKED_TYPE = re.compile(
    r"(?:\w{1,32}:)?(?:II|TEL|AD|EN|PN|ON|TN|TS|(?:IVL|SXCM|PIVL|EIVL|SXPR|IVXB|BXIT)_?\w{0,16}TS)"
)
"""Values of xsi:type that are identifiers, names, addresses or times."""
_TYPE = re.compile(r"(?:\w{1,32}:)?([A-Z][A-Za-z_]{1,15})", re.ASCII)
_STRUCTURE = frozenset((
    *("ClinicalDocument", "realmCode", "typeId", "templateId", "code", "title", "confidentialityCode", "languageCode"),
    *("versionNumber", "component", "structuredBody", "section", "text", "entry", "entryRelationship", "observation"),
    *("observationRange", "act", "procedure", "substanceAdministration", "supply", "encounter", "organizer", "value"),
    *("regionOfInterest", "reference", "referenceRange", "externalDocument", "externalObservation", "externalAct"),
    *("externalProcedure", "precondition", "criterion", "statusCode", "priorityCode", "interpretationCode"),
    *("methodCode", "targetSiteCode", "approachSiteCode", "routeCode", "doseQuantity", "rateQuantity", "consumable"),
    *("maxDoseQuantity", "repeatNumber", "manufacturedProduct", "manufacturedMaterial", "originalText", "qualifier"),
    *("translation", "low", "high", "center", "width", "numerator", "denominator", "sequenceNumber", "seperatableInd"),
    *("paragraph", "list", "item", "caption", "content", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "br"),
    *("sub", "sup", "linkHtml", "footnote", "footnoteRef", "col", "colgroup", "recordTarget", "author", "custodian"),
    *("xmlns", "type", "classCode", "moodCode", "typeCode", "determinerCode", "nullFlavor", "codeSystem", "unit"),
    *("codeSystemName", "displayName", "mediaType", "styleCode", "ID", "border", "align", "root", "extension"),
))  # fmt: skip
"""Names of the schema; others are searched like words."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_\-]{0,63}", re.ASCII)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-]")

_DROPPED_ATTRIBUTES = frozenset(("href", "src", "referencedObject", "assigningAuthorityName", "schemaLocation"))
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,9})){1,20}", re.ASCII)
_PUBLIC_ARCS = (
    *("2.16.840.1.113883.1.", "2.16.840.1.113883.5.", "2.16.840.1.113883.6.", "2.16.840.1.113883.10."),
    *("2.16.840.1.113883.11.", "2.16.840.1.113883.12.", "2.16.840.1.113883.18.", "1.2.840.10008."),
    *("1.3.6.1.4.1.19376.", "1.2.40.0.34.", "1.2.276.0.76."),
)
"""Roots of public code systems and templates: HL7, DICOM, IHE, and the registries of Austria and Germany."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-_]{0,17}", re.ASCII)
_TYPE_ID = re.compile(r"POCD_[A-Z]{2}\d{6}(?:UV\d{0,2})?", re.ASCII)
_VERSION_DATE = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)

_INLINE = frozenset(("content", "sub", "sup", "linkHtml", "br", "footnote", "footnoteRef"))
_ROW = "tr"
_BETWEEN_CELLS = ": "
_PARTS_OF_PERSON = ("family", "given")
_UNSAID_PARTS = frozenset(("country", "state", "county"))
"""Parts of addresses that are too short and too common to be searched for ("US")."""
_SHORTEST_PLACE = 4


def cleaned(root: Node, identifying: IdentifyingWords, own: OwnWords) -> bytes | None:
    """The cleaned document; None if it is not of this kind, or over a limit."""
    if root.name != _ROOT or _characters(root) > MOST_CHARACTERS:
        return None
    words = DocumentWords(identifying, own, _values_of(root, ""))
    if words.are_many:
        return None
    cleaner = _Cleaner(words)
    left = cleaner.element(root)
    if left is None:
        return None
    cleaner.texts(left)
    return written(left)


def _characters(node: Node) -> int:
    own = sum(len(value) for value in node.attributes.values())
    return own + sum(len(one) if isinstance(one, str) else _characters(one) for one in node.children)


# Identifying values of the header


def _values_of(node: Node, around: str) -> Iterator[tuple[str, str]]:
    """(value, VR of its kind) of the names, identifiers, addresses and times in an element."""
    local = node.name.local
    if local == "name":
        yield from _name_of(node, around)
    elif local in {"id", "setId"}:
        yield from ((value, "LO") for value in _attribute(node, "extension"))
    elif local == "telecom":
        yield from ((value.partition(":")[2] or value, "LO") for value in _attribute(node, "value"))
    elif local == "addr":
        parts = [one for one in node.children if isinstance(one, Node) and one.name.local not in _UNSAID_PARTS]
        texts = [" ".join(_text_of(one).split()) for one in parts] or [" ".join(_text_of(node).split())]
        yield from ((text, "LO") for text in texts if len(text) >= _SHORTEST_PLACE)
    elif local in _MASKED or local in {"low", "high"}:
        dates = [value[:8] for value in _attribute(node, "value")]
        yield from ((date, "DA") for date in dates if len(date) == 8 and date.isascii() and date.isdecimal())
    for child in node.children:
        if isinstance(child, Node):
            yield from _values_of(child, local)


def _name_of(node: Node, around: str) -> Iterator[tuple[str, str]]:
    parts: dict[str, list[str]] = {name: [] for name in _PARTS_OF_PERSON}
    for child in node.children:
        if isinstance(child, Node) and child.name.local in parts:
            parts[child.name.local].append(" ".join(_text_of(child).split()))
    whole = "^".join(" ".join(texts) for texts in parts.values() if texts)
    if whole:
        yield whole, "PN"
    elif text := " ".join(_text_of(node).split()):
        is_place = any(word in around.lower() for word in ("organization", "place", "location", "facility"))
        yield text, "LO" if is_place else "PN"


def _attribute(node: Node, name: str) -> list[str]:
    value = node.attributes.get(Name("", name), "").strip()
    return [value] if value else []


def _text_of(node: Node) -> str:
    return " ".join(one if isinstance(one, str) else _text_of(one) for one in node.children)


# Cleaning


class _Cleaner:
    def __init__(self, words: DocumentWords) -> None:
        self._words = words
        self._names: dict[str, bool] = {}

    def element(self, node: Node) -> Node | None:
        """The element after removal and masking; its texts are cleaned later."""
        name = node.name
        if name.namespace not in PREFIXES or name.namespace == XML or not self._is_named(name.local):
            return None
        if name.local in _SKELETONS:
            return _masked(name, _SKELETONS[name.local])
        if name.local in _REMOVED:
            return None
        written_type = node.attributes.get(Name(SCHEMA_INSTANCE, "type"), "")
        if name.local in _MASKED or _MASKED_TYPE.fullmatch(written_type):
            return _masked(name, {})
        if _is_media(node):
            return _masked(name, {})
        attributes = self._attributes(node)
        if attributes is None:
            return None
        return Node(name, attributes, self._children(node))

    def _children(self, node: Node) -> list[Node | str]:
        """The remaining children; texts that become adjacent are joined."""
        left: list[Node | str] = []
        for child in node.children:
            new = child if isinstance(child, str) else self.element(child)
            if isinstance(new, str) and left and isinstance(left[-1], str):
                left[-1] += new
            elif new is not None:
                left.append(new)
        return left

    def _is_named(self, local: str) -> bool:
        """Whether the name of an element or attribute is in the schema, or at least does not identify."""
        if local in _STRUCTURE:
            return True
        known = self._names.get(local)
        if known is None:
            apart = _HUMP.sub(" ", local)
            known = bool(_NAME.fullmatch(local)) and self._words.cleaned(apart) == apart and not self._is_own(local)
            self._names[local] = known
        return known

    def _is_own(self, text: str) -> bool:
        return self._words.are_in(text)

    def _attributes(self, node: Node) -> dict[Name, str] | None:
        """The attributes that are kept; None if the element is meaningless without the removed ones."""
        local = node.name.local
        if local in {"templateId", "typeId"}:
            return self._template(node)
        kept: dict[Name, str] = {}
        system = node.attributes.get(Name("", "codeSystem"), "")
        is_public = self._is_public(system)
        for key, value in node.attributes.items():
            new: str | None
            if key == Name(SCHEMA_INSTANCE, "type"):
                match = _TYPE.fullmatch(value)
                new = match[1] if match else None
            elif key.namespace not in {"", SCHEMA_INSTANCE} or key.local in _DROPPED_ATTRIBUTES:
                new = None
            elif key.local == "codeSystem":
                new = value if is_public else None
            elif key.local in {"root", "extension"} or not self._is_named(key.local):
                new = None
            elif key.local == "code":
                new = self._code(value, is_public=is_public)
            else:
                new = self._words.cleaned(value) or None
            if new is not None:
                kept[key] = new
        return kept

    def _code(self, value: str, *, is_public: bool) -> str | None:
        if not _CODE.fullmatch(value) or self._is_own(value):
            return None
        return value if is_public or self._words.cleaned(value) == value else None

    def _is_public(self, oid: str) -> bool:
        return bool(_OID.fullmatch(oid)) and oid.startswith(_PUBLIC_ARCS) and not self._words.are_in_uid(oid)

    def _template(self, node: Node) -> dict[Name, str] | None:
        root, extension = Name("", "root"), Name("", "extension")
        if not self._is_public(node.attributes.get(root, "")):
            return None
        version = node.attributes.get(extension, "")
        kept = {root: node.attributes[root]}
        if _TYPE_ID.fullmatch(version) or _VERSION_DATE.fullmatch(version):
            kept[extension] = version
        return kept

    def texts(self, node: Node) -> None:
        """Clean the texts in an element; those of inline markup, and of a row, are cleaned together."""
        run: list[tuple[Node, int]] = []
        self._collect(node, run, in_row=node.name.local == _ROW)
        self._clean_run(run, _BETWEEN_CELLS if node.name.local == _ROW else "")

    def _collect(self, node: Node, run: list[tuple[Node, int]], *, in_row: bool) -> None:
        for index, child in enumerate(node.children):
            if isinstance(child, str):
                if child.strip() or not in_row:
                    run.append((node, index))
            elif child.name.local in _INLINE or in_row:
                self._collect(child, run, in_row=in_row)
            else:
                self._clean_run(run, "")
                run.clear()
                self.texts(child)

    def _clean_run(self, run: list[tuple[Node, int]], between: str) -> None:
        pieces = [str(node.children[index]) for node, index in run]
        if not any(piece.strip() for piece in pieces):
            return
        for (node, index), new in zip(run, self._words.cleaned_together(pieces, between), strict=True):
            node.children[index] = new


def _is_media(node: Node) -> bool:
    """Whether an element holds something other than text: Base64, or another media type."""
    media = node.attributes.get(Name("", "mediaType"), "text/plain").strip().lower()
    is_encoded = node.attributes.get(Name("", "representation"), "TXT").strip().upper() != "TXT"
    return is_encoded or not (media.startswith("text/") and "html" not in media and "rtf" not in media)


def _masked(name: Name, within: Mapping[str, Any]) -> Node:
    """A masked element, with the children that the schema requires."""
    children: list[Node | str] = [_masked(Name(HL7_V3, local), inner) for local, inner in within.items()]
    return Node(name, {Name("", "nullFlavor"): "MSK"}, children)
