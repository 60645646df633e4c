"""What happens to a content item (PS3.3 Section C.17.3) and the values in it (PS3.15 Section E.3.4).

Content items are the items of sequences whose method is cleanContent. The decision rests on concept name and value
type alone, never on values.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes._standard.structured_content import ContentRow
from dicomveil_engine.bounded_cache import LONGEST
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.clean_required import CleanRequired
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.structured_content.concepts import ConceptName, rows_of

CONTENT_SEQUENCE = 0x0040A730
RELATIONSHIP_TYPE = 0x0040A010
VALUE_TYPE = 0x0040A040
CONCEPT_NAME = 0x0040A043
REFERENCED_ITEM = 0x0040DB73
"""Referenced Content Item Identifier."""
REFERENCE_VRS = {RELATIONSHIP_TYPE: "CS", REFERENCED_ITEM: "UL"}
"""The attributes of an item that is a by-reference relationship, with their VRs."""
CONCEPT_TAGS = (0x00080100, 0x00080119, 0x00080120)
"""Code Value, Long Code Value, URN Code Value."""
SCHEME, MEANING = 0x00080102, 0x00080104

TEXT_VALUE = 0x0040A160
_VALUES = {
    0x0040A120: ("DATETIME", "DT"),
    0x0040A121: ("DATE", "DA"),
    0x0040A122: ("TIME", "TM"),
    0x0040A123: ("PNAME", "PN"),
    0x0040A124: ("UIDREF", "UI"),
    TEXT_VALUE: ("TEXT", "UT"),
}
"""Value attributes that can identify by themselves → their value type and VR."""
_OTHER_TYPES = ("CODE", "COMPOSITE", "CONTAINER", "IMAGE", "NUM", "SCOORD", "SCOORD3D", "TABLE", "TCOORD", "WAVEFORM")
VALUE_TYPES = frozenset((*_OTHER_TYPES, *(value_type for value_type, _ in _VALUES.values())))
"""PS3.3 Table C.17.3-7."""
_IDENTIFYING_TYPES = frozenset(value_type for value_type, _ in _VALUES.values())


class ContentAction(Enum):
    """The action on an item by Table E.3.4-1 with the chosen options."""

    REMOVE = "removed"
    DUMMY = "dummy value"
    KEEP = "kept"
    CLEAN = "cleaned"
    """Its values are decided on like other attributes; its text is cleaned."""


class ContentPlan(NamedTuple):
    """What happens to the content items of one concept name and value type."""

    action: ContentAction
    value_type: str
    """Empty if it is missing or not one of PS3.3."""


class ContentVerdict(NamedTuple):
    """The decision on a value of a content item."""

    method: Method
    because: str
    """The reason, for messages."""


_PLANS_CACHED = 4_096


class StructuredContent:
    """Clean Structured Content with the other chosen options: a decision on every content item."""

    def __init__(self, options: frozenset[Option], keys: Keys) -> None:
        self._options = options
        self._keep = Keep()
        self._remove = Remove()
        self._dummy = Dummy.of(keys)
        self._clean = CleanRequired()
        self._cached_plan = lru_cache(_PLANS_CACHED)(self._plan)

    def plan(self, name: ConceptName | None, value_type: str) -> ContentPlan:
        """The plan for an item with this concept name and value type, as written."""
        length = len(value_type)
        if name is not None:
            length += len(name.scheme) + len(name.meaning) + sum(map(len, name.values))
        return self._cached_plan(name, value_type) if length <= LONGEST else self._plan(name, value_type)

    def _plan(self, name: ConceptName | None, value_type: str) -> ContentPlan:
        value_type = value_type.strip(" \0")
        if value_type not in VALUE_TYPES:
            value_type = ""
        if name is None:
            # Without a concept name, its text cannot be judged: it is replaced, not cleaned.
            return ContentPlan(ContentAction.DUMMY, value_type)
        rows = rows_of(name)
        actions = {self._action(row) for row in rows if row.value_type == value_type}
        if not actions and (not value_type or value_type in _IDENTIFYING_TYPES):
            # A person's name may be written as TEXT. The options apply to listed value types only.
            actions = {_basic_action(row) for row in rows}
        for action in (ContentAction.REMOVE, ContentAction.DUMMY, ContentAction.CLEAN, ContentAction.KEEP):
            if action in actions:
                return ContentPlan(action, value_type)
        return ContentPlan(ContentAction.CLEAN, value_type)

    def _action(self, row: ContentRow) -> ContentAction:
        codes = {code for option, code in row.options.items() if option in self._options}
        if "K" in codes:
            # Dates and other references are decided on like all dates and references under these options.
            return ContentAction.KEEP if row.value_type in {"TEXT", "UIDREF"} else ContentAction.CLEAN
        if "C" in codes:
            return ContentAction.CLEAN
        return _basic_action(row)

    def decide(self, plan: ContentPlan, tag: int, vr: str) -> ContentVerdict | None:
        """The verdict on an element of the item itself; None if it is decided on like other attributes."""
        if tag == REFERENCED_ITEM:
            return ContentVerdict(self._remove, "PS3.15 E.3.4: a reference in an item that has a value")
        if tag not in _VALUES:
            return None
        value_type, expected = _VALUES[tag]
        because = f"PS3.15 Table E.3.4-1: {plan.action.value}"
        if plan.value_type not in {"", value_type}:
            return ContentVerdict(self._remove, f"PS3.15 E.3.4: no value of a {plan.value_type} item")
        if vr != expected:
            return ContentVerdict(self._remove, f"PS3.15 E.3.4: {vr} where PS3.6 has {expected}")
        if plan.action is ContentAction.DUMMY:
            return ContentVerdict(self._dummy, because)
        if plan.action is ContentAction.KEEP:
            return ContentVerdict(self._keep, because)
        return ContentVerdict(self._clean, because) if tag == TEXT_VALUE else None


def _basic_action(row: ContentRow) -> ContentAction:
    """The action by the Basic Profile. X/D becomes a dummy, since a template may require the item."""
    return ContentAction.REMOVE if row.basic == "X" else ContentAction.DUMMY
