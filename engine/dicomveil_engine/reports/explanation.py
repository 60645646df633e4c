"""Explaining what a policy does to an instance or an attribute, and by which rule.

The rule is that of `Policy.decide`; the outcome is found by de-identifying the instance. Explanations hold values only
on request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.clean_content import CleanContent
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.part10.elements import EncodedElement, Path, path_text, read_elements
from dicomveil_engine.part10.rewriter import InstanceRewriter
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_engine.structured_content.concepts import concept_name
from dicomveil_engine.structured_content.content_items import (
    CONCEPT_NAME,
    CONCEPT_TAGS,
    MEANING,
    SCHEME,
    VALUE_TYPE,
    ContentAction,
    ContentPlan,
)

LONGEST_TEXT = 64
"""Characters of a value that are shown."""
_ANY_VRS = ("LO", "UN")
"""For an unknown attribute: a text VR, and the VR that it has in implicit VR."""


class AttributeOutcome(Enum):
    """What happened to an element."""

    KEPT = "kept"
    """Unchanged; a sequence has the same number of items."""
    CHANGED = "changed"
    EMPTIED = "emptied"
    EMPTY = "empty"
    """It had no value in the original, and has none in the output."""
    REMOVED = "removed"
    INSERTED = "inserted"
    """It is in the output only."""


@dataclass(frozen=True)
class ElementExplanation:
    """What happens to one element of an instance, and why."""

    path: Path
    vr: str
    creator: str | None
    """The private creator, which is a value of the instance: only on request, unless it is well known."""
    method: str
    """As the rule language writes it, e.g. `dateShift`."""
    rule: str
    outcome: AttributeOutcome
    before: str | None = None
    """The original value, on request."""
    after: str | None = None
    """The new value, on request."""

    @property
    def tag(self) -> int:
        """0xGGGGEEEE."""
        return self.path[-1]

    @property
    def depth(self) -> int:
        """0 at the top level of the data set."""
        return len(self.path) // 2

    @property
    def keyword(self) -> str:
        """By PS3.6; empty for private and unknown attributes."""
        return dictionary.keyword_of(self.tag)

    @property
    def place(self) -> str:
        """The path as BulkDataURIs write it, such as `00081140/1/00081155`."""
        return path_text(self.path)


@dataclass(frozen=True)
class AttributeExplanation:
    """What happens to an attribute in elements of one VR."""

    tag: int
    vr: str
    creator: str | None
    method: str
    rule: str


def explain_attribute(tag: int, policy: Policy, creator: str | None = None) -> list[AttributeExplanation]:
    """The decision for each VR that the attribute may have."""
    decisions = [(vr, policy.decide(tag, vr, creator)) for vr in dictionary.vrs_of(tag, creator) or _ANY_VRS]
    return [AttributeExplanation(tag, vr, creator, made.method.name, made.rule) for vr, made in decisions]


def explain_instance(data: bytes, policy: Policy, *, show_values: bool = False) -> list[ElementExplanation]:
    """What the policy does to each element of a Part 10 instance, in the order of the elements.

    The instance is de-identified in memory and compared with the original.
    Raises InvalidDataSetError if it cannot be read, DeidentificationError if there is no safe output.
    """
    rewriter = InstanceRewriter(policy)
    output = b"".join([*rewriter.feed(data), *rewriter.close()])
    identity = rewriter.original or InstanceIdentity()
    before = {element.path: element for element in read_elements(data)}
    after = {element.path: element for element in read_elements(output)}
    explaining = _Explaining(policy, identity.sop_class_uid, before, after, show_values=show_values)
    explained = [explaining.element(element) for element in before.values()]
    explained += [explaining.inserted(element) for path, element in after.items() if path not in explaining.found]
    return sorted(explained, key=lambda explanation: explanation.path)


_Elements = Mapping[Path, EncodedElement]


class _Explaining:
    """The explanation of one instance; elements of the original are visited in order."""

    def __init__(
        self, policy: Policy, sop_class_uid: str, before: _Elements, after: _Elements, *, show_values: bool
    ) -> None:
        self._policy = policy
        self._sop_class_uid = sop_class_uid
        self._before = before
        self._after = after
        self._show_values = show_values
        self._known_creators = {*dictionary.private_creators(), *(rule.pattern.creator for rule in policy.rules)}
        self._items: dict[Path, Path] = {(): ()}
        """Path of an item in the original → its path in the output; removed items are not in it."""
        self._plans: dict[Path, ContentPlan] = {}
        """Path of a content item in the original → its plan."""
        self.found: set[Path] = set()
        """Paths of elements of the output that are in the original too."""

    def element(self, element: EncodedElement) -> ElementExplanation:
        """What happens to an element of the original."""
        item = self._items.get(element.path[:-1])
        if item is None:
            return self._explained(element, Remove.name, self._reason_of_removal(element.path), None)
        after = self._after.get((*item, element.tag))
        method, rule = self._decided(element, after)
        if after is not None:
            self.found.add(after.path)
            if element.vr == "SQ" and method not in _REPLACING_ITEMS:
                self._match_items(element, after, are_content=method == CleanContent.name)
        return self._explained(element, method, rule, after)

    def _reason_of_removal(self, path: Path) -> str:
        """Why the item that holds an element is removed."""
        around = [self._plans[path[:end]] for end in range(2, len(path), 2) if path[:end] in self._plans]
        if any(plan.action is ContentAction.REMOVE for plan in around):
            return "PS3.15 Table E.3.4-1: the content item is removed"
        return f"with its item of {dictionary.describe(path[-3])}"

    def _match_items(self, before: EncodedElement, after: EncodedElement, *, are_content: bool) -> None:
        """Match the items of a sequence; content items may have been removed, and the others are in the same order."""
        place = 1
        for number in range(1, before.items + 1):
            item, candidate = (*before.path, number), (*after.path, place)
            if are_content and self._plan(item).action is ContentAction.REMOVE:
                continue
            if before.items == after.items or _concept(self._before, item) == _concept(self._after, candidate):
                self._items[item] = candidate
                place += 1

    def _plan(self, item: Path) -> ContentPlan:
        """The plan of a content item."""
        content = self._policy.structured_content
        assert content is not None, "the profile uses cleanContent only with the option"
        name = concept_name(
            [_first_text(self._before, (*item, CONCEPT_NAME, 1, tag)) for tag in CONCEPT_TAGS],
            _first_text(self._before, (*item, CONCEPT_NAME, 1, SCHEME)),
            _first_text(self._before, (*item, CONCEPT_NAME, 1, MEANING)),
        )
        plan = self._plans[item] = content.plan(name, _first_text(self._before, (*item, VALUE_TYPE)))
        return plan

    def inserted(self, element: EncodedElement) -> ElementExplanation:
        """The explanation of an element that is in the output only."""
        is_claim = element.path[0] in DEIDENTIFICATION_TAGS
        rule = "PS3.15 E.1.1: a de-identification attribute" if is_claim else "an item of the dummy sequence"
        text = _text(element) if self._show_values else None
        return ElementExplanation(element.path, element.vr, None, "insert", rule, AttributeOutcome.INSERTED, None, text)

    def _decided(self, element: EncodedElement, after: EncodedElement | None) -> tuple[str, str]:
        if element.is_creator:
            return "remove" if after is None else "keep", "a private creator is kept only with elements of its block"
        if not element.depth and element.tag in DEIDENTIFICATION_TAGS and self._policy.claims is not None:
            return "insert", "PS3.15 E.1.1: a de-identification attribute"
        plan = self._plans.get(element.path[:-1])
        if plan is None:
            decision = self._policy.decide(element.tag, element.vr, element.creator)
        else:
            decision = self._policy.decide_in_content(plan, element.tag, element.vr, element.creator)
        method = decision.method.chosen(element.tag, self._sop_class_uid, is_top=not element.depth)
        return method.name, decision.rule

    def _explained(
        self, element: EncodedElement, method: str, rule: str, after: EncodedElement | None
    ) -> ElementExplanation:
        before_text = after_text = None
        if self._show_values:
            before_text = _text(element)
            after_text = None if after is None else _text(after)
        creator = element.creator if self._show_values or element.creator in self._known_creators else None
        outcome = _outcome(element, after)
        return ElementExplanation(element.path, element.vr, creator, method, rule, outcome, before_text, after_text)


_REPLACING_ITEMS = frozenset((Remove.name, Redact.name, Dummy.name))
"""The methods that replace or drop all items of a sequence; with others, items are treated one by one."""


def _concept(elements: _Elements, item: Path) -> list[str]:
    """The value type and codes by which a content item is recognised."""
    paths = [(*item, VALUE_TYPE), *((*item, CONCEPT_NAME, 1, tag) for tag in CONCEPT_TAGS)]
    return [_first_text(elements, path) for path in paths]


def _first_text(elements: _Elements, path: Path) -> str:
    """The first value of an element; "" if there is none."""
    element = elements.get(path)
    if element is None or not len(element.value):
        return ""
    return str(element.values()[0])


def _outcome(before: EncodedElement, after: EncodedElement | None) -> AttributeOutcome:
    if after is None:
        return AttributeOutcome.REMOVED
    if before.vr == "SQ":
        if before.items == after.items:
            return AttributeOutcome.KEPT if before.items else AttributeOutcome.EMPTY
        return AttributeOutcome.CHANGED if after.items else AttributeOutcome.EMPTIED
    if before.value == after.value:
        return AttributeOutcome.KEPT if len(before.value) else AttributeOutcome.EMPTY
    return AttributeOutcome.CHANGED if len(after.value) else AttributeOutcome.EMPTIED


def _text(element: EncodedElement) -> str:
    """An element's value for display, shortened and without control characters."""
    if element.vr == "SQ" and not len(element.value):
        return "1 item" if element.items == 1 else f"{element.items} items"
    try:
        values = element.values()
    except InvalidDataSetError:
        return f"{len(element.value)} bytes that are not {element.vr}"
    if isinstance(values, bytes):
        return f"{len(values)} bytes"
    if element.vr == "AT":
        values = [f"{int(tag):08X}" for tag in values]
    text = "\\".join(map(str, values))
    shown = "".join(character if character.isprintable() else " " for character in text[: LONGEST_TEXT + 1])
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + "…"
