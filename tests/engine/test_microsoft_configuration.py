"""`"compatibility": "microsoft"` in a configuration: how settings come about, and what it cannot turn off."""

from __future__ import annotations

from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, deidentify_instance
from dicomveil_engine.configuration import Configuration, read_configuration
from dicomveil_engine.configuration.findings import Findings
from dicomveil_engine.configuration.microsoft import MicrosoftSettings
from dicomveil_engine.configuration.settings import SettingsBlocks
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.reports.decryption import decrypt_instance
from engine.datasets import CT_IMAGE, element, instance, open_sequence, read, rule, rules
from engine.datasets import item as item_of
from engine.microsoft_answers import configuration

KEYS = Keys(bytes(32))
LOADING = (
    "configuration-invalid-string-output.json",
    "configuration-test-engine.json",
    "configuration-test-sample.json",
    "newConfig.json",
    "privateTagConfig.json",
    "Sample-Configuration-WithNote.md",
)
REFUSED = {
    "configuration-custom.json": "there is no method",
    "configuration-invalid-DicomTag.json": "is not a tag",
    "configuration-invalid-parameters.json": '"params" must be an object',
    "configuration-miss-rules.json": 'there are no "rules"',
    "configuration-miss-tag.json": '"tag" is missing',
    "configuration-unsupported-method.json": "there is no method",
    "invalidOutputConfig.json": "encrypt cannot be applied to VR US",
    "rulefactory-settings.json": 'there are no "rules"',
}
"""That tool's own examples of what is wrong; two more that it takes, and then fails on at the first instance."""


def loaded(document: dict[str, Any], **more: Any) -> Configuration:
    return read_configuration({"profile": "none", "compatibility": "microsoft", **document, **more}, KEYS)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("name", LOADING)
def test_its_configurations_load(name: str) -> None:
    """All that tool takes, and can work with."""
    assert loaded(configuration(f"microsoft_configs/{name}")).rules


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("name", REFUSED)
def test_its_wrong_configurations_are_refused(name: str) -> None:
    """Its tests expect an error; so does whoever mistypes."""
    with pytest.raises(ConfigurationError, match=REFUSED[name]):
        loaded(configuration(f"microsoft_configs/{name}"))


def test_arrays_of_settings_load() -> None:
    """That tool's documentation shows them, although it cannot read them itself."""
    (only,) = loaded(
        {
            "rules": [{"tag": "DA", "method": "dateshift"}],
            "defaultSettings": [{"dateShift": {"dateShiftRange": 7}}, {"perturb": {"span": 1}}],
        }
    ).rules

    assert only.method.shift.range == 7  # type: ignore[attr-defined]


def test_params_hold_for_later_rules_and_that_is_said() -> None:
    """As in that tool, where params are merged into the default itself; the rules before keep theirs."""
    document = {
        "rules": [
            rule("(0008,1080)", "substitute"),
            rule("(300A,0002)", "substitute", replaceWith="ANONY"),
            {"tag": "(0040,A027)", "method": "substitute"},
        ],
        "defaultSettings": {"substitute": {"replaceWith": "ANONYMOUS"}},
    }
    read_rules = loaded(document)

    assert [r.method.replace_with for r in read_rules.rules] == ["ANONYMOUS", "ANONY", "ANONY"]  # type: ignore[attr-defined]
    assert any("apply to later rules too" in warning for warning in read_rules.warnings)
    plain = loaded(document, compatibility="none")
    assert [r.method.replace_with for r in plain.rules] == ["ANONYMOUS", "ANONY", "ANONYMOUS"]  # type: ignore[attr-defined]


def test_params_of_a_file_do_not_reach_its_preset() -> None:
    """That tool has no presets; what a rule of the file allows must not open those of the preset."""
    ours = rule("PatientBirthDate", "redact", enablePartialDatesForRedact=True)
    read_rules = read_configuration({"profile": "microsoft", "rules": [ours]}, KEYS).rules
    partly = [r.pattern.tag for r in read_rules if getattr(r.method, "partial_dates", False)]

    assert partly == [0x00100030]


@pytest.mark.parametrize(
    ("method", "params", "resolved"),
    [
        ("perturb", {"Span": 2}, {"span": 1, "Span": 2}),
        ("perturb", {"span": None, "x": [2], "y": {"b": 2}}, {"span": 1, "x": [1, 2], "y": {"a": 1, "b": 2}}),
        ("substitute", {"ReplaceWith": "B"}, {"replaceWith": "A"}),
        ("dateShift", {"DateShiftScope": "B"}, {"DateShiftScope": "B"}),
        ("dateShift", {"dateshiftscope": "B"}, {"dateShiftScope": "A"}),
        ("encrypt", {"encryptKey": "B"}, {"encryptKey": "B"}),
    ],
)
def test_spellings(method: str, params: dict[str, object], resolved: dict[str, object]) -> None:
    """The last one holds, but replaceWith and DateShiftScope are looked up in that spelling first."""
    written = SettingsBlocks(
        {
            "perturb": {"span": 1, "x": [1], "y": {"a": 1}} if "x" in params else {"span": 1},
            "substitute": {"replaceWith": "A"},
            "dateshift": {"dateShiftScope": "A"},
        }
    )

    assert MicrosoftSettings.of(written, Findings()).resolve(method, None, params) == resolved
    assert written.defaults["substitute"] == {"replaceWith": "A"}


