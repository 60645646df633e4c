"""`dicomveil decrypt` restores what was encrypted, and writes nothing when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.settings.key_files import read_key
from proxy.instances import instance

RULES = {"profile": "basic", "rules": [{"tag": "PatientID", "method": "encrypt"}]}
OWN_KEY = {
    "profile": "basic",
    "rules": [{"tag": "PatientID", "method": "encrypt", "params": {"encryptKey": "0123456789abcdef"}}],
}


@pytest.fixture(autouse=True)
def in_a_folder_with_an_encrypted_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keys, two configurations, an instance by each configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    write_key(Path("key"))
    write_key(Path("other"))
    for name, configuration in (("rules", RULES), ("own", OWN_KEY)):
        Path(f"{name}.json").write_text(json.dumps(configuration))
        policy = load_policy(configuration, read_key(Path("key")))
        Path(f"{name}.dcm").write_bytes(deidentify_instance(instance(), policy))


def decrypt(*arguments: str) -> Result:
    """The outcome of the command."""
    result = CliRunner().invoke(commands, ["decrypt", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_an_instance() -> None:
    """Restored, for its owner alone; which attributes is said, and no value."""
    result = decrypt("rules.dcm", "-o", "out.dcm", "--profile", "rules.json", "--key-file", "key")

    assert (result.exit_code, result.stderr) == (0, "restored: (0010,0020) PatientID\n")
    output = pydicom.dcmread("out.dcm")
    assert (output.PatientID, output.PatientIdentityRemoved) == ("PATIENT-1", "NO")
    assert Path("out.dcm").stat().st_mode & 0o777 == 0o600
    assert not list(Path().glob(".dicomveil-*"))


def test_a_value() -> None:
    """Printed."""
    text = str(pydicom.dcmread("rules.dcm").PatientID)

    result = decrypt("--value", text, "--profile", "rules.json", "--key-file", "key")

    assert (result.exit_code, result.stdout) == (0, "PATIENT-1\n")


def test_a_configured_key_is_enough() -> None:
    """Then the project key is not needed."""
    result = decrypt("own.dcm", "-o", "out.dcm", "--profile", "own.json")

    assert (result.exit_code, pydicom.dcmread("out.dcm").PatientID) == (0, "PATIENT-1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("rules.dcm -o out.dcm --profile rules.json --key-file other", "on (0010,0020) PatientID LO failed"),
        ("own.dcm -o out.dcm --profile rules.json --key-file key", "nothing was written"),
        ("rules.dcm -o out.dcm --profile rules.json", "key_file: the configuration has an encrypt rule without"),
        ("rules.dcm -o out.dcm --profile basic", "profile: it has no rule with the method encrypt"),
        ("rules.dcm -o out.dcm --profile none.json", "profile: "),
        ("rules.dcm -o out.dcm --profile rules.json --key-file none", "key_file: it cannot be read"),
        ("rules.dcm --profile rules.json --key-file key", "output: say where to write"),
        ("rules.dcm -o key --profile rules.json --key-file key", "output: there is a file of that name"),
        ("rules.dcm -o no/out.dcm --profile rules.json --key-file key", "output: it cannot be written"),
        ("none.dcm -o out.dcm --profile rules.json --key-file key", "the instance cannot be read"),
        ("key -o out.dcm --profile rules.json --key-file key", "not a DICOM instance"),
        ("--value QUJD --profile rules.json --key-file key", "value: the text is not encrypted with a key"),
        ("rules.dcm --value QUJD --profile own.json", "either an instance or --value"),
        ("--profile own.json", "either an instance or --value"),
    ],
)
def test_refusals(arguments: str, message: str) -> None:
    """Exit status 2, one sentence, and nothing is written."""
    before = sorted(Path().iterdir())

    result = decrypt(*arguments.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert sorted(Path().iterdir()) == before
