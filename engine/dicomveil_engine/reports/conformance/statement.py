"""The sections of the conformance statement, as PS3.15 Section E.1.3 requires.

A section describes several policies together, and names those that differ. Long passages that do not depend on the
policy are in `prose`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import SAFE_PRIVATE, TABLE_E1, Option
from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from dicomveil_engine.configuration.pixels import PixelText
from dicomveil_engine.methods.by_type import CHOICES
from dicomveil_engine.methods.dummy import constant
from dicomveil_engine.part10.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicomveil_engine.policy import Policy
from dicomveil_engine.reports.conformance import prose
from dicomveil_engine.reports.conformance.actions import BY_TYPE, ENCRYPTED, MEANINGS
from dicomveil_engine.reports.conformance.tables import (
    NOT_IN_INSTANCES,
    ListedRow,
    Policies,
    layer_rows,
    listed_rows,
    summary,
)
from dicomveil_engine.rewriting.deidentification_attributes import DATES_MODIFIED
from dicomveil_engine.rewriting.dummies import DUMMY_ITEMS
from dicomveil_engine.rewriting.fields import Field

_UNNAMED = "configuration"
_TIME_VRS = frozenset(("DA", "DT", "TM", "SH"))


def conformance_statement(policies: Sequence[Policy]) -> str:
    """The statement of one policy, or of several in columns, in Markdown.

    It holds no key and no value of a setting. The policies must have different names.
    """
    named = {policy.name or _UNNAMED: policy for policy in policies}
    assert len(named) == len(policies)
    rows = list(listed_rows(named))
    sections = (
        _introduction(named),
        _replacements(rows),
        prose.INTEGRITY,
        _inserted(named),
        _dates(named),
        _text(named),
        _content(named),
        _safe_private(named),
        _rules(named),
        _layer(named),
        prose.TRANSFER_SYNTAXES,
        _not_done(named),
        _table(named, rows),
    )
    return "\n\n".join(sections) + "\n"


def _text(policies: Policies) -> str:
    with_vocabulary = {name: policy.vocabulary for name, policy in policies.items() if policy.vocabulary}
    lines = [f"- {_names([name])}: vocabulary `{digest}`" for name, digest in with_vocabulary.items()]
    return "\n".join([prose.TEXT, "", prose.VOCABULARY, "", *lines]) if lines else prose.TEXT


def _has_profile(policy: Policy) -> bool:
    return policy.claims is not None


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _with(policies: Policies, option: Option) -> list[str]:
    return [name for name, policy in policies.items() if option in policy.options]


def _introduction(policies: Policies) -> str:
    lines = [prose.INTRODUCTION, "", "| Profile | Codes of CID 7050 that it claims | (0028,0303) |", "|---|---|---|"]
    for name, policy in policies.items():
        if policy.claims is None:
            lines.append(f"| `{name}` | none: only its rules decide, and other attributes are kept | not written |")
        else:
            terms = ", ".join(f"{term.value} {term.meaning}" for term in policy.claims.terms)
            lines.append(f"| `{name}` | {terms} | {policy.claims.dates} |")
    without = [name for name, policy in policies.items() if policy.claims is None]
    if without:
        lines += ["", f"**No conformance to PS3.15 Annex E is claimed for {_names(without)}.**"]
    with_rules = [name for name, policy in policies.items() if policy.rules]
    if with_rules:
        lines += [
            "",
            prose.RULES_FIRST.format(names=_names(with_rules)),
        ]
    return "\n".join(lines)


def _replacements(rows: list[ListedRow]) -> str:
    used = {action.split(" (")[0] for row in rows for cell in row.actions for action in cell.split(", ")}
    by_type = any(action.endswith(BY_TYPE) for action in used)
    simple = {"X", "Z", "D"} if by_type else set()
    lines = ["## 1. How values are replaced", "", "| Action | What happens |", "|---|---|"]
    lines += [f"| {action} | {meaning} |" for action, meaning in MEANINGS.items() if action in used | simple]
    foreign = [action for action in sorted(used - MEANINGS.keys()) if action and not action.endswith(BY_TYPE)]
    lines += [f"| {action} | a method of another package; see its documentation |" for action in foreign]
    if by_type:
        lines += [
            "",
            prose.BY_TYPE,
            "",
            "| Code | Type 1 | Type 2 | Type 3 | not in the IOD | unknown |",
            "|" + "---|" * 6,
        ]
        lines += [f"| {code} | {' | '.join(by_type.values())} |" for code, by_type in CHOICES.items()]
    encrypted = prose.ENCRYPTION if ENCRYPTED in used else prose.NO_ENCRYPTION
    lines += ["", encrypted]
    if "D" in used | simple:
        lines += ["", "Constants of D, the same in every instance:", "", "| VR | Value |", "|---|---|", *_constants()]
        lines += ["", prose.DUMMY_ITEMS, "", "| Sequence | Items |", "|---|---|", *_dummy_sequences()]
    return "\n".join(lines)


def _constants() -> Iterator[str]:
    """Table rows: VRs and their constant."""
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


def _inserted(policies: Policies) -> str:
    claims = next((policy.claims for policy in policies.values() if policy.claims), None)
    written = prose.FILE_META.format(implementation=IMPLEMENTATION_CLASS_UID, version=IMPLEMENTATION_VERSION_NAME)
    if claims is None:
        return f"## 3. What is inserted\n\nNothing is inserted into the data set.\n\n{written}"
    lines = [
        "## 3. What is inserted",
        "",
        "| Attribute | Value |",
        "|---|---|",
        *map(_attribute_row, claims.fields()),
    ]
    return "\n".join([*lines, "", prose.CLAIMS, "", written])


def _attribute_row(field: Field) -> str:
    value = ", ".join(map(str, field.values)) or "one item per code of the profile"
    if field.tag == DATES_MODIFIED:
        value = "REMOVED, MODIFIED or UNMODIFIED, as in the table above"
    return f"| {dictionary.describe(field.tag)} | {value} |"


def _dates(policies: Policies) -> str:
    parts = ["## 4. How dates are treated"]
    modified = _with(policies, Option.RETAIN_LONG_MODIFIED_DATES)
    full = _with(policies, Option.RETAIN_LONG_FULL_DATES)
    rest = {name: policy.claims for name, policy in policies.items() if name not in {*modified, *full}}
    removed = [name for name, claims in rest.items() if claims]
    by_rule = [name for name, claims in rest.items() if claims and claims.dates != "REMOVED"]
    if removed:
        parts.append(f"{_names(removed)}: dates and times are removed, emptied or replaced by constants (section 12).")
    if by_rule:
        parts.append(f"{_names(by_rule)}: except for those that a rule names (section 8).")
    if full:
        parts.append(f"{_names(full)}: dates and times are kept.")
    bare = [name for name, claims in rest.items() if claims is None]
    if bare:
        parts.append(f"{_names(bare)}: dates and times are kept unless a rule names them (section 8).")
    moved = {name: policy.date_range for name, policy in policies.items() if policy.date_range}
    if moved:
        ranges = "; ".join(f"`{name}`: ±1 to ±{days} days" for name, days in moved.items())
        parts.append(prose.MODIFIED_DATES.format(ranges=ranges))
    if modified:
        listed = ", ".join(_other_dates())
        parts.append(f"Rows with C in that option's column that keep their Basic Profile code: {listed}.")
    return "\n\n".join(parts)


def _other_dates() -> Iterator[str]:
    for tag, row in TABLE_E1.rows.items():
        if Option.RETAIN_LONG_MODIFIED_DATES in row.options and row.vr not in _TIME_VRS:
            yield dictionary.describe(tag)


def _content(policies: Policies) -> str:
    chosen = _with(policies, Option.CLEAN_STRUCTURED_CONTENT)
    graphics = _with(policies, Option.CLEAN_GRAPHICS)
    parts = [prose.STRUCTURED_CONTENT.format(names=_names(chosen))] if chosen else []
    parts += [prose.GRAPHICS.format(names=_names(graphics))] if graphics else []
    return "\n\n".join(["## 6. How structured content and graphics are cleaned", *(parts or ["They are not cleaned."])])


def _safe_private(policies: Policies) -> str:
    chosen = _with(policies, Option.RETAIN_SAFE_PRIVATE)
    if not chosen:
        return "## 7. Safe private attributes\n\nNo private attribute is considered safe."
    by_creator: dict[str, list[str]] = {}
    for group, element, creator in sorted(SAFE_PRIVATE.rows):
        by_creator.setdefault(creator, []).append(f"({group:04X},xx{element:02X})")
    lines = ["## 7. Safe private attributes", "", prose.SAFE_PRIVATE.format(names=_names(chosen)), ""]
    lines += ["| Private creator | Attributes |", "|---|---|"]
    lines += [f"| `{creator}` | {' '.join(elements)} |" for creator, elements in sorted(by_creator.items())]
    return "\n".join(lines)


def _rules(policies: Policies) -> str:
    lines = ["## 8. Rules before the profile", "", prose.RULES]
    for name, policy in policies.items():
        own = [rule.label.removeprefix(f'preset "{name}" ') for rule in policy.rules]
        lines += ["", f"`{name}`:", "", *(f"- {label}" for label in own)] if own else ["", f"`{name}`: none."]
    return "\n".join(lines)


def _layer(policies: Policies) -> str:
    heads = " | ".join(f"`{name}`" for name in policies)
    is_protected = any(map(_has_profile, policies.values()))
    lines = ["## 9. Attributes that Table E.1-1 does not list", "", prose.LAYER if is_protected else prose.NO_LAYER, ""]
    lines += [f"| VR | Attributes in PS3.6 | {heads} |", "|---|---|" + "---|" * len(policies)]
    lines += [f"| {vr} | {count} | {' | '.join(actions)} |" for vr, count, actions in layer_rows(policies)]
    exceptions = [tag for tag in sorted(STRUCTURAL_UIDS | CODE_ATTRIBUTES) if tag >> 16 not in NOT_IN_INSTANCES]
    if is_protected:
        lines += ["", f"Exceptions, which the profile keeps: {', '.join(map(dictionary.describe, exceptions))}."]
    return "\n".join(lines)


def _treats_pixels(policy: Policy) -> bool:
    return policy.pixels.text is not PixelText.KEEP


def _not_done(policies: Policies) -> str:
    without_pixels = [name for name, policy in policies.items() if not policy.releases_pixels]
    released = [policy for name, policy in policies.items() if name not in without_pixels]
    keeping = [name for name, policy in policies.items() if policy in released and not _treats_pixels(policy)]
    parts = []
    if keeping:
        parts.append(prose.PIXELS if len(keeping) == len(policies) else f"- {_names(keeping)}:\n{prose.PIXELS}")
    if released:
        parts.append(prose.CODE_STREAMS)
    if any(policy.pixels.cleans for policy in released):
        parts.append(prose.PIXELS_CLEANED)
    by_way: dict[str, list[str]] = {}
    for name, policy in policies.items():
        if _treats_pixels(policy):
            pixels = policy.pixels
            way = f"{prose.PIXEL_TEXT[pixels.text.value]}; {prose.PIXEL_GATE[pixels.gate.value]}."
            by_way.setdefault(way, []).append(name)
    parts += [f"- {_names(names)}: {way}" for way, names in by_way.items()]
    if without_pixels:
        parts.append(f"- {_names(without_pixels)}: a rule removes or replaces Pixel Data.")
    for option, text in prose.WITHOUT.items():
        without = [name for name in policies if name not in _with(policies, option)]
        if without:
            parts.append(
                f"- {_names(without)}: {text}" if len(without) < len(policies) else f"- {text[0].upper()}{text[1:]}"
            )
    return "\n".join(["## 11. What is not done", "", *parts, prose.CONCLUSIONS])


def _table(policies: Policies, rows: list[ListedRow]) -> str:
    heads = " | ".join(f"`{name}`" for name in policies)
    counts = "; ".join(f"`{name}`: {summary(rows, place)}" for place, name in enumerate(policies))
    encrypted = [name for place, name in enumerate(policies) if any(row.actions[place] == ENCRYPTED for row in rows)]
    lines = ["## 12. Attributes of Table E.1-1", "", prose.TABLE]
    lines += [
        f"Encrypted is Y if the action of {_names(encrypted)} is *encrypted*, else N."
        if encrypted
        else "Encrypted is N in every row."
    ]
    lines += ["", f"Summary: {counts}.", "", f"| Attribute | Tag | VR | E.1-1 | {heads} | Comments |"]
    lines += ["|---|---|---|---|" + "---|" * len(policies) + "---|", *map(str, rows)]
    return "\n".join(lines)