def test_custom_settings() -> None:
    """They stand in the place of the default; a name that is not there is refused."""
    document = {"rules": [{"tag": "DA", "method": "dateShift", "setting": "far"}]}

    (only,) = loaded(document, customSettings={"far": {"dateShiftRange": 99}}).rules
    assert only.method.shift.range == 99  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match='customSettings has no "far"'):
        loaded(document)


@pytest.mark.parametrize("name", ["gdcm", 1, ["microsoft"], "microsft"])
def test_other_compatibilities_are_refused(name: object) -> None:
    """To ignore one would give other answers than were asked for."""
    with pytest.raises(ConfigurationError, match='"compatibility" must be "none" or "microsoft"'):
        loaded({"rules": [rule("DA", "keep")]}, compatibility=name)


def test_keys_that_everybody_has_are_named() -> None:
    """Those that the tool ships with protect nothing under compatibility; the warning does not repeat them."""
    document = {
        "rules": [rule("DA", "keep")],
        "defaultSettings": {"dateShift": {"dateShiftKey": "123"}, "encrypt": {"encryptKey": "0" * 16}},
        "customSettings": {"mine": {"CryptoHashKey": "123"}},
    }
    warned = [w for w in loaded(document).warnings if "not secret" in w]

    assert [w.split(": ")[0] for w in warned] == [
        "defaultSettings.dateshift.dateShiftKey",
        "customSettings.mine.cryptoHashKey",
    ]
    assert "123" not in "".join(warned)
    assert "not secret" not in "".join(loaded(document, compatibility="none").warnings)


def test_a_reference_date_means_nothing_without_compatibility() -> None:
    """It is noticed, as every setting that has no effect."""
    document = {"rules": [rule("DA", "keep")], "defaultSettings": {"redact": {"referenceDate": "20250905"}}}

    assert any('"referenceDate" has no effect' in w for w in loaded(document, compatibility="none").warnings)
    assert not loaded(document).warnings


def test_without_a_profile_the_basic_one_holds() -> None:
    """Compatibility is about how methods work; what no rule names is kept only where the profile says so."""
    configured = read_configuration({"compatibility": "microsoft", "rules": [rule("DA", "keep")]}, KEYS)

    assert configured.profile.value == "PS3.15"
    assert any('write "profile": "none" to keep them' in w for w in configured.warnings)


def test_rules_hold_within_sequences_and_private_data_is_met() -> None:
    """What that tool overlooks: nested elements, and private ones behind their creator."""
    nested = item_of(element(0x00081010, "SH", "STATION-1"))
    data = instance(
        element(0x00080016, "UI", CT_IMAGE),
        element(0x00090010, "LO", "ACME"),
        element(0x00091001, "SH", "SECRET"),
        open_sequence(0x0018A001, nested),
    )
    policy = rules(rule("(0008,1010)", "remove"), rule("(0009,1001)", "remove"), compatibility="microsoft")
    out = deidentify_instance(data, policy)

    assert b"STATION-1" not in out
    assert b"SECRET" not in out
    assert len(read(out)[0x0018A001].value) == 1


@pytest.mark.parametrize("method", ["cryptoHash", "encrypt"])
def test_identities_must_be_uids(method: str) -> None:
    """Neither a digest nor Base64 is one, and an instance without one is nowhere to be found."""
    with pytest.raises(ConfigurationError, match="would break"):
        rules(rule("UI", method), compatibility="microsoft")


def test_what_is_encrypted_is_decrypted() -> None:
    """Whole instances too, codes and bytes of no length among their elements."""
    key = {"encryptKey": "0000000000000000"}
    policy = rules(
        *(rule(tag, "encrypt", **key) for tag in ("PN", "CS", "AS", "OB")),
        compatibility="microsoft",
    )
    data = instance(
        element(0x00080060, "CS", "CT"),
        element(0x00100010, "PN", "Doe^Jane"),
        element(0x00101010, "AS", "030Y"),
        element(0x00420011, "OB", b""),
    )
    encrypted = deidentify_instance(data, policy)

    assert b"Doe" not in encrypted
    restored = read(decrypt_instance(encrypted, policy).instance)
    assert (restored.Modality, restored.PatientName, restored.PatientAge) == ("CT", "Doe^Jane", "030Y")
    assert not restored.EncapsulatedDocument
