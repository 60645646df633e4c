"""Clean Structured Content (PS3.15 E.3.4) in Part 10 and in DICOM JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import EngineError, Policy, deidentify_instance, load_policy
from dicomveil_engine.attributes._standard.structured_content import TABLE_E341
from engine.datasets import (
    EXPLICIT,
    IMPLICIT,
    KEY,
    SYNTAXES,
    Nodes,
    cut,
    element,
    encoded,
    instance,
    read,
    real_instances,
    rewritten,
)
from engine.test_json_model_commutation import commutes

CLEAN = load_policy({"profile": "basic", "pixels": "keep", "options": ["cleanStructuredContent"]}, KEY)
ALL = load_policy(
    {
        "profile": "default",
        "pixels": "keep",
        "options": ["cleanStructuredContent", "cleanDescriptors", "retainUIDs", "retainDeviceIdentity"],
    },
    KEY,
)
POLICIES = {"clean": CLEAN, "all": ALL}
ROOT: Nodes = {0x00100010: ("PN", "Doe^Jane"), 0x0020000D: ("UI", "1.2.3")}


def name(value: str, scheme: str, meaning: str = "Example") -> tuple[str, object]:
    return ("SQ", [{0x00080100: ("SH", value), 0x00080102: ("SH", scheme), 0x00080104: ("LO", meaning)}])


def content(value_type: str, concept: tuple[str, object] | None, more: Nodes | None = None) -> dict[int, Any]:
    """A content item."""
    item: dict[int, Any] = {0x0040A010: ("CS", "CONTAINS"), 0x0040A040: ("CS", value_type)}
    if concept:
        item[0x0040A043] = concept
    return {**item, **(more or {})}


def reference(*target: int) -> dict[int, Any]:
    """An item that is nothing but a reference."""
    return {0x0040A010: ("CS", "SELECTED FROM"), 0x0040DB73: ("UL", list(target))}


COMMENT, FINDING, OBSERVER = name("121106", "DCM"), name("121071", "DCM"), name("121008", "DCM")
OTHER = name("1", "99EXAMPLE")


def text(concept: tuple[str, object] | None, value: str = "seen by Doe") -> dict[int, Any]:
    return content("TEXT", concept, {0x0040A160: ("UT", value)})


def cleaned(*items: Nodes, policy: Policy = CLEAN, syntax: str = EXPLICIT) -> list[Any]:
    """The items that come out; the same from DICOM JSON."""
    nodes = {**ROOT, 0x0040A730: ("SQ", list(items))}
    data = instance(encoded(nodes, syntax), syntax=syntax)
    assert commutes(data, policy)
    return list(read(deidentify_instance(data, policy)).get("ContentSequence", []))


def values(items: list[Any]) -> list[str]:
    return [str(item.get("TextValue")) for item in items]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_items_go_stay_or_get_a_dummy(syntax: str) -> None:
    """X, X/D and what Table E.3.4-1 does not list."""
    items = cleaned(text(COMMENT), text(FINDING), text(OTHER), syntax=syntax)

    assert values(items) == ["ANONYMOUS", "seen by"]


def test_nothing_is_left_of_a_text() -> None:
    """A text item may not be empty."""
    assert values(cleaned(text(OTHER, "Doe"))) == ["ANONYMOUS"]


def test_no_concept_name() -> None:
    """Nobody can say what it is about: not even its cleaned text passes."""
    assert values(cleaned(text(None), text(name("", "", "")))) == ["ANONYMOUS", "ANONYMOUS"]


def test_all_items_go() -> None:
    """A sequence of content items has at least one."""
    assert cleaned(text(COMMENT)) == []
    assert "ContentSequence" not in cleaned(content("CONTAINER", OTHER, {0x0040A730: ("SQ", [text(COMMENT)])}))[0]


def test_any_depth() -> None:
    """What is said of an item holds wherever it hangs."""
    tree = content("CONTAINER", OTHER, {0x0040A730: ("SQ", [text(COMMENT), content("NUM", OTHER, {})])})

    assert [item.ValueType for item in cleaned(tree)[0].ContentSequence] == ["NUM"]


def test_names_dates_and_uids() -> None:
    """They get the replacements that all such values get."""
    items = cleaned(
        content("PNAME", OBSERVER, {0x0040A123: ("PN", "Roe^Ann")}),
        content("PNAME", OTHER, {0x0040A123: ("PN", "Roe^Ann")}),
        content("UIDREF", OTHER, {0x0040A124: ("UI", "1.2.3")}),
        content("DATETIME", OTHER, {0x0040A120: ("DT", "20200102")}),
        text(OTHER, "Roe and others"),
    )

    assert [str(item.PersonName) for item in items[:2]] == ["ANONYMOUS", "ANONYMOUS"]
    assert items[2].UID.startswith("2.25.")
    assert items[3].DateTime == "19000101000000"
    assert items[4].TextValue == "and others"


def test_names_in_removed_items() -> None:
    """They must not survive in free text elsewhere."""
    removed = content("PNAME", name("121088", "DCM"), {0x0040A123: ("PN", "Roe^Ann")})

    assert values(cleaned(removed, text(OTHER, "Roe and others"))) == ["and others"]


@pytest.mark.parametrize(
    "concept",
    [
        name("371524004", "SCT"),
        name("R-42B89", "SRT"),
        name("R-42B89", "SNM3"),
        name("R-42B89", "99SDM"),
        name("X", "99EXAMPLE", "clinical  REPORT"),
    ],
)
def test_earlier_codes(concept: tuple[str, object]) -> None:
    """A concept is known by its earlier codes, and by its meaning."""
    assert cleaned(text(concept)) == []


def test_the_value_is_of_another_type() -> None:
    """A name under a listed concept is one in whatever value type; a value of another type goes."""
    items = cleaned(text(OBSERVER, "somebody"), content("CODE", OTHER, {0x0040A160: ("UT", "somebody")}))

    assert values(items) == ["ANONYMOUS", "None"]


def test_options() -> None:
    """Kept and cleaned items come out under the options that say so."""
    device = name("113877", "DCM")
    items = cleaned(
        text(device, "SCANNER"),
        text(COMMENT),
        content("UIDREF", name("112040", "DCM"), {0x0040A124: ("UI", "1.2.3")}),
        policy=ALL,
    )

    assert values(items[:2]) == ["SCANNER", "seen by"]
    assert items[2].UID == "1.2.3"


def test_rules_come_first() -> None:
    """A rule for an attribute holds in content items."""
    policy = load_policy(
        {
            "profile": "basic",
            "options": ["cleanStructuredContent"],
            "rules": [{"tag": "TextValue", "method": "substitute", "params": {"replaceWith": "X"}}],
        },
        KEY,
    )

    assert values(cleaned(text(FINDING), text(OTHER), policy=policy)) == ["X", "X"]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_references_follow(syntax: str) -> None:
    """Positions move up where items went, and a reference to one that went goes."""
    items = cleaned(
        reference(1, 2),
        text(COMMENT),
        reference(1, 5, 2),
        text(OTHER),
        content("CONTAINER", OTHER, {0x0040A730: ("SQ", [text(COMMENT), text(OTHER)])}),
        syntax=syntax,
    )

    assert [item.get("ReferencedContentItemIdentifier") for item in items] == [[1, 3, 1], None, None]


def test_acquisition_context_and_specimen_preparation() -> None:
    """Their items are content items, too."""
    nodes: Nodes = {
        **ROOT,
        0x00400555: ("SQ", [text(COMMENT), text(OTHER)]),
        0x00400560: ("SQ", [{0x00400610: ("SQ", [{0x00400612: ("SQ", [text(FINDING), text(OTHER)])}])}]),
        0x0040B020: ("SQ", [text(OTHER), {0x00700006: ("ST", "by Doe")}]),
    }
    data = instance(encoded(nodes, EXPLICIT))
    assert commutes(data, CLEAN)
    output = read(deidentify_instance(data, CLEAN))

    assert values(list(output.AcquisitionContextSequence)) == ["seen by"]
    steps = output.SpecimenDescriptionSequence[0].SpecimenPreparationSequence[0]
    assert values(list(steps.SpecimenPreparationStepContentItemSequence)) == ["ANONYMOUS", "seen by"]
    assert output.WaveformAnnotationSequence[1].UnformattedTextValue == "ANONYMOUS"


_CONCEPTS = st.sampled_from([COMMENT, FINDING, OBSERVER, OTHER, name("113877", "DCM"), None])
_TYPES = st.sampled_from(["TEXT", "PNAME", "CODE", "CONTAINER", "UIDREF", "NONE", ""])
_MORE: st.SearchStrategy[dict[int, Any]] = st.fixed_dictionaries(
    {},
    optional={
        0x0040A120: st.just(("DT", "20200102")),
        0x0040A123: st.just(("PN", "Roe^Ann")),
        0x0040A124: st.just(("UI", "1.2.3.4")),
        0x0040A160: st.sampled_from([("UT", "seen by Doe"), ("LO", "Doe")]),
        0x0040A171: st.just(("UI", "1.2.3.5")),
    },
)
_LEAVES = st.one_of(
    st.builds(content, _TYPES, _CONCEPTS, _MORE),
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(lambda target: reference(1, *target)),
)
_TREES: st.SearchStrategy[list[dict[int, Any]]] = st.recursive(
    st.lists(_LEAVES, max_size=4),
    lambda inner: st.lists(
        st.one_of(
            _LEAVES,
            st.builds(
                lambda concept, items: content("CONTAINER", concept, {0x0040A730: ("SQ", items)}), _CONCEPTS, inner
            ),
        ),
        max_size=4,
    ),
    max_leaves=12,
)


@given(_TREES, st.sampled_from(SYNTAXES), st.sampled_from(sorted(POLICIES)), st.integers(1, 200), st.booleans())
def test_both_encodings_agree(items: list[dict[int, Any]], syntax: str, policy: str, size: int, is_open: bool) -> None:
    """Part 10 and DICOM JSON give the same tree, however the bytes are cut; names are gone from it."""
    data = instance(encoded({**ROOT, 0x0040A730: ("SQ", items)}, syntax, is_open=is_open), syntax=syntax)
    output = deidentify_instance(data, POLICIES[policy])

    assert commutes(data, POLICIES[policy])
    assert rewritten(POLICIES[policy], cut(data, size)) == output
    if policy == "clean":  # the other one keeps the names of devices
        assert b"Doe" not in output
    assert b"Roe" not in output
    once = deidentify_instance(data, CLEAN)
    assert deidentify_instance(once, CLEAN) == once


@given(_TREES)
def test_references_name_what_they_named(items: list[dict[int, Any]]) -> None:
    """After renumbering, a reference's path ends at an item, if it did before."""
    data = instance(encoded({**ROOT, 0x0040A730: ("SQ", items)}, EXPLICIT))
    before, after = read(data), read(deidentify_instance(data, CLEAN))
    ended = {_ends(before, path) for path in _references(before)}
    if False not in ended:
        assert all(_ends(after, path) for path in _references(after))


