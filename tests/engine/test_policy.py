"""Decisions: total, pure, by the first rule that matches, and never a safe-looking guess."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import ConfigurationError, DeidentificationError, Limits, deidentify_instance, load_policy
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.structured_content.content_items import ContentAction, ContentPlan
from engine.datasets import KEY, element, instance, preset, rule, rules

RULES = rules(
    rule("(0010,0010)", "keep"),
    rule("(0010,xxxx)", "remove"),
    rule("PN", "redact"),
    rule("(0009,xx01:EXAMPLE)", "cryptoHash"),
    rule("LO", "encrypt"),
    rule("(0028,xxxx)", "dateShift"),
)


@given(st.integers(0, 0xFFFFFFFF), st.sampled_from(sorted(dictionary.VRS)), st.none() | st.text(max_size=8))
def test_total(tag: int, vr: str, creator: str | None) -> None:
    """Every tag, VR and creator has a decision, which names the rule that made it."""
    for policy in (preset("basic"), preset("default"), RULES):
        decision = policy.decide(tag, vr, creator)
        assert decision.rule
        assert decision.method.supports(vr) or decision.method.name in {"keep", "remove"}


@pytest.mark.parametrize(
    ("tag", "vr", "creator", "method", "because"),
    [
        (0x00100010, "PN", None, "keep", "rule 1 (0010,0010) keep"),
        (0x00100020, "LO", None, "remove", "rule 2 (0010,xxxx) remove"),
        (0x00080090, "PN", None, "redact", "rule 3 PN redact"),
        (0x00091001, "LO", "EXAMPLE", "cryptoHash", "rule 4 (0009,xx01:EXAMPLE) cryptoHash"),
        (0x00091001, "LO", "OTHER", "encrypt", "rule 5 LO encrypt"),
        (0x00080060, "CS", None, "keep", "no rule"),
        (0x00080005, "CS", None, "keep", "Specific Character Set is always kept"),
    ],
)
def test_first_match_wins(tag: int, vr: str, creator: str | None, method: str, because: str) -> None:
    """Rules are asked in their order, then the profile."""
    decision = RULES.decide(tag, vr, creator)

    assert (decision.method.name, decision.rule) == (method, because)


@pytest.mark.parametrize(
    "tag", [0x00080000, 0x00090000, 0x00020010, 0x00000002, 0x00041500, 0x04000561, 0xFFFAFFFA, 0xFFFCFFFC]
)
def test_what_always_goes(tag: int) -> None:
    """No rule keeps group lengths, file meta, directory records, signatures or padding."""
    policy = rules(rule(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "keep")) if tag >> 16 > 2 else RULES

    assert policy.decide(tag, "UL").method.name == "remove"


def test_character_set_stays() -> None:
    """No rule removes it: the text beside it could not be read."""
    assert rules(rule("(0008,0005)", "remove")).decide(0x00080005, "CS").method.name == "keep"


def test_masks_on_sequences() -> None:
    """Where the method means nothing for SQ, the sequence stays, and the rules hold for what is in it."""
    assert RULES.decide(0x00289001, "SQ").method.name == "keep"
    assert RULES.decide(0x00101002, "SQ").method.name == "remove"


def test_inapplicable_methods() -> None:
    """Where a mask's method means nothing for the VR, the instance is refused, naming rule and attribute only."""
    data = instance(element(0x00280010, "US", 1))
    with pytest.raises(DeidentificationError) as caught:
        deidentify_instance(data, RULES)

    assert "rule 6 (0028,xxxx) dateShift cannot be applied to (0028,0010) Rows, VR US" in str(caught.value)
    assert RULES.decide(0x00280010, "US").method.effect("US") is Effect.REFUSE


@pytest.mark.parametrize("method", ["substitute", "cryptoHash", "dummy"])
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_instances_keep_an_identity(keyword: str, method: str) -> None:
    """A rule that would give all instances one UID is refused at start."""
    params = {"replaceWith": "1.2.3"} if method == "substitute" else {}
    with pytest.raises(ConfigurationError, match="use refreshUID or keep"):
        rules(rule(keyword, method, **params))


def test_date_range() -> None:
    """The widest that any date may move; 0 where none does."""
    assert preset("default").date_range == 50
    assert preset("basic").date_range == 0
    assert rules(rule("DA", "dateShift", dateShiftRange=7), rule("DT", "dateShift", dateShiftRange=9)).date_range == 9


