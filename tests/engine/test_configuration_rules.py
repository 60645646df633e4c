"""The rules of a configuration."""

from __future__ import annotations

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.configuration.findings import Findings
from dicomveil_engine.configuration.rules import Place, Rule, RuleReader
from dicomveil_engine.configuration.settings import SettingsBlocks
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(bytes(32))


def read(*rules: object, settings: SettingsBlocks | None = None) -> tuple[tuple[Rule, ...], list[str]]:
    """The rules, and the warnings about them."""
    reader = RuleReader(settings or SettingsBlocks(), KEYS)
    return reader.read(rules), [str(finding) for finding in reader.findings.all]


def refusal(*rules: object) -> str:
    """The message with which the rules are refused."""
    with pytest.raises(ConfigurationError) as error:
        read(*rules)
    return str(error.value)


def test_rules_keep_their_order_and_say_who_they_are() -> None:
    """The first rule wins, and messages name it."""
    rules, warnings = read(
        {"tag": "PatientName", "method": "REDACT"}, {"tag": "DA", "method": "dateshift", "params": None}
    )

    assert [(rule.number, rule.label) for rule in rules] == [
        (1, "rule 1 (0010,0010) redact"),
        (2, "rule 2 DA dateShift"),
    ]
    assert rules[0].method == METHODS["redact"].build({}, KEYS)
    assert warnings == []


def test_rules_of_a_preset_are_numbered_on() -> None:
    """A number names one rule; a label says where to look for it."""
    rule = {"tag": "PatientName", "method": "redact"}
    (read_rule,) = RuleReader(SettingsBlocks(), KEYS).read([rule], first=5, source="preset ")

    assert (read_rule.number, read_rule.label) == (5, "preset rule 1 (0010,0010) redact")


@pytest.mark.parametrize("name", ["keep", "remove", "redact"])
def test_sequences_are_kept_removed_or_emptied(name: str) -> None:
    """Of the Microsoft tool's methods these three have a meaning for a sequence as a whole."""
    (rule,), _ = read({"tag": "ReferencedStudySequence", "method": name})

    assert rule.method.name == name


def test_a_method_may_suit_only_one_of_an_attributes_vrs() -> None:
    """Pixel Data is OB or OW, and hashing the bytes of OB has a meaning."""
    (rule,), _ = read({"tag": "PixelData", "method": "cryptoHash"})

    assert rule.pattern.tag == 0x7FE00010


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (3, 'rule 1: it must be an object {"tag": ..., "method": ...}'),
        ({"method": "keep"}, 'rule 1: "tag" is missing'),
        ({"tag": 5, "method": "keep"}, 'rule 1: "tag" must be a string'),
        ({"tag": "DA"}, 'rule 1 DA: "method" is missing'),
        ({"tag": "DA", "method": "dateshif"}, 'did you mean "dateshift"?'),
        ({"tag": "DA", "method": "mask"}, "(known: keep, remove, redact,"),
        ({"tag": "(0040)", "method": "keep"}, 'rule 1: "(0040)" is not a tag'),
        (
            {"tag": "DA", "method": "keep", "settings": "x"},
            'a rule has no "settings"; did you mean "setting"?',
        ),
        ({"tag": "DA", "method": "keep", "Tag": "x"}, 'a rule has no "Tag"; did you mean "tag"?'),
        (
            {"tag": "DA", "method": "keep", "xyz": 1},
            'a rule has no "xyz" (known: tag, method, setting, params)',
        ),
        ({"tag": "DA", "method": "keep", "setting": 1}, '"setting" must be the name'),
        ({"tag": "DA", "method": "keep", "setting": "mine"}, 'customSettings has no "mine"'),
        ({"tag": "DA", "method": "keep", "params": "3"}, 'rule 1 DA: "params" must be an object'),
        ({"tag": "DA", "method": "keep", "params": [3]}, 'rule 1 DA: "params" must be an object'),
        (
            {"tag": "US", "method": "encrypt"},
            "rule 1 US: encrypt cannot be applied to VR US; these can: keep,",
        ),
        (
            {"tag": "PatientName", "method": "dateShift"},
            "cannot be applied to VR PN ((0010,0010) PatientName)",
        ),
        ({"tag": "ContentSequence", "method": "refreshUID"}, "these can: keep, remove, redact"),
        ({"tag": "StudyDate", "method": "substitute"}, "not a legal value for the VR DA"),
        ({"tag": "DA", "method": "substitute"}, "not a legal value for the VR DA"),
    ],
)
def test_wrong_rules_are_refused_with_place_and_mend(rule: object, message: str) -> None:
    """What could go wrong with an instance goes wrong at start."""
    assert message in refusal(rule)


def test_rules_must_be_an_array() -> None:
    """A single rule is written in brackets too."""
    with pytest.raises(ConfigurationError, match='"rules" must be an array'):
        RuleReader(SettingsBlocks(), KEYS).read({"tag": "DA", "method": "keep"})


