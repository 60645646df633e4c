"""Table E.1-1 and the layer by VR, with the actions of policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import TABLE_E1, Option, Row
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID, SPECIFIC_CHARACTER_SET
from dicomveil_engine.policy import Decision, Policy
from dicomveil_engine.reports.conformance.actions import action_of

Policies = Mapping[str, Policy]
"""Name in the statement → policy."""

NOT_IN_INSTANCES = frozenset((0x0000, 0x0002, 0x0004, 0xFFFE))
_MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
_PRIVATE = 0x00091001
_REPRESENTATIVES = {"50xxxxxx": 0x50003000, "60xx3000": 0x60003000, "60xx4000": 0x60004000}
"""Repeating group in the table → one of its tags."""


@dataclass(frozen=True)
class ListedRow:
    """A row of Table E.1-1, with the actions of policies."""

    written: str
    """The tag as the table writes it."""
    row: Row
    actions: tuple[str, ...]
    """One per policy."""
    comment: str

    def __str__(self) -> str:
        row = self.row
        cells = (row.keyword, self.written, row.vr or "", row.basic, *self.actions, self.comment)
        return f"| {' | '.join(cells)} |"


def listed_rows(policies: Policies) -> Iterator[ListedRow]:
    """All 657 rows."""
    for written, tag, row in _rows():
        if tag == _MEDIA_STORAGE_SOP_INSTANCE_UID:
            methods = [policy.decide(SOP_INSTANCE_UID, "UI").method for policy in policies.values()]
            actions = tuple(action_of(method, "UI") for method in methods)
            yield ListedRow(written, row, actions, "written anew, as (0008,0018)")
            continue
        decided = {name: _decisions(policy, tag, row) for name, policy in policies.items()}
        actions = tuple(_actions(by_vr) for by_vr in decided.values())
        comments = list(_comments(decided, row.basic))
        if tag == _PRIVATE and any(Option.RETAIN_SAFE_PRIVATE in policy.options for policy in policies.values()):
            comments.append("safe ones are kept (section 7)")
        yield ListedRow(written, row, actions, "; ".join(comments))


def summary(rows: list[ListedRow], place: int) -> str:
    """How often each action occurs in the column of one policy."""
    return ", ".join(f"{count} {action}" for action, count in Counter(row.actions[place] for row in rows).most_common())


def layer_rows(policies: Policies) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """(VR, the number of attributes of PS3.6 with it that the table does not list, the policies' usual action)."""
    by_vr: dict[str, list[int]] = {}
    for tag in dictionary.tags():
        elsewhere = tag >> 16 in NOT_IN_INSTANCES or tag == SPECIFIC_CHARACTER_SET or not tag & 0xFFFF
        if not elsewhere and TABLE_E1.row(tag) is None and tag not in STRUCTURAL_UIDS | CODE_ATTRIBUTES:
            for vr in dictionary.vrs_of(tag):
                by_vr.setdefault(vr, []).append(tag)
    for vr, tags in sorted(by_vr.items()):
        yield vr, len(tags), tuple(_usual_action(policy, tags, vr) for policy in policies.values())


def _usual_action(policy: Policy, tags: list[int], vr: str) -> str:
    counts = Counter(action_of(policy.decide(tag, vr).method, vr) for tag in tags)
    (action, most), *others = counts.most_common()
    return f"{action} ({len(tags) - most} otherwise)" if others else action


def _rows() -> Iterator[tuple[str, int, Row]]:
    """The table's rows: (tag as written, a tag for the policy, row)."""
    exact = [(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", tag, row) for tag, row in TABLE_E1.rows.items()]
    repeating = [(f"({name[:4]},{name[4:]})", tag, TABLE_E1.row(tag)) for name, tag in _REPRESENTATIVES.items()]
    for written, tag, row in [*exact, *repeating, ("(odd group)", _PRIVATE, TABLE_E1.row(_PRIVATE))]:
        assert row is not None
        yield written, tag, row


def _decisions(policy: Policy, tag: int, row: Row) -> dict[str, Decision]:
    """VR that the row's attribute may have → decision."""
    return {vr: policy.decide(tag, vr) for vr in (row.vr or "UN").split(" or ")}


def _actions(by_vr: Mapping[str, Decision]) -> str:
    """The action, or if it depends on the VR, the action for each VR."""
    actions = {vr: action_of(decision.method, vr) for vr, decision in by_vr.items()}
    if len(set(actions.values())) == 1:
        return next(iter(actions.values()))
    return ", ".join(f"{action} ({vr})" for vr, action in actions.items())


def _comments(decided: Mapping[str, Mapping[str, Decision]], basic: str) -> Iterator[str]:
    """The rules that are not the table's own code, with their policies."""
    policies: dict[str, list[str]] = {}
    for name, by_vr in decided.items():
        for reason in dict.fromkeys(decision.rule for decision in by_vr.values()):
            if reason != f"PS3.15 Table E.1-1: {basic}":
                rule = reason.removeprefix("PS3.15 Table E.1-1, ").removeprefix(f'preset "{name}" ')
                policies.setdefault(rule, []).append(f"`{name}`")
    for rule, names in policies.items():
        yield rule if len(names) == len(decided) else f"{', '.join(names)}: {rule}"
