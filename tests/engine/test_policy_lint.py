"""Lint: what the author of a configuration should know."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine import Finding, lint
from dicomveil_engine.configuration.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_nothing_is_odd_about_a_preset(name: str) -> None:
    """What ships loads, and each part of it has an effect."""
    assert lint({"profile": name}) == []


def test_errors_and_oddities_are_found_together() -> None:
    """Reading goes on behind an error, so that one pass shows all."""
    findings = lint(
        {
            "profile": "basic",
            "rulez": [],
            "options": ["retainUID", "cleanPixelDat"],
            "defaultSettings": {"perturb": {"span": -1, "spam": 1}, "perturbe": {}},
            "rules": [
                {"tag": "PatientNme", "method": "keep"},
                {"tag": "DA", "method": "keep"},
                {"tag": "StudyDate", "method": "redact"},
                {"tag": "PN", "method": "dateShift"},
            ],
        }
    )

    assert [(finding.location, finding.is_error) for finding in findings] == [
        ('"rulez"', False),
        ("defaultSettings", False),
        ("defaultSettings", True),
        ("defaultSettings", False),
        ("rule 1", True),
        ("rule 3 (0008,0020) redact", False),
        ("rule 4 PN", True),
        ('"options"', True),
        ('"options"', True),
    ]


def test_settings_that_no_rule_calls_are_found() -> None:
    """A mistyped name in a rule is an error; one in customSettings has no effect."""
    rule = {"tag": "DS", "method": "perturb", "setting": "mine"}
    [finding] = lint({"profile": "basic", "rules": [rule], "customSettings": {"mine": {}, "mein": {}}})

    assert str(finding) == "customSettings.mein: no rule calls it, so it has no effect"


def test_a_finding_reads_as_a_sentence() -> None:
    """Place, what is wrong, and the mend."""
    [finding] = lint({"profile": "basic", "rulez": []})

    assert finding == Finding('"rulez"', "there is no such key, so it has no effect", 'did you mean "rules"?')
    assert str(finding) == '"rulez": there is no such key, so it has no effect; did you mean "rules"?'


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"profile": "basc"}, 'did you mean "basic"?'),
        ({"rules": [], "dicom": {}}, "the configuration mixes dialects"),
        (
            {"profile": "basic", "rules": [{"tag": "StudyInstanceUID", "method": "cryptoHash"}]},
            "would break (0020,000D)",
        ),
        ({"dicom": {"keepList": {"tags": ["PatientNme"]}}}, 'did you mean "PatientName"?'),
        (Path("absent.json"), "the configuration is not an existing file"),
    ],
)
def test_whatever_is_refused_is_an_error_among_the_findings(config: dict[str, object] | Path, what: str) -> None:
    """Of the document, the rules, or the policy that they make."""
    errors = [finding for finding in lint(config) if finding.is_error]

    assert len(errors) == 1
    assert what in str(errors[0])


def test_every_unknown_key_of_a_google_configuration_is_named() -> None:
    """At every depth."""
    findings = lint({"dicom": {"keepList": {"tag": []}, "skipID": True}, "images": {}})

    assert [str(finding).split(";")[0] for finding in findings] == [
        'DeidentifyConfig: there is no field "images"',
        'dicom: there is no field "skipID"',
        'dicom.keepList: there is no field "tag"',
    ]


def test_no_finding_holds_a_setting() -> None:
    """It may be a key."""
    rule = {"tag": "LO", "method": "encrypt", "params": {"encryptKey": "SECRET-KEY", "mistyped": "SECRET-KEY"}}
    config = {"rules": [rule], "defaultSettings": {"cryptoHash": {"cryptoHashKey": ["SECRET-KEY"]}}, "x": "SECRET-KEY"}

    assert "SECRET-KEY" not in repr(lint(config))


@pytest.mark.parametrize("odd", [{"a": 1}, ["a"], 1, None, True, "\x1b[2J"])
@pytest.mark.parametrize("key", ["tag", "method", "setting", "params"])
def test_a_rule_with_a_value_of_the_wrong_kind_is_a_finding(key: str, odd: object) -> None:
    """Never an exception, with settings beside it that no rule calls."""
    rule: dict[str, object] = {"tag": "PatientID", "method": "remove", key: odd}

    findings = lint({"profile": "basic", "customSettings": {"own": {"method": "keep"}}, "rules": [rule]})

    assert "customSettings.own: no rule calls it, so it has no effect" in [str(finding) for finding in findings]


def test_a_long_name_is_shortened() -> None:
    """It may be a whole text in the wrong place."""
    name = "0123456789" * 1_000
    config = {
        "profile": "basic",
        "options": [name],
        "defaultSettings": {name: {}},
        "rules": [{"tag": "PatientID", "method": name}, {"tag": "PatientName", "method": "keep", "setting": name}],
    }

    findings = lint(config)

    assert len(findings) == 4
    assert all(len(str(finding)) < 1_000 for finding in findings)
