"""De-identify one data set in DICOM JSON.

Two turns, as for Part 10: the first takes every decision and notes what the data set says of itself, the second
lets the methods work that had to wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dicomveil_engine import characters, dictionary
from dicomveil_engine.dummies import dummy_items
from dicomveil_engine.errors import DeidentificationError, EngineError, InvalidDataSetError
from dicomveil_engine.fields import Field, Item
from dicomveil_engine.identifying import is_identifying
from dicomveil_engine.identity import InstanceIdentity
from dicomveil_engine.json_model.content_item import read_content_item, renumbered
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement, decode, encode, passed
from dicomveil_engine.marks import CODE_VALUE, MARK_TAGS, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.by_type import ByType
from dicomveil_engine.methods.clean_content import CleanContent
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.policy import (
    PATIENT_ID,
    PATIENT_NAME,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    Decision,
    Policy,
)
from dicomveil_engine.profile.private import CHARACTERISTICS, CHARACTERISTICS_VRS, PrivateBlock, is_declared_safe
from dicomveil_engine.structured_content.content_items import ContentAction, ContentPlan
from dicomveil_engine.structured_content.references import ContentTree, Renumbering

BulkDataURIs = Callable[[str, str], str | None]
"""(path of the element, such as `00880200/1/7fe00010`; the server's URI) → the URI to be written, or None."""

_ENTRIES_REMEMBERED = 16_384
_PIXELS = 0x7FE00008
"""Words for cleaning are taken from before Pixel Data, because a Part 10 header is written when it is reached."""
_CHARACTER_SET = "00080005"
_CHARACTERISTICS = f"{CHARACTERISTICS:08X}"
"""As in a stream, it says nothing of private elements before it."""
_TAG = re.compile("[0-9A-F]{8}")
"""PS3.18 Section F.2.2: "eight character uppercase hexadecimal"."""
_CREATOR = re.compile("[0-9A-F]{3}[13579BDF]00[1-9A-F][0-9A-F]")


@dataclass(frozen=True)
class _Entry:
    """What to do with elements of one key and VR."""

    tag: int
    vr: str
    """The effective VR: the dictionary's where the server says UN."""
    decision: Decision
    identifies: bool


class _Waiting(NamedTuple):
    """An element whose method needs values."""

    container: JSONDataSet
    key: str
    entry: _Entry
    depth: int
    codecs: tuple[str, ...]


class MetadataRewriter:
    """Rewrites data sets in DICOM JSON by one policy.

    Without `bulk_data_uri`, BulkDataURIs are dropped: they hold the server's address and original UIDs. Without
    `marks`, the data set does not say that it is de-identified: a search result is no instance.
    """

    def __init__(self, policy: Policy, *, marks: bool = True) -> None:
        self._policy = policy
        self._marks = policy.marks if marks else None
        self._entries: dict[tuple[str, str, str | None, bool, ContentPlan | None], _Entry] = {}

    def rewrite(
        self,
        dataset: JSONDataSet,
        *,
        assumed: InstanceIdentity | None = None,
        bulk_data_uri: BulkDataURIs | None = None,
    ) -> JSONDataSet:
        """The de-identified data set; the original is not changed.

        `assumed` are the UIDs of the resource that the data set is known to belong to: search results need not
        repeat them. Raises InvalidDataSetError and DeidentificationError.
        """
        return _Rewriting(self, self._policy, dataset, assumed or InstanceIdentity(), bulk_data_uri).run()

    def entry(
        self,
        key: str,
        vr: str,
        creator: str | None = None,
        *,
        declared: bool = False,
        plan: ContentPlan | None = None,
    ) -> _Entry:
        """The entry of an element, from the policy at the first time; `plan` is that of its content item."""
        found = self._entries.get((key, vr, creator, declared, plan))
        if found is None:
            found = self._make(key, vr, creator, declared=declared, plan=plan)
            if len(self._entries) < _ENTRIES_REMEMBERED:
                self._entries[key, vr, creator, declared, plan] = found
        return found

    def _make(self, key: str, vr: str, creator: str | None, *, declared: bool, plan: ContentPlan | None) -> _Entry:
        if not _TAG.fullmatch(key):
            raise InvalidDataSetError("the metadata has a key that is no tag")
        tag = int(key, 16)
        known = vr in dictionary.VRS and vr != "UN"
        effective = vr if known else dictionary.vr_of(tag, creator) or "UN"
        if plan is None or declared:
            decision = self._policy.decide(tag, effective, creator, declared)
        else:
            decision = self._policy.decide_in_content(plan, tag, effective, creator)
        if vr not in dictionary.VRS and not isinstance(decision.method, Remove):
            raise InvalidDataSetError(f"{dictionary.describe(tag)} has a VR that PS3.5 does not know")
        identifies = is_identifying(tag, effective) and not isinstance(decision.method, Keep)
        return _Entry(tag, effective, decision, identifies and tag < _PIXELS)

    @property
    def marks(self) -> tuple[Field, ...]:
        """What the data set is to say of its de-identification."""
        return self._marks.fields() if self._marks else ()


class _Rewriting:
    """One data set on its way."""

    def __init__(
        self,
        rewriter: MetadataRewriter,
        policy: Policy,
        dataset: JSONDataSet,
        assumed: InstanceIdentity,
        bulk_data_uri: BulkDataURIs | None,
    ) -> None:
        self._rewriter = rewriter
        self._policy = policy
        self._dataset = dataset
        self._assumed = assumed
        self._bulk_data_uri = bulk_data_uri
        self._context = Context()
        self._waiting: list[_Waiting] = []
        self._declared: tuple[PrivateBlock, ...] = ()
        self._tree = ContentTree()
        self._references: dict[int, list[JSONDataSet]] = {}
        """Lists of content items, by their identity, in which some are nothing but a reference."""

    def run(self) -> JSONDataSet:
        self._read_context()
        if _CHARACTERISTICS in self._dataset and self._policy.retains_safe_private:
            self._declared = self._read_declarations(self._dataset[_CHARACTERISTICS])
        out = self._item(self._dataset, 0, (), characters.DEFAULT)
        for waiting in self._waiting:
            self._apply(*waiting)
        if self._references:
            self._renumber()
        if self._rewriter.marks:
            self._mark(out)
        return out

    # First turn

    def _item(
        self,
        item: JSONDataSet,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
        plan: ContentPlan | None = None,
    ) -> JSONDataSet:
        if depth > self._policy.limits.depth:
            raise InvalidDataSetError(f"sequences are nested more than {self._policy.limits.depth} deep")
        out: JSONDataSet = {}
        if _CHARACTER_SET in item:
            codecs = self._codecs(item[_CHARACTER_SET])
        creators: dict[str, str] | None = None
        for key, element in item.items():
            if not isinstance(element, dict):
                raise InvalidDataSetError("the metadata has an element that is no object")
            vr = str(element.get("vr", "UN"))
            creator = None
            if key[3:4] in "13579BDF":
                if creators is None:
                    creators = self._creators(item)
                if key in creators:
                    continue
                creator = creators.get(f"{key[:4]}00{key[4:6]}")
            declared = False
            if creator is not None and self._declared and (path or (key,))[0] >= _CHARACTERISTICS:
                declared = is_declared_safe(self._declared, int(key, 16), creator)
            entry = self._rewriter.entry(key, vr, creator, declared=declared, plan=plan)
            self._element(out, key, element, entry, depth, path, codecs)
            if creator is not None and key in out:
                self._insert_creator(out, item, f"{key[:4]}00{key[4:6]}", key)
        return out

    def _creators(self, item: JSONDataSet) -> dict[str, str]:
        """The private creators by their keys; an object has no order, so that they may stand anywhere."""
        return {
            key: self._text_of(element)
            for key, element in item.items()
            if _CREATOR.fullmatch(key) and isinstance(element, dict)
        }

    @staticmethod
    def _insert_creator(out: JSONDataSet, item: JSONDataSet, creator: str, before: str) -> None:
        """A private creator comes out only with an element of its block, and before it."""
        if creator not in out:
            element = out.pop(before)
            out[creator] = _kept(item[creator], int(creator, 16), "LO")
            out[before] = element

    def _element(
        self,
        out: JSONDataSet,
        key: str,
        element: JSONElement,
        entry: _Entry,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
    ) -> None:
        method, vr = entry.decision.method, entry.vr
        if isinstance(method, ByType):
            method = method.chosen(entry.tag, self._context.sop_class_uid, is_top=not depth)
        if entry.tag in MARK_TAGS and not depth and self._rewriter.marks:
            self._earlier_mark(out, key, element, entry, codecs)
            return
        if entry.identifies:
            self._identify(entry, element, codecs)
        written = str(element.get("vr", "UN"))
        if isinstance(method, CleanContent) and vr == "SQ":
            cleaned = self._content(key, element, entry, depth, path, codecs)
            if cleaned is not None:
                out[key] = {"vr": "SQ", "Value": cleaned} if cleaned else {"vr": written}
            return
        if vr == "SQ":
            # Of what goes, too: the names and numbers in it must not survive in free text elsewhere.
            items = self._items(key, element, entry, depth, path, codecs, search=not isinstance(method, Keep))
        if isinstance(method, Remove):
            return
        if isinstance(method, Keep):
            if vr == "SQ":
                # Bytes in its place are a sequence in disguise (PS3.5 Section 6.2.2), not ours to read here.
                out[key] = {"vr": "SQ", "Value": items} if items else {"vr": written}
            elif "BulkDataURI" in element:
                out[key] = self._elsewhere(written, "/".join((*path, key)).lower(), str(element["BulkDataURI"]))
            elif vr == "UN" and "InlineBinary" in element and _may_be_items(element):
                out[key] = {"vr": written}
            else:
                out[key] = _kept(element, entry.tag, vr)
        elif isinstance(method, Redact) and (vr == "SQ" or not method.keeps_part_of(vr)):
            out[key] = {"vr": written}
        elif isinstance(method, Dummy) and vr == "SQ":
            out[key] = _sequence(dummy_items(entry.tag))
        elif "BulkDataURI" in element and not isinstance(method, Dummy):
            out[key] = {"vr": written}  # the method needs a value that is not here
        else:
            out[key] = element
            self._waiting.append(_Waiting(out, key, entry, depth, codecs))

    def _items(
        self,
        key: str,
        element: JSONElement,
        entry: _Entry,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
        *,
        search: bool = False,
    ) -> list[JSONDataSet]:
        """The items of a sequence, rewritten; in a `search`, only for what identifies in them."""
        waiting = len(self._waiting)
        try:
            return [
                self._item(item, depth + 1, (*path, key, str(number)), codecs)
                for number, item in enumerate(_items_of(element, entry), 1)
            ]
        except InvalidDataSetError:
            if not search:
                raise
            return []  # nothing of it comes out, so that it need not be readable
        finally:
            if search:
                del self._waiting[waiting:]

    def _content(
        self,
        key: str,
        element: JSONElement,
        entry: _Entry,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
    ) -> list[JSONDataSet] | None:
        """A sequence of content items, each by the plan for what it is about; None when none of them stays."""
        content, tree = self._policy.structured_content, self._tree
        assert content is not None, "the profile decides for cleanContent only with the option"
        items, out = _items_of(element, entry), list[JSONDataSet]()
        parent, at = tree.parent(entry.tag, depth), tree.at
        try:
            for number, item in enumerate(items, 1):
                tree.at = place = None if parent is None else (*parent, number)
                seen = read_content_item(item, codecs)
                if seen.target is not None and self._policy.passes_references:
                    out.append(item)
                    if place is not None:
                        tree.references.append((place, seen.target))
                        self._references[id(out)] = out
                    continue
                plan = content.plan(seen.name, seen.value_type)
                waiting = len(self._waiting)
                cleaned = self._item(item, depth + 1, (*path, key, str(number)), codecs, plan)
                if plan.action is not ContentAction.REMOVE:
                    out.append(cleaned)
                    continue
                del self._waiting[waiting:]
                if place is not None:
                    tree.removed.append(place)
        finally:
            tree.at = at  # also where what cannot be read goes with the sequence around it
        return out if out or not items else None

    def _renumber(self) -> None:
        """Give references their targets' new positions; one whose target has gone goes, too."""
        renumbering = Renumbering(self._tree.gone())
        for items in self._references.values():
            items[:] = [new for item in items if (new := renumbered(item, renumbering)) is not None]

    def _earlier_mark(
        self, out: JSONDataSet, key: str, element: JSONElement, entry: _Entry, codecs: tuple[str, ...]
    ) -> None:
        """Texts and codes of earlier de-identifications stay (PS3.15 E.1.1); all else is written anew."""
        if entry.tag == METHOD_TEXT and element.get("vr") == "LO":
            out[key] = element
            marked = _Entry(entry.tag, "LO", Decision(self._policy.mark_method, "the mark"), identifies=False)
            self._waiting.append(_Waiting(out, key, marked, 0, codecs))
        elif entry.tag == METHOD_CODES and element.get("vr") == "SQ":
            out[key] = {"vr": "SQ", "Value": self._items(key, element, entry, 0, (), codecs)}

    def _elsewhere(self, written: str, path: str, uri: str) -> JSONElement:
        """A kept element whose value is elsewhere. What is UN may be a sequence, and stays there."""
        new = self._bulk_data_uri(path, uri) if self._bulk_data_uri and written != "UN" else None
        return {"vr": written} if new is None else {"vr": written, "BulkDataURI": new}

    def _identify(self, entry: _Entry, element: JSONElement, codecs: tuple[str, ...]) -> None:
        if entry.vr == "SQ" or "BulkDataURI" in element:
            return
        if entry.vr == "DA" and self._context.was_deidentified:
            return  # it was moved, and stands nowhere else
        values = _decoded(element, entry, codecs)
        if isinstance(values, list):
            for text in map(str, values):
                if not self._policy.is_pseudonym_patient_id(text):
                    self._context.identifying.add(text, entry.vr)

    # What the data set says of itself

    def _read_context(self) -> None:
        context, assumed = self._context, self._assumed
        context.sop_class_uid = self._text(SOP_CLASS_UID) or assumed.sop_class_uid
        context.study_instance_uid = self._text(STUDY_INSTANCE_UID) or assumed.study_instance_uid
        context.series_instance_uid = self._text(SERIES_INSTANCE_UID) or assumed.series_instance_uid
        context.sop_instance_uid = self._text(SOP_INSTANCE_UID) or assumed.sop_instance_uid
        context.patient_id = self._text(PATIENT_ID)
        context.patient_name = self._text(PATIENT_NAME)
        context.study_date = self._text(STUDY_DATE)
        context.was_deidentified = self._policy.is_pseudonym_uid(context.study_instance_uid)

    def _read_declarations(self, sequence: object) -> tuple[PrivateBlock, ...]:
        """What the data set says of its private blocks; nothing where it cannot be read, or does not come out."""
        if not self._policy.keeps(CHARACTERISTICS, "SQ") or not isinstance(sequence, dict):
            return ()
        items = sequence.get("Value") if sequence.get("vr") == "SQ" else None
        try:
            blocks = [PrivateBlock.of(_characteristics(item or {})) for item in items or ()]
        except (ValueError, TypeError, AttributeError):
            return ()
        return tuple(block for block in blocks if block)

    def _text(self, tag: int) -> str:
        element = self._dataset.get(f"{tag:08X}")
        return self._text_of(element) if isinstance(element, dict) else ""

    @staticmethod
    def _text_of(element: JSONElement) -> str:
        vr = str(element.get("vr", "LO"))
        try:
            values = decode(element, vr if vr != "UN" else "LO", characters.DEFAULT)
        except (ValueError, TypeError):
            return ""
        # A multi-valued UID or ID is none: it cannot say which study this is.
        return str(values[0]).strip(" \0") if isinstance(values, list) and len(values) == 1 else ""

    @staticmethod
    def _codecs(element: JSONElement) -> tuple[str, ...]:
        terms = element.get("Value", [])
        texts = [str(term or "") for term in terms] if isinstance(terms, list) else []
        return characters.codecs_of("\\".join(texts).encode("latin-1", "replace"))

    # Second turn

    def _apply(self, container: JSONDataSet, key: str, entry: _Entry, depth: int, codecs: tuple[str, ...]) -> None:
        element = container[key]
        written = str(element.get("vr", "UN"))
        values = b"" if "BulkDataURI" in element else _decoded(element, entry, codecs)
        try:
            changed = entry.decision.method.apply(Element(entry.tag, entry.vr, values, depth), self._context)
            if changed is None:
                del container[key]
            elif changed != values:
                container[key] = self._encoded(written, entry, changed)
            elif "InlineBinary" not in element and not isinstance(values, bytes) and not values:
                container[key] = {"vr": written}
            else:
                container[key] = _kept(element, entry.tag, entry.vr)
        except EngineError as error:
            raise DeidentificationError(
                f"{entry.decision.rule} on {dictionary.describe(entry.tag, entry.vr)} failed: {error}"
            ) from None
        except (ValueError, TypeError, ArithmeticError):
            raise DeidentificationError(
                f"{entry.decision.rule} on {dictionary.describe(entry.tag, entry.vr)} failed: "
                "no value of that VR comes of it"
            ) from None

    @staticmethod
    def _encoded(written: str, entry: _Entry, values: object) -> JSONElement:
        if written == "UN" and entry.vr != "UN":
            return encode(entry.vr, values)  # type: ignore[arg-type]
        return encode(written, values)  # type: ignore[arg-type]

    def _mark(self, out: JSONDataSet) -> None:
        """Say that the data set is de-identified; texts and codes of earlier times stay (PS3.15 E.1.1)."""
        for mark in self._rewriter.marks:
            key = f"{mark.tag:08X}"
            if key not in out:
                out[key] = _field(mark)
            elif mark.tag == METHOD_CODES:
                earlier = out[key]["Value"]
                assert isinstance(earlier, list)
                known = str(self._dataset[key].get("Value")) if self._policy.keeps(CODE_VALUE, "SH") else ""
                new = [_fields(item) for item in mark.items if str(item[0].values[0]) not in known]
                out[key] = {"vr": "SQ", "Value": [*earlier, *new]}
        in_order = sorted(out.items())
        out.clear()
        out.update(in_order)


def _characteristics(item: JSONDataSet) -> dict[int, Values]:
    """What an item of the Private Data Element Characteristics Sequence says, by tag."""
    elements = {tag: (item.get(f"{tag:08X}"), vr) for tag, vr in CHARACTERISTICS_VRS.items()}
    return {
        tag: decode(element, vr, characters.DEFAULT)
        for tag, (element, vr) in elements.items()
        if element is not None and element.get("vr") == vr
    }


def _items_of(element: JSONElement, entry: _Entry) -> list[JSONDataSet]:
    values = element.get("Value") or []
    items = [item for item in values if isinstance(item, dict | None)] if isinstance(values, list) else []
    if not isinstance(values, list) or len(items) != len(values):
        raise InvalidDataSetError(f"{dictionary.describe(entry.tag, 'SQ')} holds something that is no item")
    return [item or {} for item in items]


def _decoded(element: JSONElement, entry: _Entry, codecs: tuple[str, ...]):  # type: ignore[no-untyped-def]
    try:
        return decode(element, entry.vr, codecs)
    except (ValueError, TypeError):
        raise InvalidDataSetError(
            f"{dictionary.describe(entry.tag, entry.vr)} has a value that is not of its VR"
        ) from None


def _kept(element: JSONElement, tag: int, vr: str) -> JSONElement:
    try:
        return passed(element, vr)
    except (ValueError, TypeError):
        raise InvalidDataSetError(f"{dictionary.describe(tag, vr)} has a value that is not of its VR") from None


def _may_be_items(element: JSONElement) -> bool:
    """Whether the Base64 of a value begins with an item's tag, FEFF00E0."""
    return str(element.get("InlineBinary", "")).startswith("/v8A4")


def _field(field: Field) -> JSONElement:
    return _sequence(field.items) if field.vr == "SQ" else encode(field.vr, field.values)


def _fields(item: Item) -> JSONDataSet:
    return {f"{field.tag:08X}": _field(field) for field in item}


def _sequence(items: tuple[Item, ...]) -> JSONElement:
    return {"vr": "SQ", "Value": [_fields(item) for item in items]} if items else {"vr": "SQ"}