@pytest.mark.parametrize(
    ("method", "name"),
    [("encrypt", "encryptKey"), ("cryptoHash", "cryptoHashKey"), ("dateShift", "dateShiftKey")],
)
@pytest.mark.parametrize("key", ["SECRET-KEY", ["SECRET-KEY"], {"a": "SECRET-KEY"}])
def test_no_message_holds_a_key(method: str, name: str, key: object) -> None:
    """Keys appear neither in errors nor in warnings nor in the repr of a rule."""
    tag = "DA" if method == "dateShift" else "LO"
    try:
        shown = repr(read({"tag": tag, "method": method, "params": {name: key, "mistyped": key}}))
    except ConfigurationError as error:
        shown = str(error)

    assert "SECRET-KEY" not in shown


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("(0002,0003)", "file meta"),
        ("0000,xxxx", "commands"),
        ("(0004,1500)", "directory records"),
        ("(0008,0005)", "Specific Character Set"),
        ("(0400,0561)", "Original Attributes Sequence"),
        ("(FFFA,FFFA)", "digital signatures"),
        ("(FFFC,FFFC)", "trailing padding"),
        ("(0010,0000)", "group lengths"),
        ("(xxxx,0000)", "group lengths"),
    ],
)
def test_a_rule_for_what_no_rule_reaches_is_warned_of(tag: str, why: str) -> None:
    """Such a rule is a false promise; the Microsoft tool's own configuration makes it."""
    _, (warning,) = read({"tag": tag, "method": "remove"})

    assert "can never apply: " + why in warning


@pytest.mark.parametrize(
    "tag", ["(0002,0003)", "(0008,0005)", "(0400,0561)", "(FFFA,FFFA)", "(FFFC,FFFC)", "(0010,0000)"]
)
def test_what_no_rule_reaches_is_so_in_the_policy(tag: str) -> None:
    """The warning tells the truth."""
    policy = load_policy({"profile": "none", "rules": [{"tag": tag, "method": "redact"}]}, bytes(32))

    assert not policy.decide(int(tag[1:5] + tag[6:10], 16), "LO").rule.startswith("rule")


def test_a_rule_behind_one_that_meets_the_same_is_warned_of() -> None:
    """The first rule wins, so the second is dead."""
    _, warnings = read({"tag": "(0010,xxxx)", "method": "redact"}, {"tag": "PatientName", "method": "keep"})

    assert warnings == [
        "rule 2 (0010,0010) keep: can never apply: rule 1 (0010,xxxx) redact comes first; move it up, or leave it out"
    ]


def test_a_rule_behind_rules_for_each_of_its_vrs_is_warned_of() -> None:
    """StudyDate is DA and nothing else; Pixel Data is OB or OW, and one of them leaves the other."""
    ob, ow, pixels = ({"tag": tag, "method": "keep"} for tag in ("OB", "OW", "PixelData"))

    assert (
        "rule 1 DA keep comes first"
        in read({"tag": "DA", "method": "keep"}, {"tag": "StudyDate", "method": "redact"})[1][0]
    )
    assert read(ob, pixels)[1] == []
    assert "rule 1 OB keep and rule 2 OW keep come first" in read(ob, ow, pixels)[1][0]


def test_a_mask_that_meets_what_its_method_cannot_change_is_warned_of() -> None:
    """The policy refuses such instances, and better to hear of it before."""
    mask = {"tag": "(0010,10xx)", "method": "perturb"}
    (warning,) = read(mask)[1]

    assert warning == (
        "rule 1 (0010,10xx) perturb: perturb cannot be applied to (0010,1000) OtherPatientIDs LO: "
        "instances that have it are refused; put a rule for it first"
    )
    assert (
        read(
            {"tag": "LO", "method": "redact"},
            {"tag": "PN", "method": "redact"},
            {"tag": "SH", "method": "redact"},
            mask,
        )[1]
        == []
    )
    assert read({"tag": "(0010,xxxx)", "method": "remove"})[1] == []


def test_a_rule_that_nobody_wrote_is_not_warned_of() -> None:
    """Another dialect's reader says where a rule comes from, and which rules it added."""
    rule = {"tag": "DA", "method": "keep"}
    reader = RuleReader(SettingsBlocks(), KEYS)
    rules = reader.read([rule, rule], places=[Place("keepList 7"), Place("keepList", is_generated=True)])

    assert [rule.label for rule in rules] == ["keepList 7 DA keep", "keepList DA keep"]
    assert reader.findings.all == []


def test_errors_can_be_collected() -> None:
    """Whoever writes a file wants to hear of all of them; what is right is read all the same."""
    findings = Findings(collects_errors=True)
    rules = RuleReader(SettingsBlocks(), KEYS, findings).read(
        [
            {"tag": "DA", "method": "mask"},
            7,
            {"tag": "DA", "method": "keep", "xyz": 1},
            {"tag": "PatientNme", "method": "keep"},
        ]
    )

    assert [rule.label for rule in rules] == ["rule 3 DA keep"]
    assert [finding.location for finding in findings.all] == ["rule 1 DA", "rule 2", "rule 3", "rule 4"]
    assert all(finding.is_error for finding in findings.all)


def test_a_mistyped_setting_is_warned_of_once() -> None:
    """In params and in the custom block that the rule names; defaults are checked on their own."""
    settings = SettingsBlocks({"perturb": {"spam": 1}}, {"mine": {"spam": 1}})
    _, warnings = read(
        {"tag": "DS", "method": "perturb", "setting": "mine"},
        {"tag": "FD", "method": "perturb", "params": {"span": 1}},
        settings=settings,
    )

    assert warnings == ['rule 1 DS: perturb has no setting "spam", so it has no effect; did you mean "span"?']
