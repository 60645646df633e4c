"""Searching dropped sequences for names and numbers, which must not be left in free text elsewhere.

Nothing of such a sequence comes out, so it need not be readable: the search resumes behind what cannot be read, and
records that a name may have been there.
"""

from __future__ import annotations

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.content_item import read_content_item
from dicomveil_engine.json_model.item_place import ItemPlace, creator_of, creators_of
from dicomveil_engine.json_model.reading import CHARACTER_SET, Reading, codecs_of
from dicomveil_engine.json_model.table import DecisionTable
from dicomveil_engine.json_model.values import JSONElement
from dicomveil_engine.rewriting.decisions import Decisions
from dicomveil_engine.rewriting.treatment import Treatment
from dicomveil_engine.structured_content.concepts import ConceptName
from dicomveil_engine.structured_content.content_items import ContentPlan


class Search:
    """The search of one element of the top level."""

    def __init__(self, table: DecisionTable, policy: Decisions, reading: Reading, top: str) -> None:
        """`top` is the key of the element of the top level."""
        self._table = table
        self._policy = policy
        self._reading = reading
        self._top = top

    def items(self, element: JSONElement, around: ItemPlace, key: str, *, are_content: bool = False) -> None:
        """Record the identifying values in the items of a sequence."""
        values = element.get("Value") or []
        for item in values if isinstance(values, list) else [values]:
            try:
                self._item(item, around, key, are_content=are_content)
            except InvalidDataSetError:
                self._leave(item)

    def _item(self, item: object, around: ItemPlace, key: str, *, are_content: bool) -> None:
        item = {} if item is None else item
        depth, codecs, plan = around.depth + 1, around.codecs, None
        if not isinstance(item, dict) or depth > self._policy.limits.depth:
            raise InvalidDataSetError("a sequence holds something that is not an item, or is nested too deep")
        if are_content:
            seen = read_content_item(item, codecs)
            if seen.target is not None and self._policy.passes_references:
                return
            plan = self._plan(seen.name, seen.value_type)
        if CHARACTER_SET in item:
            codecs = codecs_of(item[CHARACTER_SET])
        here = ItemPlace(depth, (*around.path, key), codecs, creators_of(item), plan)
        for name, element in item.items():
            try:
                self._element(name, element, here)
            except InvalidDataSetError:
                self._leave(element)

    def _element(self, key: str, element: object, here: ItemPlace) -> None:
        if not isinstance(element, dict):
            raise InvalidDataSetError("the metadata has an element that is not an object")
        creator, declared = None, False
        if key[3:4] in "13579BDF":
            if key in here.creators:
                return
            creator, declared = creator_of(key, here, self._reading.declared)
        vr = str(element.get("vr", "UN"))
        entry = self._table.entry(key, vr, creator, declared=declared, plan=here.plan)
        if entry.identifies:
            self._reading.identify(self._top, entry, element, here.codecs)
        if entry.vr == "SQ":
            self.items(element, here, key, are_content=entry.treatment is Treatment.JUDGE_ITEMS)

    def _plan(self, name: ConceptName | None, value_type: str) -> ContentPlan:
        plans = self._policy.structured_content
        assert plans is not None, "the profile uses cleanContent only with the option"
        return plans.plan(name, value_type)

    def _leave(self, unread: object) -> None:
        """Pass over what cannot be read; a text is taken for a name, anything else with values may hold one."""
        if isinstance(unread, str):
            self._reading.name(self._top, unread)
        elif _holds_values(unread):
            self._reading.miss(self._top)


def _holds_values(unread: object) -> bool:
    if isinstance(unread, dict):
        return any(name != "vr" and _holds_values(value) for name, value in unread.items())
    if isinstance(unread, list):
        return any(map(_holds_values, unread))
    return unread is not None and unread != ""
