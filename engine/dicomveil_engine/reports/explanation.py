"""What a policy does to an instance or an attribute, said in words: for people, before they rely on it.

The rule is what `Policy.decide` names; the outcome is what de-identifying the instance really gives. No value is in
an explanation unless it is asked for.
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
"""For an attribute that no dictionary knows: a text, and what an encoding without VRs makes of it."""


class AttributeOutcome(Enum):
    """What became of an element."""

    KEPT = "kept"
    """Byte for byte, or a sequence with its items."""
    CHANGED = "changed"
    EMPTIED = "emptied"
    EMPTY = "empty"
    """It had no value before, and has none now."""
    REMOVED = "removed"
    INSERTED = "inserted"
    """It was not there before."""


@dataclass(frozen=True)
class ElementExplanation:
    """What happens to one element of an instance, and why."""

    path: Path
    vr: str
    creator: str | None
    """The creator of a private element. It is a value of the instance, and so named only if others know it too."""
    method: str
    """As the rule language writes it, e.g. `dateShift`."""
    rule: str
    outcome: AttributeOutcome
    before: str | None = None
    """The original value, only where values are asked for."""
    after: str | None = None

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

    The instance is de-identified in memory and compared with what it was, so that the outcome is not a prediction.
    Raises InvalidDataSetError for what cannot be read, DeidentificationError for what has no safe output.
    """
    rewriter = InstanceRewriter(policy)
    output = b"".join([*rewriter.feed(data), *rewriter.close()])
    identity = rewriter.original or InstanceIdentity()
    before = {element.path: element for element in read_elements(data)}
    after = {element.path: element for element in read_elements(output)}
    explaining = _Explaining(policy, identity.sop_class_uid, before, after, show_values=show_values)
    explained = [explaining.element(element) for element in before.values()]
    explained += [explaining.inserted(element) for path, element in after.items() if path not in explaining.found]
    return sorted(explained, key=lambda each: each.path)


_Elements = Mapping[Path, EncodedElement]


class _Explaining:
    """One instance; the original's elements are visited in their order."""

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
        """Items of the original → where they are now; those that were removed are not in it."""
        self._plans: dict[Path, ContentPlan] = {}
        """Content items of the original → what happens to them."""
        self.found: set[Path] = set()
        """Elements of the output that were there before."""

    def element(self, element: EncodedElement) -> ElementExplanation:
        """What happens to an element of the original."""
        item = self._items.get(element.path[:-1])
        if item is None:
            return self._explained(element, Remove.name, self._why_gone(element.path), None)
        after = self._after.get((*item, element.tag))
        method, rule = self._decided(element, after)
        if after is not None:
            self.found.add(after.path)
            if element.vr == "SQ" and method not in _REPLACING_ITEMS:
                self._match_items(element, after, are_content=method == CleanContent.name)
        return self._explained(element, method, rule, after)

    def _why_gone(self, path: Path) -> str:
        """Why the item in which an element stands does not come out."""
        around = [self._plans[path[:end]] for end in range(2, len(path), 2) if path[:end] in self._plans]
        if any(plan.action is ContentAction.REMOVE for plan in around):
            return "PS3.15 Table E.3.4-1: the content item is removed"
        return f"with its item of {dictionary.describe(path[-3])}"

    def _match_items(self, before: EncodedElement, after: EncodedElement, *, are_content: bool) -> None:
        """Note which item is which; some content items may have been removed, and the others are in their order."""
        place = 1
        for number in range(1, before.items + 1):
            item, candidate = (*before.path, number), (*after.path, place)
            if are_content and self._plan(item).action is ContentAction.REMOVE:
                continue
            if before.items == after.items or _concept(self._before, item) == _concept(self._after, candidate):
                self._items[item] = candidate
                place += 1

    def _plan(self, item: Path) -> ContentPlan:
        """What Table E.3.4-1 says of a content item."""
        content = self._policy.structured_content
        assert content is not None, "the profile decides for cleanContent only with the option"
        name = concept_name(
            [_first_text(self._before, (*item, CONCEPT_NAME, 1, tag)) for tag in CONCEPT_TAGS],
            _first_text(self._before, (*item, CONCEPT_NAME, 1, SCHEME)),
            _first_text(self._before, (*item, CONCEPT_NAME, 1, MEANING)),
        )
        plan = self._plans[item] = content.plan(name, _first_text(self._before, (*item, VALUE_TYPE)))
        return plan

    def inserted(self, element: EncodedElement) -> ElementExplanation:
        """What comes out although it was not there."""
        is_mark = any(tag in DEIDENTIFICATION_TAGS for tag in element.path[:1])
        rule = "PS3.15 E.1.1: a de-identification attribute" if is_mark else "an item of the dummy sequence"
        text = _text(element) if self._show_values else None
        return ElementExplanation(element.path, element.vr, None, "insert", rule, AttributeOutcome.INSERTED, None, text)

    def _decided(self, element: EncodedElement, after: EncodedElement | None) -> tuple[str, str]:
        if element.is_creator:
            return "remove" if after is None else "keep", "a private creator comes out only with elements of its block"
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
"""By all other methods a sequence's items come out, treated one by one."""


def _concept(elements: _Elements, item: Path) -> list[str]:
    """What a content item is recognised by."""
    paths = [(*item, VALUE_TYPE), *((*item, CONCEPT_NAME, 1, tag) for tag in CONCEPT_TAGS)]
    return [_first_text(elements, path) for path in paths]


def _first_text(elements: _Elements, path: Path) -> str:
    """The first value of an element; empty where there is none."""
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
    """An element's value for somebody's eyes, short and without control characters."""
    if element.vr == "SQ" and not len(element.value):
        return "1 item" if element.items == 1 else f"{element.items} items"
    try:
        values = element.values()
    except InvalidDataSetError:
        return f"{len(element.value)} bytes that are no {element.vr}"
    if isinstance(values, bytes):
        return f"{len(values)} bytes"
    if element.vr == "AT":
        values = [f"{int(tag):08X}" for tag in values]
    text = "\\".join(map(str, values))
    shown = "".join(character if character.isprintable() else " " for character in text[: LONGEST_TEXT + 1])
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + "…"
