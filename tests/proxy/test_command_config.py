"""`dicomveil config`, `dicomveil conformance`: what a configuration is worth, and its statement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine import load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key

GOOD = '{"profile": "basic", "rules": [{"tag": "PatientAge", "method": "keep"}]}'
ODD = '{"profile": "basic", "rules": [{"tag": "PatientAge", "method": "keep"}], "extra": 1}'
BAD = '{"profile": "basic", "rules": [{"tag": "PatientAge", "method": "keeep"}]}'
DICOM_TAG_RULES = '{"DicomTagRules": [{"name": "PatientName", "method": "redact"}], "DicomVRRules": []}'


@pytest.fixture(autouse=True)
def in_a_folder_with_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("good", GOOD), ("odd", ODD), ("bad", BAD), ("other", DICOM_TAG_RULES), ("broken", "{")):
        Path(f"{name}.json").write_text(text)


def run(*arguments: str) -> Result:
    """The outcome of the command."""
    result = CliRunner().invoke(commands, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize(
    ("file", "status", "message"),
    [
        ("good.json", 0, "0 errors, 0 warnings"),
        ("odd.json", 0, 'warning: "extra"'),
        ("odd.json", 0, "0 errors, 1 warning"),
        ("bad.json", 1, 'there is no method "keeep"'),
        ("bad.json", 1, "1 error, 0 warnings"),
    ],
)
def test_check(file: str, status: int, message: str) -> None:
    """Warnings are told, errors are the exit status."""
    result = run("config", "check", file)

    assert (result.exit_code, message in result.stdout) == (status, True)


@pytest.mark.parametrize("microsoft", [True, False])
def test_a_key_that_is_given_twice(microsoft: bool) -> None:
    """Of two lists of rules only the last counts, as in the Microsoft tool; the check says so, and every load."""
    dialect = '"compatibility": "microsoft", ' if microsoft else ""
    first, second = (f'"rules": [{{"tag": "{tag}", "method": "remove"}}]' for tag in ("PatientID", "PatientName"))
    Path("twice.json").write_text(f'{{{dialect}"profile": "none",\n {first},\n {second}}}')

    result = run("config", "check", "twice.json")

    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "0 errors, 1 warning")
    warning = 'line 3, column 2: the key "rules" is given a second time, and only the last one counts'
    assert f"warning: {warning}\n" in result.stdout
    policy = load_policy(Path("twice.json"), bytes(32))
    assert policy.warnings == (warning,)
    assert [rule.pattern.text for rule in policy.rules] == ["(0010,0010)"]


def test_check_of_a_servers_settings() -> None:
    """What ends in .toml is checked as `serve` would: first all wrong settings, then what they name."""
    Path("wrong.toml").write_text('origin = "originals"\nkey_file = "key"\nport = "x"\nsotre = "refuse"\n')
    Path("right.toml").write_text('origin = "originals"\nkey_file = "key"\n')
    wrong = run("config", "check", "wrong.toml")
    missing = run("config", "check", "right.toml")
    Path("originals").mkdir()
    Path("originals/file").touch()
    write_key(Path("key"))
    right = run("config", "check", "right.toml")

    assert (wrong.exit_code, missing.exit_code, right.exit_code) == (1, 1, 0)
    assert wrong.stdout.startswith("error: 2 settings are wrong:\n  wrong.toml, line 3: port: write a whole number")
    assert missing.stdout.startswith("error: key_file: it cannot be read")
    assert missing.stdout.endswith(" (right.toml, line 2)\n")
    assert right.stdout == "0 errors, 0 warnings\n"


def test_check_of_a_setting_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's line is not named: to change it would help nothing."""
    write_key(Path("key"))
    Path("settings.toml").write_text('origin = "nowhere"\nkey_file = "key"\n')
    by_file = run("config", "check", "settings.toml")
    monkeypatch.setenv("DICOMVEIL_ORIGIN", "elsewhere")
    by_environment = run("config", "check", "settings.toml")

    assert by_file.stdout == (
        "error: origin: there is no such folder; name an existing one, or the URL of a DICOMweb server "
        "(settings.toml, line 1)\n"
    )
    assert by_environment.stdout == by_file.stdout.replace(" (settings.toml, line 1)", "")


def test_convert() -> None:
    """Another tool's rules in our dialect have the same effect."""
    result = run("config", "convert", "other.json")

    converted = json.loads(result.stdout)
    assert "DicomTagRules" not in converted
    assert load_policy(converted, bytes(32)).decide(0x00100010, "PN").method.name == "redact"
    assert load_policy(Path("other.json"), bytes(32)).decide(0x00100010, "PN").method.name == "redact"


def test_convert_into_a_file() -> None:
    """That does not exist yet."""
    assert run("config", "convert", "other.json", "-o", "new.json").exit_code == 0
    assert "rules" in json.loads(Path("new.json").read_text())
    assert "nothing is overwritten" in run("config", "convert", "other.json", "-o", "new.json").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "check", "none.json"],
        ["config", "convert", "none.json"],
        ["config", "convert", "bad.json"],
        ["config", "convert", "good.json", "-o", "no/new.json"],
        ["conformance", "--profile", "bad.json"],
        ["conformance", "--profile", "nothing"],
    ],
)
def test_refusals(arguments: list[str]) -> None:
    """Exit status 2 and one sentence."""
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("dicomveil: ")


def test_schema() -> None:
    """Is a JSON Schema, and the same each time."""
    result = run("config", "schema")

    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_conformance() -> None:
    """Of a preset or a file; no key is asked for."""
    assert "| `default` | 113100 Basic Application Confidentiality Profile, 113107" in run("conformance").stdout
    assert "| PatientAge | (0010,1010) | AS | X | K | rule 1" in run("conformance", "--profile", "good.json").stdout


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ('state = "SECRET\\u0000"', "state: it holds the character NUL"),
        ('audit.file = "\\u0000SECRET"', "audit: it holds the character NUL"),
        ('trusted_proxies = ["SECRET\\u0000"]', "trusted_proxies: it holds the character NUL"),
        (f'origin = "SECRET{"x" * 5_000}"', "origin: there is no such folder"),
    ],
)
def test_paths_that_no_system_has(line: str, setting: str) -> None:
    """They are mistakes like others, and the message does not quote them."""
    write_key(Path("key"))
    Path("images").mkdir()
    origin = "" if line.startswith("origin") else 'origin = "images"\n'
    Path("odd.toml").write_text(f'{line}\n{origin}key_file = "key"\n')

    result = run("config", "check", "odd.toml")

    assert (result.exit_code, setting in result.output, "SECRET" in result.output) == (1, True, False), result.output