@pytest.mark.parametrize(("scope", "depends"), [("StudyInstance", False), ("SOPInstance", True)])
def test_depends_on_instance(scope: str, depends: bool) -> None:
    """Only a scope of SOPInstance makes equal elements of a series differ."""
    assert rules(rule("DA", "dateShift", dateShiftScope=scope)).depends_on_instance is depends


def test_removes_private() -> None:
    """Whether no private attribute can come out."""
    assert preset("basic").removes_private
    assert not RULES.removes_private
    assert not rules(rule("(0009,xx01:EXAMPLE)", "keep"), profile="basic").removes_private
    assert rules(rule("(0010,0040)", "keep"), profile="basic").removes_private


def test_what_the_proxy_asks() -> None:
    """UIDs and patients that have pseudonyms, and pixels that come out."""
    assert (preset("default").replaces_uids, RULES.replaces_uids) == (True, False)
    assert rules(rule("SOPInstanceUID", "refreshUID")).replaces_uids is None
    assert (preset("default").replaces_patient_id, RULES.replaces_patient_id) == (True, False)
    assert preset("default").releases_pixels
    assert not rules(rule("PixelData", "remove")).releases_pixels
    assert preset("basic").keeps(0x00080060, "CS")


def test_pseudonyms() -> None:
    """UIDs and patients of the project are known without a look-up."""
    policy = preset("basic")

    assert policy.is_pseudonym_uid(policy.pseudonym_uid("1.2.3"))
    assert not policy.is_pseudonym_uid("1.2.3")
    assert policy.is_pseudonym_patient_id(policy.pseudonym_patient_id("PATIENT-1"))
    assert not policy.is_pseudonym_patient_id("PATIENT-1")


def test_short_key() -> None:
    """A key that can be guessed is refused."""
    with pytest.raises(ConfigurationError, match="at least 16"):
        load_policy({"profile": "basic"}, b"short")


def test_name_and_warnings() -> None:
    """The policy says what it is called and what is odd about its configuration."""
    assert preset("default").name == "default"
    assert load_policy({"profile": "basic", "rule": []}, KEY).warnings


def test_what_is_checked() -> None:
    """Kept values are, beside a profile; not pixels, nor text of an attribute that a rule names."""
    checked = rules(rule("PatientComments", "keep"), rule("(0008,xxxx)", "keep"), rule("OB", "keep"), profile="basic")
    unchecked = rules(rule("(0008,xxxx)", "keep"))
    pixels = (0x7FE00008, 0x7FE00009, 0x7FE00010)

    assert [checked.decide(tag, vr).is_checked for tag, vr in ((0x00104000, "LT"), (0x00081030, "LO"))] == [False, True]
    assert [checked.decide(tag, "OB").is_checked for tag in pixels] == [False, False, False]
    assert [checked.decide(tag, "OW").is_checked for tag in pixels] == [False, False, False]
    assert not unchecked.decide(0x00081030, "LO").is_checked
    assert not unchecked.decide(0x00280010, "US").is_checked


def test_a_content_item_is_checked() -> None:
    """What its plan keeps may name somebody, like everything that is kept."""
    policy = rules(profile="basic", options=["cleanStructuredContent"])
    decision = policy.decide_in_content(ContentPlan(ContentAction.KEEP, "TEXT"), 0x0040A160, "UT")

    assert (decision.method.name, decision.is_checked) == ("keep", True)


def test_representation() -> None:
    """It tells what a policy is, and not its key."""
    assert repr(RULES) == "<Policy none: 6 rules, profile none, options []>"
    assert "profile PS3.15, options [retainUIDs]" in repr(rules(profile="basic", options=["retainUIDs"]))


def test_limits_cannot_be_changed() -> None:
    """Policies share them."""
    with pytest.raises(FrozenInstanceError):
        Limits().depth = 99  # type: ignore[misc]


def test_what_other_parts_ask() -> None:
    """Rules in their order, and whether overlays are removed."""
    removes = rules(rule("(60xx,3000)", "remove"))

    assert [one.label for one in removes.rules] == ["rule 1 (60xx,3000) remove"]
    assert (removes.removes_overlays, RULES.removes_overlays) == (True, False)
