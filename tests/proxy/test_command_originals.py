"""Each command that shows originals writes that down first, without a value, and shows nothing where it cannot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust.audit_file import AuditFile
from engine.pixel_instances import instance as picture
from engine.pixel_instances import written
from proxy.exporting import fill
from proxy.instances import instance

RULES = {"profile": "basic", "rules": [{"tag": "PatientID", "method": "encrypt"}]}
CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -keyout broker.key -out broker.pem -subj /CN=broker -days 2"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a settings file that has an audit."""
    monkeypatch.chdir(tmp_path)
    for name in ("DICOMVEIL_KEY_FILE", "DICOMVEIL_ORIGIN", "DICOMVEIL_AUDIT__FILE"):
        monkeypatch.delenv(name, raising=False)
    write_key(tmp_path / "key")
    settings = 'origin = "http://example.org/dicom-web"\nkey_file = "key"\n[audit]\nfile = "audit.jsonl"\n'
    (tmp_path / "server.toml").write_text(settings)


def dicomveil(*arguments: str) -> Result:
    """Run a command; it never ends with a traceback."""
    result = CliRunner().invoke(commands, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def shown() -> list[tuple[str, int]]:
    """Kinds and numbers of what the audit says was shown; no event holds anything of the patient."""
    if not Path("audit.jsonl").exists():
        return []
    text = Path("audit.jsonl").read_text()
    for value in ("PATIENT", "Doe", "ACCESSION", "1.2.3."):
        assert value not in text
    events: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    return [(each["details"]["kind"], each["count"]) for each in events if each["event"] == "original-shown"]


@pytest.fixture
def linkage() -> None:
    """A linkage file of two studies."""
    fill(Path("in"), studies=2, series=1, instances=1)
    Path("list.csv").write_text("PatientID\nPATIENT-1\nPATIENT-2\n")
    subprocess.run(CERTIFICATE.split(), check=True, capture_output=True)
    arguments = "--origin in --key-file key --list list.csv --to out --state state --jobs 1 --progress none"
    result = dicomveil("export", *arguments.split(), "--linkage", "linkage", "--recipient", "broker.pem")
    assert result.exit_code == 0, result.stderr


@pytest.mark.usefixtures("linkage")
def test_a_linkage_file() -> None:
    """The whole has two rows; a value that is there one; one that is not shows nothing."""
    keys = ("linkage", "--key", "broker.key", "--config", "server.toml")

    assert dicomveil("link", "open", *keys).exit_code == 0
    assert dicomveil("link", "lookup", *keys, "PATIENT-1").exit_code == 0
    assert dicomveil("link", "lookup", *keys, "PATIENT-9").exit_code == 1
    assert shown() == [("linkage file", 2), ("linkage file", 1)]


@pytest.mark.usefixtures("linkage")
def test_the_settings_of_this_folder_count() -> None:
    """As for other commands; without settings, nothing is written down."""
    keys = ("linkage", "--key", "broker.key")
    assert dicomveil("link", "open", *keys).exit_code == 0
    assert shown() == []

    Path("server.toml").rename("dicomveil.toml")
    assert dicomveil("link", "open", *keys).exit_code == 0
    assert shown() == [("linkage file", 2)]


def _encrypted() -> str:
    Path("rules.json").write_text(json.dumps(RULES))
    policy = load_policy(RULES, read_key(Path("key")))
    Path("in.dcm").write_bytes(deidentify_instance(instance(), policy))
    return str(pydicom.dcmread("in.dcm").PatientID)


def test_what_was_encrypted() -> None:
    """An instance, and a text."""
    text = _encrypted()
    common = ("--profile", "rules.json", "--key-file", "key", "--config", "server.toml")

    assert dicomveil("decrypt", "in.dcm", "-o", "out.dcm", *common).exit_code == 0
    assert dicomveil("decrypt", "--value", text, *common).stdout == "PATIENT-1\n"
    assert shown() == [("attributes", 1), ("text", 1)]


def test_nothing_is_shown_that_cannot_be_written_down() -> None:
    """It is refused, in one sentence that says what to do."""
    text = _encrypted()
    common = ("--profile", "rules.json", "--key-file", "key", "--config", "server.toml")
    with mock.patch.object(AuditFile, "append", side_effect=OSError(28, "full")):
        value = dicomveil("decrypt", "--value", text, *common)
        whole = dicomveil("decrypt", "in.dcm", "-o", "out.dcm", *common)

    for result in (value, whole):
        assert (result.exit_code, result.stdout) == (2, "")
        assert "audit: it cannot be written, so that originals are not shown" in result.stderr
    assert not Path("out.dcm").exists()


def test_settings_that_cannot_be_read() -> None:
    """Are refused before anything is shown."""
    text = _encrypted()
    result = dicomveil("decrypt", "--value", text, "--profile", "rules.json", "--key-file", "key", "--config", "none")

    assert (result.exit_code, result.stdout) == (2, "")


def test_a_contact_sheet() -> None:
    """Only instances of which there are pictures are counted; lists of values are none."""
    Path("in").mkdir()
    Path("in/named.dcm").write_bytes(picture([written()]))
    Path("in/empty.dcm").write_bytes(picture([np.full((64, 64), 20, np.uint8)], SOPInstanceUID="1.2.3.4.2"))
    Path("profile.json").write_text(json.dumps({"profile": "basic", "pixels": {"text": "allText", "gate": "trust"}}))
    common = ("review", "in", "--key-file", "key", "--profile", "profile.json", "--config", "server.toml")
    assert dicomveil(*common).exit_code == 0
    assert shown() == []

    assert dicomveil(*common, "--contact-sheet", "sheet.html").exit_code == 0
    assert shown() == [("pictures", Path("sheet.html").read_text().count("original, frame 1") // 2)]
