"""The walk through one data set in DICOM JSON under a policy.

It has two phases, as for Part 10: the first takes every decision and reads the identifying values, the second applies
the methods that depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from dicomveil_engine.attributes import characters
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.content_item import ContentReferences, read_content_item
from dicomveil_engine.json_model.deidentification_attributes import add_claims
from dicomveil_engine.json_model.elements import decoded, items_of, kept, may_be_items, sequence_of
from dicomveil_engine.json_model.item_place import ItemPlace, creator_of, creators_of
from dicomveil_engine.json_model.pixels import inline_pixels
from dicomveil_engine.json_model.plain import is_plain
from dicomveil_engine.json_model.reading import (
    CHARACTER_SET,
    Reading,
    codecs_of,
    legal_character_sets,
)
from dicomveil_engine.json_model.resolution import Waiting, check_passed, resolve_in_place, resolve_with_late_names
from dicomveil_engine.json_model.search import Search
from dicomveil_engine.json_model.streamed import FIRST_KEY_PASSED, is_streamed
from dicomveil_engine.json_model.table import WAITING, DecisionTable, Entry
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement
from dicomveil_engine.methods.base import TEXT_VRS
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.checking import PIXELS, needs_words, passes
from dicomveil_engine.rewriting.decisions import Decision, Decisions
from dicomveil_engine.rewriting.deidentification_attributes import (
    CODE_VALUE,
    DEIDENTIFICATION_TAGS,
    METHOD_CODES,
    DeidentificationAttributes,
)
from dicomveil_engine.rewriting.dummies import dummy_items
from dicomveil_engine.rewriting.treatment import Treatment, treatment_of, treatment_of_claim
from dicomveil_engine.structured_content.content_items import ContentAction, ContentPlan

BulkDataURIs = Callable[[str, str], str | None]
"""(path of the element, such as `00880200/1/7fe00010`; the server's URI) → the URI to be written, or None."""

_METHOD_CODES = f"{METHOD_CODES:08X}"


class DataSetWalk:
    """The walk through one data set."""

    def __init__(
        self,
        table: DecisionTable,
        policy: Decisions,
        dataset: JSONDataSet,
        assumed: InstanceIdentity,
        claims: DeidentificationAttributes | None,
        bulk_data_uri: BulkDataURIs | None,
    ) -> None:
        self.table = table
        self.policy = policy
        self.dataset = dataset
        self.claims = claims
        self.bulk_data_uri = bulk_data_uri
        self.assumed = assumed
        self.reading: Reading
        self.out: JSONDataSet = {}
        self.codecs = characters.DEFAULT
        """The codecs of the top level."""
        self.creators: dict[str, str] = {}
        """The private creators of the top level."""
        self.waiting: list[Waiting] = []
        self.key = ""
        """The current key of the top level."""
        self.elsewhere: set[str] = set()
        """Keys of the top level with a BulkDataURI in them, which differs in each instance."""
        self.checked_elsewhere: set[str] = set()
        """Paths of elements with a BulkDataURI whose value is checked when it is retrieved."""
        self.content = ContentReferences()
        self.unsure: set[str] = set()
        """Keys of the top level with a value that is kept only if it holds no identifying word of the data set."""

    def run(self, header: Reading | None = None) -> JSONDataSet:
        """The de-identified data set; `header` is the reading of the whole data set of which this may be a part."""
        out = self.begin()
        if header:
            self.reading.join(header)
        self.reading.complete()
        self.resolve()
        self.content.renumber()
        if self.claims:
            self._add_claims(out, self.claims)
        return out

    def begin(self) -> JSONDataSet:
        """The first phase: elements are decided on, and treated or left waiting."""
        self.reading = Reading(self.policy, self.dataset, self.assumed)
        self.out = self._item(self.dataset, 0, (), characters.DEFAULT)
        return self.out

    def _add_claims(self, out: JSONDataSet, claims: DeidentificationAttributes) -> None:
        codes = self.dataset.get(_METHOD_CODES, {}) if self.policy.keeps(CODE_VALUE, "SH") else {}
        add_claims(out, claims, str(codes.get("Value", "")))

    def restart(self, keys: Iterable[str], into: JSONDataSet) -> None:
        """Decide on some elements of the top level, with the reading of another data set."""
        here = ItemPlace(0, (), self.codecs, self.creators)
        for self.key in keys:
            self._decide(into, self.dataset, self.key, self.dataset[self.key], here)

    def resolve(self) -> None:
        """The second phase: methods are applied to waiting elements."""
        late = self.reading.contexts[-1]
        for waiting in self.waiting:
            if waiting.is_passed:
                check_passed(waiting, self.reading.known_before(waiting.top))
                continue
            known = self.reading.known_at(waiting.top)
            if known is late:
                resolve_in_place(waiting, known)
            else:
                resolve_with_late_names(waiting, known, late)

    # First phase

    def _item(
        self,
        item: JSONDataSet,
        depth: int,
        path: tuple[str, ...],
        codecs: tuple[str, ...],
        plan: ContentPlan | None = None,
    ) -> JSONDataSet:
        if depth > self.policy.limits.depth:
            raise InvalidDataSetError(f"sequences are nested more than {self.policy.limits.depth} deep")
        out: JSONDataSet = {}
        if CHARACTER_SET in item:
            codecs = codecs_of(item[CHARACTER_SET])
        creators = creators_of(item)
        if not depth:
            self.codecs, self.creators = codecs, creators
        here = ItemPlace(depth, path, codecs, creators, plan)
        for key, element in item.items():
            if not depth:
                self.key = key
            self._decide(out, item, key, element, here)
        return out

    def _decide(self, out: JSONDataSet, item: JSONDataSet, key: str, element: JSONElement, here: ItemPlace) -> None:
        if not isinstance(element, dict):
            raise InvalidDataSetError("the metadata has an element that is not an object")
        vr = str(element.get("vr", "UN"))
        creator, declared, entry = None, False, None
        if key[3:4] in "13579BDF":
            if key in here.creators:
                return
            creator, declared = creator_of(key, here, self.reading.declared)
        elif here.plan is None:
            entry = self.table.public.get((key, vr))
        if entry is None:
            entry = self.table.entry(key, vr, creator, declared=declared, plan=here.plan)
        if key >= FIRST_KEY_PASSED and not here.depth and is_streamed(entry, element, here.codecs):
            self.reading.streamed.add(key)
        if key == CHARACTER_SET:
            out[key] = legal_character_sets(element)
        elif entry.is_plain and "BulkDataURI" not in element:
            out[key] = kept(element, entry.tag, vr)
        elif entry.is_checked:
            if is_plain(element, entry.tag, entry.vr):
                out[key] = element
            else:
                self._check(out, key, element, entry, here)
        elif entry.waits and "BulkDataURI" not in element:
            if entry.identifies:
                self.reading.identify(self.key, entry, element, here.codecs)
            out[key] = element
            self._wait(Waiting(out, key, entry, here.depth, here.codecs, self.key))
        else:
            self._element(out, key, element, entry, here)
        if creator is not None and key in out:
            self._insert_creator(out, item, f"{key[:4]}00{key[4:6]}", key)

    @staticmethod
    def _insert_creator(out: JSONDataSet, item: JSONDataSet, creator: str, before: str) -> None:
        """Keep a private creator only with an element of its block, and before it."""
        if creator not in out:
            element = out.pop(before)
            out[creator] = kept(item[creator], int(creator, 16), "LO")
            out[before] = element

    def _element(self, out: JSONDataSet, key: str, element: JSONElement, entry: Entry, here: ItemPlace) -> None:
        if entry.tag in DEIDENTIFICATION_TAGS and not here.depth and self.claims:
            self._earlier_attribute(out, key, element, entry, here)
            return
        if entry.identifies:
            self.reading.identify(self.key, entry, element, here.codecs)
        method, treatment, vr = entry.decision.method, entry.treatment, entry.vr
        if treatment is Treatment.CHOOSE:
            method = method.chosen(entry.tag, self.reading.context.sop_class_uid, is_top=not here.depth)
            treatment = treatment_of(method, vr)
        if treatment is Treatment.JUDGE_ITEMS:
            written = str(element.get("vr", "UN"))
            cleaned = self._content(key, element, entry, here)
            if cleaned is not None:
                out[key] = {"vr": "SQ", "Value": cleaned} if cleaned else {"vr": written}
            return
        items: list[JSONDataSet] = []
        if treatment is Treatment.RECURSE:
            items = self._items(key, element, entry, here)
        elif vr == "SQ":
            Search(self.table, self.policy, self.reading, self.key).items(element, here, key)
        if treatment is Treatment.KEEP and entry.tag in PIXELS and here.path and self.policy.claims:
            self._nested_pixels(out, key, element, entry, here)
            return
        if treatment is Treatment.CHECKED_KEEP:
            self._check(out, key, element, entry, here)
            return
        new = self._treated(out, key, element, entry, treatment, here, items)
        if new is not None:
            out[key] = new
        elif treatment in WAITING:
            if "BulkDataURI" in element and method.needs_value:
                out[key] = {"vr": str(element.get("vr", "UN"))}  # the value is elsewhere, so it cannot be changed
            else:
                out[key] = element
                self._wait(Waiting(out, key, entry, here.depth, here.codecs, self.key))

    def _wait(self, waiting: Waiting) -> None:
        """Leave an element to the second phase."""
        if len(self.waiting) >= self.policy.limits.elements:
            raise InvalidDataSetError(
                f"more than {self.policy.limits.elements} elements change; "
                "raise the limit elements if such instances are to pass"
            )
        self.waiting.append(waiting)

    def _check(self, out: JSONDataSet, key: str, element: JSONElement, entry: Entry, here: ItemPlace) -> None:
        """Keep an element if its value passes by itself; else leave it to the second phase."""
        if "BulkDataURI" in element:
            written, uri = str(element.get("vr", "UN")), str(element["BulkDataURI"])
            is_bulk, path = entry.vr not in TEXT_VRS, "/".join((*here.path, key)).lower()
            self.checked_elsewhere.add(path)
            out[key] = self._uri(written, path, uri) if is_bulk else {"vr": written}
            return
        values = decoded(element, entry.tag, entry.vr, here.codecs)
        if passes(entry.tag, entry.vr, values):
            out[key] = kept(element, entry.tag, entry.vr)
        else:
            out[key] = element
            if needs_words(entry.tag, entry.vr, values):
                self.unsure.add(self.key)
            is_passed = not here.depth and key in self.reading.streamed
            self._wait(Waiting(out, key, entry, here.depth, here.codecs, self.key, is_passed))

    def _nested_pixels(self, out: JSONDataSet, key: str, element: JSONElement, entry: Entry, here: ItemPlace) -> None:
        """Pixels in an item, such as an icon's: fragments are cleaned, other bytes are checked."""
        entry = replace(entry, treatment=Treatment.CHECKED_KEEP)
        if may_be_items(element):
            out[key], _ = inline_pixels(entry, element, {}, removes_overlays=False)
        else:
            self._check(out, key, element, entry, here)

    def _treated(
        self,
        out: JSONDataSet,
        key: str,
        element: JSONElement,
        entry: Entry,
        treatment: Treatment,
        here: ItemPlace,
        items: list[JSONDataSet],
    ) -> JSONElement | None:
        """The treated element; None if it is dropped or waits."""
        written = str(element.get("vr", "UN"))
        if treatment is Treatment.RECURSE:
            # If the server gives bytes, they are an encoded sequence (PS3.5 Section 6.2.2), which is not read here.
            return {"vr": "SQ", "Value": items} if items else {"vr": written}
        if treatment in {Treatment.KEEP, Treatment.KEEP_UNREAD}:
            if "BulkDataURI" in element:
                return self._uri(written, "/".join((*here.path, key)).lower(), str(element["BulkDataURI"]))
            if entry.tag in PIXELS and not here.path and "InlineBinary" in element:
                new, is_complete = inline_pixels(
                    entry, element, self.dataset, removes_overlays=self.policy.removes_overlays
                )
                if is_complete:
                    return new
                self._wait(Waiting(out, key, entry, 0, here.codecs, key, is_passed=True))
                return new
            if treatment is Treatment.KEEP_UNREAD and "InlineBinary" in element and may_be_items(element):
                return {"vr": written}
            return kept(element, entry.tag, entry.vr)
        if treatment is Treatment.EMPTY:
            return {"vr": written}
        if treatment is Treatment.CONSTANT and entry.vr == "SQ":
            return sequence_of(dummy_items(entry.tag))
        return None

    def _items(self, key: str, element: JSONElement, entry: Entry, here: ItemPlace) -> list[JSONDataSet]:
        """The rewritten items of a sequence."""
        return [
            self._item(item, here.depth + 1, (*here.path, key, str(number)), here.codecs)
            for number, item in enumerate(items_of(element, entry.tag), 1)
        ]

    def _content(self, key: str, element: JSONElement, entry: Entry, here: ItemPlace) -> list[JSONDataSet] | None:
        """The content items of a sequence, each treated by its plan; None if none of them is kept."""
        plans = self.policy.structured_content
        assert plans is not None, "the profile uses cleanContent only with the option"
        items, out = items_of(element, entry.tag), list[JSONDataSet]()
        tree = self.content.tree
        parent, at = tree.parent(entry.tag, here.depth), tree.at
        try:
            for number, item in enumerate(items, 1):
                tree.at = place = None if parent is None else (*parent, number)
                seen = read_content_item(item, here.codecs)
                if seen.target is not None and self.policy.passes_references:
                    out.append(item)
                    self.content.refer(place, seen.target, out)
                    continue
                plan = plans.plan(seen.name, seen.value_type)
                waiting = len(self.waiting)
                cleaned = self._item(item, here.depth + 1, (*here.path, key, str(number)), here.codecs, plan)
                if plan.action is not ContentAction.REMOVE:
                    out.append(cleaned)
                    continue
                del self.waiting[waiting:]
                if place is not None:
                    tree.removed.append(place)
        finally:
            tree.at = at  # also after an error, since a dropped sequence need not be readable
        return out if out or not items else None

    def _earlier_attribute(
        self, out: JSONDataSet, key: str, element: JSONElement, entry: Entry, here: ItemPlace
    ) -> None:
        """Keep texts and codes of earlier de-identifications (PS3.15 Section E.1.1); the rest is written anew."""
        treatment = treatment_of_claim(entry.tag, str(element.get("vr", "UN")))
        if treatment is Treatment.ADD_TEXT:
            out[key] = element
            decision = Decision(self.policy.add_method_text, "the de-identification attributes")
            new_entry = Entry(entry.tag, "LO", decision, treatment, identifies=False)
            self._wait(Waiting(out, key, new_entry, 0, here.codecs, self.key))
        elif treatment is Treatment.ADD_CODES:
            out[key] = {"vr": "SQ", "Value": self._items(key, element, entry, here)}

    def _uri(self, written: str, path: str, uri: str) -> JSONElement:
        """A kept element whose value is elsewhere; for UN without its URI, since the value may be a sequence."""
        self.elsewhere.add(self.key)
        new = self.bulk_data_uri(path, uri) if self.bulk_data_uri and written != "UN" else None
        return {"vr": written} if new is None else {"vr": written, "BulkDataURI": new}
