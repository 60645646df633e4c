"""What the options mean beyond the table: for unlisted attributes, for each other, for wrong VRs, on real instances."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import (
    ConfigurationError,
    EngineError,
    Policy,
    deidentify_instance,
    deidentify_metadata,
    load_policy,
)
from dicomveil_engine.attributes._standard import Option
from engine.datasets import BIG, EXPLICIT, IMPLICIT, KEY, Nodes, encoded, generated, instance, real_instances
from engine.leak import leaks, model, part10, planted
from engine.test_agreement import agreement
from engine.test_json_model_commutation import commutes

CLEANING = ["retainSafePrivate", "cleanDescriptors", "cleanStructuredContent", "cleanGraphics"]
"""Options under which no value that identifies may stay."""
RETAINING = [
    "retainUIDs",
    "retainDeviceIdentity",
    "retainInstitutionIdentity",
    "retainPatientCharacteristics",
    "retainLongFullDates",
]


PAGE = (Path(__file__).parents[2] / "docs" / "options.md").read_text(encoding="utf-8")


def policy(*options: str, **more: object) -> Policy:
    return load_policy({"profile": "PS3.15", "options": list(options), **more}, KEY)


@pytest.mark.parametrize("profile", ["PS3.15", "basic", "default"])
def test_full_dates_exclude_modified_dates(profile: str) -> None:
    """(0028,0303) could not say what became of the dates; with the default preset the options meet unseen."""
    options = ["retainLongFullDates", *([] if profile == "default" else ["retainLongModifiedDates"])]

    with pytest.raises(ConfigurationError, match="exclude each other"):
        load_policy({"profile": profile, "options": options}, KEY)


@pytest.mark.parametrize(
    ("option", "tag", "vr", "method"),
    [
        ("retainLongFullDates", 0x00140102, "DA", "keep"),
        ("retainLongFullDates", 0x00140103, "TM", "keep"),
        ("retainLongFullDates", 0x00140104, "PN", "redact"),
        ("retainUIDs", 0x00200242, "UI", "keep"),
        ("retainUIDs", 0x0040A124, "UI", "refreshUID"),
        ("retainDeviceIdentity", 0x00741234, "AE", "pseudonym"),
        ("retainLongFullDates", 0x00089998, "DA", "remove"),
        ("retainLongModifiedDates", 0x0008041F, "DT", "dateShift"),
        ("retainInstitutionIdentity", 0x00080080, "LO", "keep"),
        ("cleanDescriptors", 0x00140046, "LT", "clean"),
        ("cleanDescriptors", 0x00321067, "SQ", "keep"),
        ("cleanDescriptors", 0x0016002B, "OB", "remove"),
    ],
)
def test_each_option(option: str, tag: int, vr: str, method: str) -> None:
    """Listed attributes by their column, unlisted ones by their VR; unknown ones go under every option."""
    assert policy(option).decide(tag, vr).method.name == method


@pytest.mark.parametrize(
    ("tag", "vr", "kept"),
    [(0x00080020, "DA", "keep"), (0x00101010, "AS", "keep"), (0x00181000, "LO", "keep"), (0x00181002, "UI", "keep")],
)
@pytest.mark.parametrize("wrong", ["LT", "OB", "UN", "SQ"])
def test_an_option_keeps_no_other_vr(tag: int, vr: str, kept: str, wrong: str) -> None:
    """Where the instance gives an attribute another VR, there is room for anything: the basic code holds."""
    chosen = policy(*RETAINING)

    assert chosen.decide(tag, vr).method.name == kept
    assert chosen.decide(tag, wrong).method == policy().decide(tag, wrong).method


def test_modified_dates_come_before_device_identity() -> None:
    """A calibration date that stays as it was, beside moved ones, would tell by how much they were moved."""
    both = policy("retainDeviceIdentity", "retainLongModifiedDates")

    assert both.decide(0x00181200, "DA").method.name == "dateShift"
    assert both.decide(0x00181200, "DA").rule == "PS3.15 Table E.1-1, retainLongModifiedDates: C"
    assert policy("retainDeviceIdentity").decide(0x00181200, "DA").method.name == "keep"


def test_retained_uids_cannot_be_asked_for_by_pseudonym() -> None:
    """All three levels keep theirs."""
    assert policy("retainUIDs").replaces_uids is False
    assert policy().replaces_uids is True


def test_private_attributes_may_come_out() -> None:
    """Without the option no private element need be looked at."""
    assert policy().removes_private
    assert not policy("retainSafePrivate").removes_private


@pytest.mark.parametrize("dates", [[], ["retainLongModifiedDates"]])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_cleaning_options_leak_nothing(syntax: str, dates: list[str]) -> None:
    """Every attribute of PS3.6, with sentinels, in items too; the options that clean let none of them through."""
    chosen = load_policy({"profile": "basic", "options": CLEANING + dates, "pixels": "keep"}, KEY)
    nodes = planted(times=not dates)

    assert leaks(deidentify_instance(part10(nodes, syntax), chosen)) == set()
    assert leaks(json.dumps(deidentify_metadata([model(nodes)], chosen))) == set()


@pytest.mark.parametrize("options", [RETAINING, [*RETAINING, "retainSafePrivate"], CLEANING])
def test_real_instances(corpus: Path, options: list[str]) -> None:
    """Part 10 and JSON have the same outcome."""
    chosen = load_policy({"profile": "basic", "options": options, "pixels": "keep"}, KEY)
    instances = real_instances(corpus, largest=60_000)

    assert sum(commutes(data, chosen, name) for name, data in instances) > len(instances) * 3 / 5


def test_real_instances_agree_with_the_reference(corpus: Path) -> None:
    """Private blocks and all that is retained, as a plain pydicom implementation of the policy has it."""
    options = [*RETAINING, "retainSafePrivate", "cleanDescriptors"]
    chosen = load_policy({"profile": "basic", "options": options, "pixels": "keep"}, KEY)
    instances = real_instances(corpus, largest=200_000)[::2]

    assert agreement(chosen, instances)[0] > len(instances) * 3 / 5


def test_every_option_is_documented_with_its_code() -> None:
    """All ten, no others."""
    documented = re.findall(r"^\| `(\w+)` \| (\d{6}) \| \S", PAGE, re.MULTILINE)

    assert sorted(documented) == sorted((option.value, option.code.value) for option in Option)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    re.findall(r"```json(?: (\w+))?\n(.*?)```(?:\n+```text\n(.*?)\n```)?", PAGE, re.DOTALL),
)
def test_every_example_does_what_the_page_says(kind: str, text: str, message: str) -> None:
    """It is read without a warning, or refused in the words that stand below it."""
    if kind:
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            load_policy(json.loads(text), KEY)
    else:
        assert load_policy(json.loads(text), KEY).warnings == ()


def options(names: list[str]) -> list[str]:
    """The names without modified dates where full dates are among them."""
    return sorted(set(names) - ({"retainLongModifiedDates"} if "retainLongFullDates" in names else set()))


@cache
def chosen(*names: str) -> Policy:
    return policy(*names)


DECLARED: Nodes = {
    0x00080300: (
        "SQ",
        [{0x00080301: ("US", [9]), 0x00080302: ("LO", "EXAMPLE"), 0x00080303: ("CS", "SAFE")}],
    )
}


@given(generated, st.lists(st.sampled_from([option.value for option in Option]), max_size=4), st.booleans())
def test_generated(nodes: Nodes, names: list[str], declared: bool) -> None:
    """Part 10 and JSON have the same outcome under any options, with private blocks declared safe or not."""
    nodes = dict(sorted({**nodes, **(DECLARED if declared else {})}.items()))

    commutes(instance(encoded(nodes, EXPLICIT)), chosen(*options(names)))


@pytest.mark.parametrize("names", [[*RETAINING, "retainSafePrivate"], [*CLEANING, "retainLongModifiedDates"]])
def test_twice_is_once(corpus: Path, names: list[str]) -> None:
    """A second pass changes nothing: what is retained stays, and pseudonyms and moved dates are recognised."""
    once = load_policy({"profile": "basic", "options": names, "pixels": "keep"}, KEY)
    outputs = []
    instances = real_instances(corpus, largest=60_000)
    for _, data in instances:
        try:
            outputs.append(deidentify_instance(data, once))
        except EngineError:
            continue

    assert len(outputs) > len(instances) * 3 / 5
    assert [deidentify_instance(output, once) for output in outputs] == outputs
