"""`dicomveil explain` tells what happens, shows no value unasked, and refuses in one sentence."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from proxy.instances import instance


@pytest.fixture(autouse=True)
def in_a_folder_with_an_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, and an instance."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    write_key(tmp_path / "key")
    (tmp_path / "ct.dcm").write_bytes(instance())


def explain(*arguments: str) -> Result:
    """The outcome of the command."""
    result = CliRunner().invoke(commands, ["explain", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_an_instance_as_a_table() -> None:
    """A line for each element, without any value."""
    result = explain("ct.dcm")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert '(0010,0020) PatientID LO pseudonym changed preset "default" rule 1 (0010,0020) pseudonym' in lines
    assert "Doe" not in result.output
    assert result.stderr == ""


def test_values_are_shown_on_demand() -> None:
    """With a warning that they are not the project's, where there is no key."""
    without, with_key = explain("ct.dcm", "--show-values"), explain("ct.dcm", "--show-values", "--key-file", "key")

    assert "Doe^Jane" in without.stdout
    assert "not those of your project" in without.stderr
    assert "not those of your project" not in with_key.stderr


def test_json_and_csv_have_paths() -> None:
    """For programs, nested elements by their place."""
    rows = json.loads(explain("ct.dcm", "--format", "json", "--profile", "basic").stdout)
    cells = list(csv.DictReader(io.StringIO(explain("ct.dcm", "--format", "csv", "--profile", "basic").stdout)))

    assert {"00120064/1/00080100": "CodeValue"}.items() <= {row["element"]: row["keyword"] for row in rows}.items()
    assert [row["element"] for row in rows] == [cell["element"] for cell in cells]


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("PatientID", '(0010,0020) PatientID LO pseudonym preset "default" rule 1 (0010,0020) pseudonym'),
        ("(0028,0010)", "(0028,0010) Rows US keep the layer by VR: US"),
        ("OverlayComments", "(6000,4000) OverlayComments LT remove PS3.15 Table E.1-1: X"),
        ("(0009,xx01:ACME 1.0)", "(0009,1001) [ACME 1.0] LO remove PS3.15 Table E.1-1, private attributes: X"),
    ],
)
def test_an_attribute(what: str, line: str) -> None:
    """By tag, keyword or private creator."""
    assert line in [" ".join(each.split()) for each in explain(what).stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["PatientNmae"], '"PatientNmae" is not a keyword of PS3.6; did you mean "PatientName"?'),
        (["(0010,xxxx)"], "(0010,xxxx) means many attributes, which differ; name one"),
        (["(00xx,0010)"], "(00xx,0010) means many attributes"),
        (["PN"], "PN is a VR, and elements of one VR differ; name an attribute"),
        (["nothing.dcm"], "there is no file of that name"),
        (["broken"], "the instance is refused"),
        (["ct.dcm", "--profile", "defualt"], "profile: "),
        (["ct.dcm", "--profile", "no.json"], "profile: the configuration is not an existing file"),
        (["ct.dcm", "--key-file", "none"], "key_file: it cannot be read"),
    ],
)
def test_refusals(arguments: list[str], message: str) -> None:
    """Exit status 2 and one sentence."""
    Path("broken").write_bytes(b"nothing")
    result = explain(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.startswith("dicomveil: ")


def test_texts() -> None:
    """Which spans go, and by which detector; the spans themselves only where they are asked for."""
    Path("ct.dcm").write_bytes(instance(StudyDescription="CT, seen by Dr. Roe"))
    result = explain("ct.dcm", "--text", "--profile", "research", "--format", "json")
    shown = explain("ct.dcm", "--text", "--profile", "research", "--show-values")

    assert [row["infotype"] for row in json.loads(result.stdout)] == ["PERSON_NAME"]
    assert "Roe" not in result.output
    assert "Roe" in shown.stdout
    assert explain("PatientName", "--text").exit_code == 2