def _references(item: Any) -> list[list[int]]:
    found = [] if "ReferencedContentItemIdentifier" not in item else [list(item[0x0040DB73])]
    return found + [path for child in item.get("ContentSequence", []) for path in _references(child)]


def _ends(item: Any, path: list[int]) -> bool:
    for number in path[1:]:
        children = item.get("ContentSequence", [])
        if number > len(children):
            return False
        item = children[number - 1]
    return True


def test_broken_order() -> None:
    """A concept name that comes behind the value counts all the same."""
    concept, value = (encoded({tag: text(COMMENT)[tag]}, EXPLICIT) for tag in (0x0040A043, 0x0040A160))
    data = instance(encoded(ROOT, EXPLICIT), element(0x0040A730, "SQ", [value + concept]))

    assert "ContentSequence" not in read(deidentify_instance(data, CLEAN))


@pytest.mark.parametrize("policy", POLICIES)
def test_real_instances(policy: str, corpus: Path) -> None:
    """Structured reports and whatever has an acquisition context: the same data set both ways."""
    instances = [
        (file, data)
        for file, data in real_instances(corpus, largest=300_000)
        if b"\x40\x00\x30\xa7" in data or b"\x40\x00\x55\x05" in data
    ]

    assert sum(commutes(data, POLICIES[policy], file) for file, data in instances) > 3


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_the_tree_stays(syntax: str) -> None:
    """Measurements come out as they came."""
    number = {0x0040A300: ("SQ", [{0x0040A30A: ("DS", "12.5")}])}
    tree = content("CONTAINER", OTHER, {0x0040A730: ("SQ", [content("NUM", OTHER, number)])})

    assert cleaned(tree, syntax=syntax)[0].ContentSequence[0].MeasuredValueSequence[0].NumericValue == 12.5


