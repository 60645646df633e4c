"""Reading a configuration: rules, settings, profile and options together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.configuration import Configuration, ProfileName, read_configuration
from dicomveil_engine.configuration.pixels import Faces, PixelText
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(bytes(32))
RULE = {"tag": "PatientName", "method": "redact"}


def read(**config: object) -> Configuration:
    """The configuration with these keys."""
    return read_configuration(config, KEYS)


def refusal(config: Mapping[str, object] | str | Path) -> str:
    """The message with which a configuration is refused."""
    with pytest.raises(ConfigurationError) as error:
        read_configuration(config, KEYS)
    return str(error.value)


def test_without_a_profile_the_basic_one_lies_beneath_the_rules() -> None:
    """What nobody thought of is not let out; whoever comes from the Microsoft tool is told."""
    configuration = read(rules=[RULE])

    assert configuration.profile is ProfileName.PS315
    assert [rule.label for rule in configuration.rules] == [
        "rule 1 (0010,0010) redact",
        'preset "basic" rule 1 (0010,0020) pseudonym',
    ]
    assert [rule.number for rule in configuration.rules] == [1, 2]
    assert 'write "profile": "none" to keep them' in configuration.warnings[0]


def test_an_empty_configuration_is_the_basic_preset() -> None:
    """Fail closed, and there is nothing to warn of."""
    assert (read().name, read().warnings) == ("basic", ())


def test_profile_none_is_the_rules_alone() -> None:
    """As in the Microsoft tool; no preset's rules are added."""
    configuration = read(profile="None", rules=[RULE])

    assert (configuration.profile, len(configuration.rules)) == (ProfileName.NONE, 1)
    assert (configuration.options, configuration.warnings) == (frozenset(), ())


def test_options_add_up_and_names_are_read_in_any_case() -> None:
    """A file may ask for more than its preset does."""
    configuration = read(PROFILE="Basic", Options=["RETAINLONGMODIFIEDDATES"])

    assert configuration.options == {Option.RETAIN_LONG_MODIFIED_DATES}
    assert read(profile="default", options=[]).options == {Option.RETAIN_LONG_MODIFIED_DATES}


def test_settings_of_the_file_win_over_those_of_the_preset() -> None:
    """The profile's own dates move as the file says."""
    configuration = read(profile="default", defaultSettings=[{"DateShift": {"dateShiftRange": 7}}])

    assert configuration.default_settings == {"dateshift": {"dateShiftRange": 7}}
    assert read(profile="default").default_settings["dateshift"]["dateShiftRange"] == 50


def test_settings_are_not_shown() -> None:
    """A traceback prints objects by their repr."""
    configuration = read(
        rules=[{"tag": "LO", "method": "encrypt"}, {"tag": "SH", "method": "cryptoHash"}],
        defaultSettings={
            "encrypt": {"encryptKey": "SECRET-KEY-16-BY"},
            "cryptoHash": {"cryptoHashKey": "SECRET-KEY"},
            "dateShift": {"dateShiftKey": "SECRET-KEY"},
        },
    )

    assert "SECRET-KEY" not in repr(configuration)


@pytest.mark.parametrize(("written", "protects"), [("byVR", True), ("BYVR", True), ("keep", False)])
def test_unlisted_attributes(written: str, protects: bool) -> None:
    """The layer by VR can be turned off by name."""
    assert read(unlistedAttributes=written).protect_unlisted is protects


