"""Write the preset `microsoft` from the rules that the Microsoft tool ships with.

    python scripts/generate_microsoft_preset.py CONFIGURATION

CONFIGURATION is that tool's own configuration.json. The preset says the same of every element: its rules are put
together by method and sorted by tag where their order means nothing, named by keyword, and left out where no element
can meet them. Keys are not taken over: everybody has them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.tags import TagPattern, parse_pattern
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.methods import METHODS

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "presets" / "microsoft.json"

HEAD = """\
// The rules that Microsoft's Tools for Health Data Anonymization (DICOM) ships with, and its answers to the bit.
// What no rule names is kept, so that this protects less than "basic" and "default": see docs/dialects/microsoft.md.
// Written by scripts/generate_microsoft_preset.py; do not edit.
{
  "profile": "none",
  "compatibility": "microsoft",
  "rules": ["""

TITLES = {
    "redact": "Emptied.",
    "refreshUID": "UIDs, replaced by their pseudonyms.",
    "dateShift": "Dates, moved.",
    "cryptoHash": "Names, hashed.",
    "substitute": "Replaced by a text.",
    "remove": "Removed.",
}

UNREACHED_GROUPS = {0x0000, 0x0002, 0x0004}
UNREACHED_TAGS = {0x04000561, 0xFFFAFFFA, 0xFFFCFFFC}
"""What the engine never lets pass, whatever a rule says."""

Written = tuple[TagPattern, str, dict[str, object]]


def read(text: str) -> tuple[list[Written], dict[str, dict[str, object]]]:
    """The rules that an element can meet, each with the params that it has in effect, and the settings."""
    document = jsonc.parse(text)
    assert isinstance(document, dict)
    settings = {name.casefold(): dict(block) for name, block in document["defaultSettings"].items()}
    defaults = json.loads(json.dumps(settings))
    rules: dict[TagPattern, Written] = {}
    for rule in document["rules"]:
        pattern, method = parse_pattern(rule["tag"]), METHODS[rule["method"].casefold()].name
        # That tool merges params into the default itself: they hold for the rules behind, too.
        block = settings.get(method.casefold(), {})
        block.update(rule.get("params", {}))
        params = {name: value for name, value in block.items() if value != defaults[method.casefold()].get(name)}
        if pattern.group not in UNREACHED_GROUPS and pattern.tag not in UNREACHED_TAGS:
            rules.setdefault(pattern, (pattern, method, params))
    return list(rules.values()), defaults


def written(rule: Written, *, last: bool) -> str:
    """One rule in a line, with its keyword."""
    pattern, method, params = rule
    line: dict[str, object] = {"tag": pattern.text, "method": method}
    if params:
        line["params"] = params
    keyword = dictionary.keyword_of(pattern.tag) if pattern.tag is not None else ""
    return f"    {json.dumps(line)}{'' if last else ','}{f' // {keyword}' if keyword else ''}"


def lines(rules: list[Written]) -> Iterator[str]:
    """Rules for one attribute first, by method; then, in their order, those that meet many."""
    for method, title in TITLES.items():
        yield f"    // {title}"
        single = [rule for rule in rules if rule[0].tag is not None and rule[1] == method]
        for rule in sorted(single, key=lambda rule: rule[0].text):
            yield written(rule, last=False)
    many = [rule for rule in rules if rule[0].tag is None]
    yield "    // Curves and overlays; all other dates; private groups, five of which the tool keeps."
    for rule in many:
        yield written(rule, last=rule is many[-1])


def main(path: str) -> None:
    """Write the preset."""
    rules, settings = read(Path(path).read_text(encoding="utf-8-sig"))
    secret = {"dateShiftKey", "cryptoHashKey", "encryptKey"}
    kept = {
        METHODS[name].name: {key: value for key, value in block.items() if key not in secret}
        for name, block in settings.items()
    }
    blocks = ",\n".join(f"    {json.dumps(name)}: {json.dumps(block)}" for name, block in kept.items() if block)
    body = "\n".join(lines(rules))
    TARGET.write_text(f'{HEAD}\n{body}\n  ],\n  "defaultSettings": {{\n{blocks}\n  }}\n}}\n', encoding="utf-8")
    print(f"{TARGET.name}: {len(rules)} rules")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