_VALUES = {
    "TEXT": (0x0040A160, "UT", "Sentinel"),
    "PNAME": (0x0040A123, "PN", "Sentinel^Name"),
    "DATETIME": (0x0040A120, "DT", "19310517"),
    "DATE": (0x0040A121, "DA", "19310517"),
    "TIME": (0x0040A122, "TM", "193105.17"),
    "UIDREF": (0x0040A124, "UI", "1.2.3.1931"),
}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_no_value_of_a_listed_concept_leaves(syntax: str) -> None:
    """Of all rows of Table E.3.4-1, three deep."""
    items = [
        content(row.value_type, name(row.code_value, row.coding_scheme, "Example"), {tag: (vr, value)})
        for row in TABLE_E341
        for tag, vr, value in [_VALUES.get(row.value_type, (0x0040A171, "UI", "1.2.3.1931"))]
    ]
    for _ in range(2):
        items = [content("CONTAINER", OTHER, {0x0040A730: ("SQ", items)}), text(OTHER, "Sentinel Name")]
    data = instance(encoded({**ROOT, 0x0040A730: ("SQ", items)}, syntax), syntax=syntax)
    assert commutes(data, CLEAN)
    output = deidentify_instance(data, CLEAN)

    assert b"Sentinel" not in output
    assert b"1931" not in output


def test_names_of_real_instances(corpus: Path) -> None:
    """No word of a person's name is left in a text; one instance is a form, with "Last Name" and "Enter text"."""
    searched = 0
    for file, data in real_instances(corpus, largest=300_000):
        if b"\x40\x00\x30\xa7" not in data:
            continue
        names = {word for name in _values(read(data), {"PN"}) for word in re.findall("[a-z]{4,}", name.lower())}
        try:
            output = deidentify_instance(data, CLEAN)
        except EngineError:
            continue  # unreadable
        for value in _values(read(output), {"LO", "LT", "PN", "SH", "ST", "UT"}):
            searched += 1
            assert not names.intersection(re.findall("[a-z]+", value.lower())) - {"anonymous", "name", "text"}, file
    assert searched > 50


def _values(dataset: Any, vrs: set[str]) -> list[str]:
    codes = {"CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"}
    return [
        str(value)
        for element in dataset.iterall()
        if element.VR in vrs and element.keyword not in codes
        for value in (element.value if element.VM > 1 else [element.value])
    ]