def test_a_file_is_read_with_its_comments(tmp_path: Path) -> None:
    """A path or the text of a path, with or without a byte order mark."""
    path = tmp_path / "research.json"
    path.write_bytes(b'\xef\xbb\xbf{"profile": "none", /* ! */ "rules": [{"tag": "PN", "method": "remove"}]}')

    assert read_configuration(path, KEYS).name == "research"
    assert read_configuration(str(path), KEYS).rules[0].label == "rule 1 PN remove"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n"encryptKey": SECRET', "broken.json, line 2, column 15: a value is missing"),
        (b"[]", "broken.json must hold an object, {...}"),
        (b"\xff", "broken.json is not UTF-8 (byte 0)"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_place(tmp_path: Path, content: bytes, message: str) -> None:
    """Its content is not repeated."""
    path = tmp_path / "broken.json"
    path.write_bytes(content)

    assert refusal(path) == message


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system's reason is enough."""
    path = tmp_path / "locked.json"
    path.touch()

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    assert refusal(path) == "locked.json cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("config", "mend"),
    [
        ("basic", 'name a preset as {"profile": "basic"} (presets: basic, default'),
        ("default", 'name a preset as {"profile": "default"}'),
        ("basics", 'did you mean "basic"?'),
        (Path("absent.json"), "not an existing file"),
        ("nul\0", "not an existing file"),
        ('{"encryptKey": "SECRET"}' + 5000 * " ", "not an existing file"),
    ],
)
def test_what_is_no_file_is_refused_and_not_repeated(config: str | Path, mend: str) -> None:
    """A preset's name alone is not a path; the message says how to write it."""
    assert mend in refusal(config)
    assert "SECRET" not in refusal(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"profile": "basc"}, 'did you mean "basic"?'),
        ({"profile": 7}, '"profile" must be one of "basic", '),
        ({"profile": "none"}, "everything would be kept"),
        ({"profile": "none", "rules": []}, "everything would be kept"),
        ({"profile": "none", "rules": [RULE], "options": ["retainLongModifiedDates"]}, "belong to a profile"),
        ({"options": "retainUIDs"}, '"options" must be an array of names'),
        ({"options": [1]}, '"options" must be an array of names'),
        ({"options": ["retainUID"]}, 'did you mean "retainUIDs"?'),
        ({"unlistedAttributes": "remove"}, '"unlistedAttributes" must be "byVR"'),
        ({"unlistedAttributes": True}, '"unlistedAttributes" must be "byVR"'),
        ({"rules": [], "Rules": []}, '"rules" is given twice'),
        ({"rules": {}}, '"rules" must be an array'),
        ({"defaultSettings": {"perturb": {"span": -1}}}, "defaultSettings: perturb"),
        ({"pixels": "clear"}, '"pixels" must be an object, or one of "keep", "refuse", "clean"'),
        ({"pixels": {"gat": "look"}}, '"pixels" has no setting "gat"; did you mean "gate"?'),
        ({"profile": "basic", "text": []}, '"text" must be an object'),
        ({"profile": "basic", "text": {"region": ["US"]}}, '"text" has no setting "region"; did you mean "regions"?'),
        ({"profile": "basic", "text": {"regions": ["XQ"]}}, '"regions" in "text" has "XQ"'),
        ({"profile": "basic", "text": {"ages": "some"}}, '"ages" in "text" must be one of'),
        ({"rules": [], "dicom": {}}, 'the configuration mixes dialects: "rules" belongs to'),
        ({"profile": "basic", "DicomVRRules": []}, '"DicomVRRules" belongs to the dialect of DicomTagRules'),
        ({"TagProfile": "x", "dicomTagConfig": {}}, "write it in one of them"),
    ],
)
def test_wrong_configurations_are_refused_with_a_mend(config: dict[str, object], message: str) -> None:
    """Nothing that asks for protection is passed over."""
    assert message in refusal(config)


@pytest.mark.parametrize("option", Option)
def test_every_option_of_the_table_is_taken(option: Option) -> None:
    """By its name, over a preset."""
    assert option in read(profile="basic", options=[option.value.upper()]).options


