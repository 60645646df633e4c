"""One data set in DICOM JSON on its way through the policy.

Two turns, as for Part 10: the first takes every decision and notes what the data set says of itself, the second
lets the methods work that had to wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dicomveil_engine.attributes import characters
from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.content_item import read_content_item, renumbered
from dicomveil_engine.json_model.deidentification_attributes import mark
from dicomveil_engine.json_model.elements import items_of, kept, may_be_items, sequence_of
from dicomveil_engine.json_model.reading import (
    CHARACTER_SET,
    CHARACTERISTICS_KEY,
    Reading,
    codecs_of,
    text_of,
)
from dicomveil_engine.json_model.resolution import Waiting, resolve_in_place
from dicomveil_engine.json_model.table import DecisionTable, Entry
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement
from dicomveil_engine.policy import Decision, Policy
from dicomveil_engine.profile.private import CHARACTERISTICS, LONGEST_CREATOR, is_declared_safe
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.context import SUBJECT_TAGS
from dicomveil_engine.rewriting.deidentification_attributes import (
    CODE_VALUE,
    MARK_TAGS,
    METHOD_CODES,
    Marks,
)
from dicomveil_engine.rewriting.dummies import dummy_items
from dicomveil_engine.rewriting.treatment import Treatment, treatment_of, treatment_of_mark
from dicomveil_engine.structured_content.content_items import ContentAction, ContentPlan
from dicomveil_engine.structured_content.references import ContentTree, Renumbering

BulkDataURIs = Callable[[str, str], str | None]
"""(path of the element, such as `00880200/1/7fe00010`; the server's URI) → the URI to be written, or None."""

_WAITING = frozenset((Treatment.APPLY, Treatment.REPLACE_UIDS, Treatment.CHECKED_KEEP, Treatment.CONSTANT))
"""What waits for the second turn, in which methods see decoded values."""
_SOP_INSTANCE_UID = f"{SOP_INSTANCE_UID:08X}"
_METHOD_CODES = f"{METHOD_CODES:08X}"
_OF_THE_WHOLE = {CHARACTER_SET} | {f"{tag:08X}" for tag in (*SUBJECT_TAGS, *MARK_TAGS, CHARACTERISTICS)}
"""What an element becomes may depend on these at the top level."""
_CREATOR = re.compile("[0-9A-F]{3}[13579BDF]00[1-9A-F][0-9A-F]")


class Rewriting:
    """One data set on its way."""

    def __init__(
        self,
        table: DecisionTable,
        policy: Policy,
        dataset: JSONDataSet,
        assumed: InstanceIdentity,
        marks: Marks | None,
        bulk_data_uri: BulkDataURIs | None,
    ) -> None:
        self._table = table
        self._policy = policy
        self._dataset = dataset
        self._marks = marks
        self._bulk_data_uri = bulk_data_uri
        self._assumed = assumed
        self._reading: Reading
        self._out: JSONDataSet = {}
        self._codecs = characters.DEFAULT
        """At the top level, as are the private creators."""
        self._creators: dict[str, str] = {}
        self._waiting: list[Waiting] = []
        self._key = ""
        """Where at the top level this is."""
        self._elsewhere: set[str] = set()
        """Keys at the top level in which a value is elsewhere: each instance has its own URIs."""
        self._tree = ContentTree()
        self._references: dict[int, list[JSONDataSet]] = {}
        """Lists of content items, by their identity, in which some are nothing but a reference."""

    def run(self) -> JSONDataSet:
        """The de-identified data set."""
        self._reading = Reading(self._policy, self._dataset, self._assumed)
        self._out = out = self._item(self._dataset, 0, (), characters.DEFAULT)
        self._reading.complete()
        for waiting in self._waiting:
            resolve_in_place(waiting, self._reading.context)
        if self._references:
            self._renumber()
        if self._marks:
            self._mark(out, self._marks)
        return out

    def _mark(self, out: JSONDataSet, marks: Marks) -> None:
        codes = self._dataset.get(_METHOD_CODES, {}) if self._policy.keeps(CODE_VALUE, "SH") else {}
        mark(out, marks, str(codes.get("Value", "")))

    def run_after(self, last: Rewriting) -> JSONDataSet | None:
        """The de-identified data set, made of the last one's; None where it cannot be.

        It can where both say the same of the whole: then what is the same in both becomes the same. What equals
        for Python does so here, too: 1 and 1.0 are one number.
        """
        changed = self._changed(last)
        if changed is None:
            return None
        self._reading = last._reading.again()
        self._codecs, self._creators = last._codecs, last._creators
        new: JSONDataSet = {}
        for key in changed:
            self._key = key
            self._decide(new, self._dataset, key, self._dataset[key], self._creators, 0, (), self._codecs)
        if any(self._reading.identifying.get(key) != last._reading.identifying.get(key) for key in changed):
            return None
        self._reading = last._reading
        for waiting in self._waiting:
            resolve_in_place(waiting, self._reading.context)
        if any((key in new) != (key in last._out) for key in changed):
            return None
        self._out = last._out | new
        return self._out

    def _changed(self, last: Rewriting) -> list[str] | None:
        """The keys of elements that are not as in the last data set; None where one of them concerns the whole."""
        before = last._dataset
        if self._policy.structured_content or self._dataset.keys() != before.keys():
            return None
        changed = [
            key
            for key, element in self._dataset.items()
            # Those that follow each other in a stream share what they have in common.
            if (element is not (other := before[key]) and element != other) or key in last._elsewhere
        ]
        for key in changed:
            if key in _OF_THE_WHOLE or (key[3:4] in "13579BDF" and _CREATOR.fullmatch(key)):
                return None
            if key == _SOP_INSTANCE_UID and self._policy.depends_on_instance:
                return None
        return changed

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
        if CHARACTER_SET in item:
            codecs = codecs_of(item[CHARACTER_SET])
        creators: dict[str, str] = {}
        if any(key[3:4] in "13579BDF" for key in item):
            creators = _creators(item)
        if not depth:
            self._codecs, self._creators = codecs, creators
        for key, element in item.items():
            if not depth:
                self._key = key
            self._decide(out, item, key, element, creators, depth, path, codecs, plan)
        return out

    def _decide(
        self,
        out: JSONDataSet,
        item: JSONDataSet,
        key: str,
        element: JSONElement,
        creators: dict[str, str],
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
        plan: ContentPlan | None = None,
    ) -> None:
        if not isinstance(element, dict):
            raise InvalidDataSetError("the metadata has an element that is no object")
        vr = str(element.get("vr", "UN"))
        creator = None
        if key[3:4] in "13579BDF":
            if key in creators:
                return
            creator = creators.get(f"{key[:4]}00{key[4:6]}")
        declared = False
        if creator is not None and self._reading.declared and (path or (key,))[0] >= CHARACTERISTICS_KEY:
            declared = is_declared_safe(self._reading.declared, int(key, 16), creator)
        entry = self._table.entry(key, vr, creator, declared=declared, plan=plan)
        if entry.is_plain and "BulkDataURI" not in element:
            out[key] = kept(element, entry.tag, vr)
        else:
            self._element(out, key, element, entry, depth, path, codecs)
        if creator is not None and key in out:
            self._insert_creator(out, item, f"{key[:4]}00{key[4:6]}", key)

    @staticmethod
    def _insert_creator(out: JSONDataSet, item: JSONDataSet, creator: str, before: str) -> None:
        """A private creator comes out only with an element of its block, and before it."""
        if creator not in out:
            element = out.pop(before)
            out[creator] = kept(item[creator], int(creator, 16), "LO")
            out[before] = element

    def _element(
        self,
        out: JSONDataSet,
        key: str,
        element: JSONElement,
        entry: Entry,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
    ) -> None:
        if entry.tag in MARK_TAGS and not depth and self._marks:
            self._earlier_mark(out, key, element, entry, codecs)
            return
        if entry.identifies:
            self._reading.identify(self._key, entry, element, codecs)
        method, treatment, vr = entry.decision.method, entry.treatment, entry.vr
        if treatment is Treatment.CHOOSE:
            method = method.chosen(entry.tag, self._reading.context.sop_class_uid, is_top=not depth)
            treatment = treatment_of(method, vr)
        if treatment is Treatment.JUDGE_ITEMS:
            written = str(element.get("vr", "UN"))
            cleaned = self._content(key, element, entry, depth, path, codecs)
            if cleaned is not None:
                out[key] = {"vr": "SQ", "Value": cleaned} if cleaned else {"vr": written}
            return
        items: list[JSONDataSet] = []
        if vr == "SQ":
            # What is dropped, too: the names and numbers in it must not survive in free text elsewhere.
            search = treatment is not Treatment.RECURSE
            items = self._items(key, element, entry, depth, path, codecs, search=search)
        new = self._treated(key, element, entry, treatment, path, items)
        if new is not None:
            out[key] = new
        elif treatment in _WAITING:
            if "BulkDataURI" in element and method.needs_value:
                out[key] = {"vr": str(element.get("vr", "UN"))}  # the value is not here
            else:
                out[key] = element
                self._waiting.append(Waiting(out, key, entry, depth, codecs))

    def _treated(
        self,
        key: str,
        element: JSONElement,
        entry: Entry,
        treatment: Treatment,
        path: tuple[str, ...],
        items: list[JSONDataSet],
    ) -> JSONElement | None:
        """The element, where that is known now; None where it is dropped, or waits."""
        written = str(element.get("vr", "UN"))
        if treatment is Treatment.RECURSE:
            # Bytes in its place are a sequence in disguise (PS3.5 Section 6.2.2), not ours to read here.
            return {"vr": "SQ", "Value": items} if items else {"vr": written}
        if treatment in {Treatment.KEEP, Treatment.KEEP_UNREAD}:
            if "BulkDataURI" in element:
                return self._uri(written, "/".join((*path, key)).lower(), str(element["BulkDataURI"]))
            if treatment is Treatment.KEEP_UNREAD and "InlineBinary" in element and may_be_items(element):
                return {"vr": written}
            return kept(element, entry.tag, entry.vr)
        if treatment is Treatment.EMPTY:
            return {"vr": written}
        if treatment is Treatment.CONSTANT and entry.vr == "SQ":
            return sequence_of(dummy_items(entry.tag))
        return None

    def _items(
        self,
        key: str,
        element: JSONElement,
        entry: Entry,
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
                for number, item in enumerate(items_of(element, entry.tag), 1)
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
        entry: Entry,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
    ) -> list[JSONDataSet] | None:
        """A sequence of content items, each by the plan for what it is about; None when none of them stays."""
        content, tree = self._policy.structured_content, self._tree
        assert content is not None, "the profile decides for cleanContent only with the option"
        items, out = items_of(element, entry.tag), list[JSONDataSet]()
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
        self, out: JSONDataSet, key: str, element: JSONElement, entry: Entry, codecs: tuple[str, ...]
    ) -> None:
        """Texts and codes of earlier de-identifications stay (PS3.15 E.1.1); all else is written anew."""
        treatment = treatment_of_mark(entry.tag, str(element.get("vr", "UN")))
        if treatment is Treatment.ADD_TEXT:
            out[key] = element
            decision = Decision(self._policy.mark_method, "the de-identification attributes")
            marked = Entry(entry.tag, "LO", decision, treatment, identifies=False)
            self._waiting.append(Waiting(out, key, marked, 0, codecs))
        elif treatment is Treatment.ADD_CODES:
            out[key] = {"vr": "SQ", "Value": self._items(key, element, entry, 0, (), codecs)}

    def _uri(self, written: str, path: str, uri: str) -> JSONElement:
        """A kept element whose value is elsewhere. What is UN may be a sequence, and stays there."""
        self._elsewhere.add(self._key)
        new = self._bulk_data_uri(path, uri) if self._bulk_data_uri and written != "UN" else None
        return {"vr": written} if new is None else {"vr": written, "BulkDataURI": new}


def _creators(item: JSONDataSet) -> dict[str, str]:
    """The private creators by their keys; an object has no order, so that they may stand anywhere."""
    return {
        key: text_of(element)[:LONGEST_CREATOR]
        for key, element in item.items()
        if _CREATOR.fullmatch(key) and isinstance(element, dict)
    }
