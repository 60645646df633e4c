"""Write docs/conformance.md, the statement that PS3.15 Section E.1.3 asks a de-identifier for, from the engine itself.

    python scripts/generate_conformance.py

Every action is what `Policy.decide` says; nothing of the tables is typed by hand. The prose around them is in
conformance_template.md. A test keeps the statement equal to what this script makes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template

from pydicom import datadict

from dicomveil_engine import Decision, Policy, dictionary, load_policy
from dicomveil_engine._standard import TABLE_E1, Row
from dicomveil_engine.configuration.presets import LATER_PRESETS, PRESETS
from dicomveil_engine.dummies import DUMMY_ITEMS
from dicomveil_engine.fields import Field
from dicomveil_engine.marks import DATES_MODIFIED
from dicomveil_engine.methods.dummy import constant
from dicomveil_engine.part10.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicomveil_engine.policy import SPECIFIC_CHARACTER_SET
from dicomveil_engine.profile import CODE_TEXT, COMPOUND, STRUCTURAL_UIDS

TARGET = Path(__file__).parents[1] / "docs" / "conformance.md"
TEMPLATE = Path(__file__).with_name("conformance_template.md")

CODES = {
    "keep": "K",
    "remove": "X",
    "redact": "Z",
    "dummy": "D",
    "pseudonym": "D",
    "refreshUID": "U",
    "dateShift": "C",
    "clean": "C",
}
"""Method → the action code of PS3.15 Section E.1 that it carries out."""

HOW = {"pseudonym": "pseudonym", "dateShift": "shifted", "clean": "cleaned"}
"""What a code alone does not say."""

REPRESENTATIVES = {"50xxxxxx": 0x50003000, "60xx3000": 0x60003000, "60xx4000": 0x60004000}
"""A tag of each repeating group of the table."""

MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
NOT_IN_INSTANCES = frozenset((0x0000, 0x0002, 0x0004, 0xFFFE))


def document() -> str:
    """The whole statement."""
    policies = {name: load_policy({"profile": name}, bytes(32)) for name in PRESETS}
    marks = policies["default"].marks
    assert marks is not None
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        presets="\n".join(map(_preset, policies.values())),
        later=", ".join(f"`{name}`" for name in LATER_PRESETS),
        compound=", ".join(f"{code} → {'K and recurse' if to == 'K' else to}" for code, to in COMPOUND.items()),
        constants="\n".join(_constants()),
        items="\n".join(_dummy_sequences()),
        marks="\n".join(map(_mark, marks.fields())),
        implementation=IMPLEMENTATION_CLASS_UID,
        version=IMPLEMENTATION_VERSION_NAME,
        days=policies["default"].date_range,
        other_dates=", ".join(_other_dates()),
        heads=" | ".join(f"`{name}`" for name in policies),
        rules="|".join("---" for _ in policies),
        layer="\n".join(_layer(policies)),
        exceptions=", ".join(_described(STRUCTURAL_UIDS | CODE_TEXT)),
        summary="; ".join(f"`{name}`: {_summary(policy)}" for name, policy in policies.items()),
        listed="\n".join(_listed(policies)),
    )


def _preset(policy: Policy) -> str:
    assert policy.marks is not None
    terms = ", ".join(f"{term.value} {term.meaning}" for term in policy.marks.terms)
    return f"| `{policy.name}` | {terms} | {policy.marks.dates} |"


def _mark(field: Field) -> str:
    value = ", ".join(map(str, field.values)) or "one item per code of the preset"
    if field.tag == DATES_MODIFIED:
        value += " or REMOVED, as the preset says"
    return f"| {dictionary.describe(field.tag)} | {value} |"


def _constants() -> Iterator[str]:
    """Constants and the VRs that have them."""
    by_value: dict[str, list[str]] = {}
    for vr in sorted(dictionary.VRS - {"SQ", "UI"}):
        values = constant(vr)
        text = f"{len(values)} zero bytes" if isinstance(values, bytes) else f"`{values[0]}`"
        by_value.setdefault(text, []).append(vr)
    for text, vrs in by_value.items():
        yield f"| {' '.join(vrs)} | {text} |"
    yield "| UI | the pseudonym of each original UID, so that references stay unique |"


def _dummy_sequences() -> Iterator[str]:
    for tag, items in sorted(DUMMY_ITEMS.items()):
        held = "; ".join(", ".join(dictionary.describe(field.tag) for field in item) for item in items)
        yield f"| {dictionary.describe(tag)} | {held or 'none'} |"


def _rows() -> Iterator[tuple[str, int, Row]]:
    """The table's rows: tag as written, a tag to decide about, the row."""
    exact = [(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", tag, row) for tag, row in TABLE_E1.rows.items()]
    repeating = [(f"({name[:4]},{name[4:]})", tag, TABLE_E1.row(tag)) for name, tag in REPRESENTATIVES.items()]
    private = 0x00091001
    rows = [*exact, *repeating, ("(odd group)", private, TABLE_E1.row(private))]
    for written, tag, row in rows:
        assert row is not None
        yield written, tag, row


def _listed(policies: dict[str, Policy]) -> Iterator[str]:
    for written, tag, row in _rows():
        decisions = {name: _decision(policy, tag, row) for name, policy in policies.items()}
        actions = [_action(decision) for decision in decisions.values()]
        comments = "; ".join(_comments(decisions, row.basic))
        if tag == MEDIA_STORAGE_SOP_INSTANCE_UID:
            actions, comments = ["U"] * len(actions), "written anew, following (0008,0018)"
        yield f"| {row.keyword} | {written} | {row.vr or ''} | {row.basic} | {' | '.join(actions)} | {comments} |"


def _decision(policy: Policy, tag: int, row: Row) -> Decision:
    """What happens to a row's attribute, which must not depend on which of its VRs it has."""
    decisions = {policy.decide(tag, vr) for vr in (row.vr or "UN").split(" or ")}
    if len({decision.method for decision in decisions}) != 1:
        raise SystemExit(f"{row.keyword}: the action depends on the VR, and this statement does not say so")
    return decisions.pop()


def _action(decision: Decision) -> str:
    name = decision.method.name
    return f"{CODES[name]} *{HOW[name]}*" if name in HOW else CODES[name]


def _comments(decisions: dict[str, Decision], basic: str) -> Iterator[str]:
    """The rules that are not the table's own code, and whose they are."""
    presets: dict[str, list[str]] = {}
    for name, decision in decisions.items():
        if decision.rule != f"PS3.15 Table E.1-1: {basic}":
            rule = decision.rule.removeprefix("PS3.15 Table E.1-1, ").removeprefix(f'preset "{name}" ')
            presets.setdefault(rule, []).append(f"`{name}`")
    for rule, names in presets.items():
        yield rule if len(names) == len(decisions) else f"{', '.join(names)}: {rule}"


def _summary(policy: Policy) -> str:
    counts = Counter(_action(_decision(policy, tag, row)) for _, tag, row in _rows())
    return ", ".join(f"{count} {action}" for action, count in counts.most_common())


def _other_dates() -> Iterator[str]:
    for written, _, row in _rows():
        dates = any(option.value == "retainLongModifiedDates" for option in row.options)
        if dates and row.vr not in {"DA", "DT", "TM", "SH"}:
            yield f"{written} {row.keyword}"


def _layer(policies: dict[str, Policy]) -> Iterator[str]:
    """For each VR how many attributes of PS3.6 there are, and what happens to them."""
    by_vr: dict[str, list[int]] = {}
    for tag in datadict.DicomDictionary:
        elsewhere = tag >> 16 in NOT_IN_INSTANCES or tag == SPECIFIC_CHARACTER_SET or not tag & 0xFFFF
        if not elsewhere and TABLE_E1.row(tag) is None and tag not in STRUCTURAL_UIDS | CODE_TEXT:
            for vr in dictionary.vrs_of(tag):
                by_vr.setdefault(vr, []).append(tag)
    for vr, tags in sorted(by_vr.items()):
        cells: list[str] = []
        for policy in policies.values():
            actions = {_action(policy.decide(tag, vr)) for tag in tags}
            if len(actions) != 1:
                raise SystemExit(f"{vr}: the layer has several actions, and this statement has one")
            cells += actions
        yield f"| {vr} | {len(tags)} | {' | '.join(cells)} |"


def _described(tags: Iterable[int]) -> list[str]:
    return [dictionary.describe(tag) for tag in sorted(tags) if tag >> 16 not in NOT_IN_INSTANCES]


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
    print(f"{TARGET.name}: written")
