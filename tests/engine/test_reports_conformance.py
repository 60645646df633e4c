"""The conformance statement says what the engine does, and PS3.15 Section E.1.3 asks."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dicomveil_engine import Policy, load_policy
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import MethodBuilder
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.reports.conformance import conformance_statement
from dicomveil_engine.reports.conformance.actions import MEANINGS, action_of
from dicomveil_engine.reports.conformance.prose import PIXEL_GATE
from engine.datasets import KEY, preset, rule, rules

ROOT = Path(__file__).parents[2]
STATEMENT = ROOT / "docs" / "conformance.md"
SECTIONS = 12
OPTIONS = [option for option in Option if option is not Option.RETAIN_LONG_FULL_DATES]


@pytest.fixture(scope="module")
def generated() -> str:
    """What the script would write now."""
    document: str = runpy.run_path(str(ROOT / "scripts" / "generate_conformance.py"))["document"]()
    return document


def with_options(*options: Option) -> Policy:
    """The Basic Profile with options."""
    return rules(profile="basic", options=[option.value for option in options])


def test_statement_is_current(generated: str) -> None:
    """The file is what the script makes of the engine; `python scripts/generate_conformance.py` makes it so."""
    assert STATEMENT.read_text(encoding="utf-8") == generated


@pytest.mark.parametrize(
    "policy",
    [
        preset("default"),
        with_options(*OPTIONS),
        with_options(Option.RETAIN_LONG_FULL_DATES),
        rules(rule("(xxxx,xxxx)", "remove")),
    ],
)
def test_every_policy_has_every_section_and_row(policy: Policy) -> None:
    """Twelve sections, and each of the 657 rows of PS3.15 Table E.1-1 with as many cells as the head."""
    lines = conformance_statement([policy]).splitlines()
    rows = lines[lines.index(f"| Attribute | Tag | VR | E.1-1 | `{policy.name or 'configuration'}` | Comments |") :]

    assert [line[3:].split(".")[0] for line in lines if line.startswith("## ")] == [
        str(number) for number in range(1, SECTIONS + 1)
    ]
    assert len(rows) == 2 + 657
    assert {row.count(" | ") for row in rows[2:]} == {5}


@pytest.mark.parametrize(
    "line",
    [
        "| PatientBirthDate | (0010,0030) | DA | Z | Z |  |",
        "| StudyInstanceUID | (0020,000D) | UI | U | U |  |",
        "| StudyDate | (0008,0020) | DA | Z | C *shifted* | retainLongModifiedDates: C |",
        "| ReferencedImageSequence | (0008,1140) | SQ | X/Z/U* | K |  |",
        "| PrivateAttributes | (odd group) |  | X | X | private attributes: X |",
        "| PatientID | (0010,0020) | LO | Z/D | D *pseudonym* | rule 1 (0010,0020) pseudonym |",
    ],
)
def test_statement_says_what_is_known(line: str) -> None:
    """Some rows, as somebody who reads the standard would write them."""
    assert line in conformance_statement([preset("default")]).splitlines()


def test_policies_side_by_side(generated: str) -> None:
    """A column for each, and whose rule it is where they differ."""
    line = "| PatientBirthDate | (0010,0030) | DA | Z | Z |"

    assert any(row.startswith(line) for row in generated.splitlines())
    assert "retainLongModifiedDates: C" in generated


def test_options_are_claimed_and_explained() -> None:
    """By code and meaning; the safe private list is there in full."""
    statement = " ".join(conformance_statement([with_options(*OPTIONS)]).split())

    for option in OPTIONS:
        assert f"{option.code.value} {option.code.meaning}" in statement
    assert "| `GEMS_ACQU_01` | (0019,xx" in statement
    assert "for each of their content items the concept name" in statement
    assert "Private attributes go, all of them" not in statement


@pytest.mark.parametrize(("rules_", "passes"), [([], True), ([rule("PixelData", "remove")], False)])
def test_pixel_data(rules_: list[dict[str, object]], passes: bool) -> None:
    """That they pass is said where they do."""
    statement = conformance_statement([rules(*rules_, profile="basic")])

    assert ("Text burnt into pixels passes" in statement) is passes
    assert ("a rule removes or replaces Pixel Data" in statement) is not passes


@pytest.mark.parametrize("gate", ["trust", "sample", "strokes", "look"])
def test_pixels_that_are_cleaned(gate: str) -> None:
    """The statement says which slices are looked at, and promises no more."""
    policy = load_policy({"profile": "basic", "pixels": {"gate": gate}}, bytes(32))
    statement = conformance_statement([policy])

    assert "Text burnt into pixels passes" not in statement
    assert "all text that is found in pixels is covered" in statement
    assert PIXEL_GATE[gate] in statement
    assert "113102 is never claimed" in statement


def test_rules_alone_claim_nothing() -> None:
    """Whatever they do."""
    statement = conformance_statement([rules(rule("PatientName", "encrypt"))])

    assert "No conformance to PS3.15 Annex E is claimed" in statement
    assert "113100" not in statement
    assert "- rule 1 (0010,0010) encrypt" in statement
    assert "Encrypted is Y if" in statement


def test_no_setting_is_told() -> None:
    """A statement is published; keys and replacements stay at home."""
    policy = rules(rule("PatientID", "cryptoHash", cryptoHashKey="open-sesame"), profile="basic")

    assert "open-sesame" not in conformance_statement([policy])


def test_actions_that_depend_on_the_vr() -> None:
    """Are told for each VR."""
    policy = rules(rule("OB", "redact"), rule("OverlayData", "keep"), profile="basic")
    statement = conformance_statement([policy])

    assert "| OverlayData | (60xx,3000) | OB or OW | X | Z (OB), K (OW) |" in statement


@pytest.mark.parametrize("method", METHODS.values())
def test_every_method_has_a_meaning(method: MethodBuilder) -> None:
    """No action of a rule stands in the table unexplained."""
    assert action_of(method.build({}, Keys(KEY)), "LO") in MEANINGS