def test_options_that_change_pixels() -> None:
    """They say in the standard's words what "pixels" says, which is more exact and counts first."""
    pixels = read(options=["CleanPixelData", "CLEANRECOGNIZABLEVISUALFEATURES"]).pixels
    exact = read(options=["cleanPixelData"], pixels={"text": "sensitiveText"}).pixels

    assert (pixels.text, pixels.faces) == (PixelText.ALL, Faces.FLAG)
    assert exact.text is PixelText.SENSITIVE


def test_odd_but_harmless_keys_are_warned_of() -> None:
    """A mistyped key at the top, a method or a setting that is not there."""
    configuration = read(rulez=[], defaultSettings={"perturbe": {}, "perturb": {"spam": 1}}, customSettings=None)

    assert configuration.warnings == (
        '"rulez": there is no such key, so it has no effect; did you mean "rules"?',
        'defaultSettings: there is no method "perturbe"; did you mean "perturb"?',
        'defaultSettings: perturb has no setting "spam", so it has no effect; did you mean "span"?',
    )


MICROSOFT_LOADED = {
    "configuration-miss-rules.json": 0,
    "configuration-test-engine.json": 3,
    "configuration-test-sample.json": 2,
    "newConfig.json": 1,
    "privateTagConfig.json": 13,
    "rulefactory-settings.json": 0,
}
"""The Microsoft tool's test configurations that are read, with the number of their rules."""

MICROSOFT_REFUSED = {
    "Sample-Configuration-WithNote.md": "line 1, column 1: this is not JSON",
    "configuration-custom.json": 'there is no method "mask"',
    "configuration-invalid-DicomTag.json": 'rule 1: "(0040)" is not a tag',
    "configuration-invalid-parameters.json": 'rule 2 DA: "params" must be an object',
    "configuration-invalid-string-output.json": "rule 2 AS: cryptoHash cannot be applied to VR AS",
    "configuration-miss-tag.json": 'rule 1: "tag" is missing',
    "configuration-unsupported-method.json": 'there is no method "invalid"',
    "invalidOutputConfig.json": "rule 1 US: encrypt cannot be applied to VR US",
}
"""Those that are not, with the reason."""


def test_every_microsoft_configuration_is_known(shared: Path) -> None:
    """None is left out below."""
    names = {path.name for path in (shared / "vectors" / "microsoft_configs").iterdir()}

    assert names == MICROSOFT_LOADED.keys() | MICROSOFT_REFUSED.keys()


@pytest.mark.parametrize(("name", "rules"), MICROSOFT_LOADED.items())
def test_microsoft_configurations_load(shared: Path, name: str, rules: int) -> None:
    """They load as they are, and what they hold is not shown."""
    configuration = read_configuration(shared / "vectors" / "microsoft_configs" / name, KEYS)

    assert len(configuration.rules) == rules + 1  # the last one is the basic preset's
    assert "12345678" not in repr(configuration)


@pytest.mark.parametrize(("name", "reason"), MICROSOFT_REFUSED.items())
def test_wrong_microsoft_configurations_are_refused(shared: Path, name: str, reason: str) -> None:
    """The message says why, and holds no key."""
    message = refusal(shared / "vectors" / "microsoft_configs" / name)

    assert reason in message
    assert "12345678" not in message


def test_the_microsoft_tools_shipped_configuration(shared: Path) -> None:
    """All 318 rules load; those that can never apply are named."""
    path = shared / "vectors" / "microsoft_default_configuration.json"
    configuration = read_configuration(path, KEYS)

    assert len(configuration.rules) == 318 + 1
    assert [finding.location for finding in configuration.findings[1:]] == [
        "rule 17 (0000,1000) remove",
        "rule 45 (FFFC,FFFC) remove",
        "rule 50 (FFFA,FFFA) remove",
        "rule 106 (0002,0003) refreshUID",
        "rule 127 (0400,0561) remove",
        "rule 207 (0004,1511) refreshUID",
        "rule 221 (0000,1001) refreshUID",
        "customSettings.perturbCustomerSetting",
    ]
    assert "12345678" not in repr(configuration)
