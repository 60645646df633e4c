"""`dicomveil review` lists what is left in a folder, the most suspicious first."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.vocabulary import digests_of, written
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.contact_sheet import ContactSheet, _Entry
from dicomveil_proxy.command.keygen import write_key
from proxy.instances import instance


@pytest.fixture(autouse=True)
def in_a_folder_with_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two instances, one deeper; something that is none; and a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    write_key(tmp_path / "key")
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    (tmp_path / "in" / "a.dcm").write_bytes(instance(Manufacturer="ACME"))
    (tmp_path / "in" / "deeper" / "b").write_bytes(instance(SOPInstanceUID="1.2.3.10", Manufacturer="Quzzax Bim"))
    (tmp_path / "in" / "readme.txt").write_text("no instance")


def review(*arguments: str) -> Result:
    """The outcome of the command."""
    result = CliRunner().invoke(commands, ["review", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_the_most_suspicious_is_first() -> None:
    """A name in a field for a manufacturer; the patient's own is gone."""
    result = review("in", "--key-file", "key")

    first = result.stdout.splitlines()[2]
    assert first.split()[2:] == [*["(0008,0070)", "Manufacturer", "LO", "Quzzax", "Bim"], *WHY.split()]
    assert "Doe" not in result.stdout
    assert " in 2 instances" in result.stdout


WHY = "written like a name, words that are in no list, free text"


def test_it_says_what_it_shows_and_what_it_left_out() -> None:
    """That there are values in it, whose pseudonyms they are, and what is not an instance."""
    result = review("in")

    assert "this list shows values" in result.stderr
    assert "not those of your project" in result.stderr
    assert "1 file left out: no DICOM instance" in result.stderr


def test_what_is_no_readable_instance_is_counted() -> None:
    """Broken ones, those without a safe output, DICOMDIRs; links are not even looked at."""
    Path("in/cut").write_bytes(instance()[:-3])
    Path("in/DICOMDIR").write_bytes(instance(SOPClassUID="1.2.840.10008.1.3.10"))
    Path("in/link").symlink_to("a.dcm")
    Path("rules.json").write_text('{"profile": "none", "rules": [{"tag": "(0010,xxxx)", "method": "dateShift"}]}')

    result, refused = review("in"), review("in", "--profile", "rules.json")

    assert "1 file left out: broken: " in result.stderr
    assert "1 file left out: a DICOMDIR" in result.stderr
    assert "2 files left out: refused: rule 1" in refused.stderr
    assert " in 0 instances" in refused.stdout
    assert "no instance was reviewed" in refused.stderr
    assert "no instance was reviewed" not in result.stderr


def test_csv_has_all_values() -> None:
    """For the owner alone, whatever the table shows."""
    result = review("in", "--csv", "out.csv", "--rows", "1")

    file = Path("out.csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert {row["value"] for row in rows} >= {"ACME", "Quzzax Bim", "512", "(pseudonyms of this project)"}
    assert len(result.stdout.splitlines()) == 2 + 1 + 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_names_of_files_that_are_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contact sheet names a file whose name no encoding has, and is written all the same."""
    (Path("in") / "\udcff<b>").write_bytes(instance(SOPInstanceUID="1.2.3.11"))
    monkeypatch.setattr(ContactSheet, "add", lambda self, name, *_: self._entries.append(_Entry(name, "US")))

    result = review("in", "--key-file", "key", "--contact-sheet", "sheet.html", "--csv", "out.csv", "--html", "f.html")

    assert result.exit_code == 0, result.stderr
    assert r"\udcff&lt;b&gt;" in Path("sheet.html").read_text()
    assert {Path(name).stat().st_mode & 0o777 for name in ("sheet.html", "out.csv", "f.html")} == {0o600}


def test_unique_values_beyond_the_limit_are_counted() -> None:
    """By attribute."""
    assert "(0008,0070) Manufacturer: 1 more values, not listed; raise --limit" in review("in", "--limit", "1").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "folder: there is no such folder"),
        (["in", "--csv", "key"], "csv: there is a file of that name"),
        (["in", "--csv", "no/out.csv"], "csv: it cannot be written (No such file or directory)"),
        (["in", "--profile", "no"], "profile: "),
    ],
)
def test_refusals(arguments: list[str], message: str) -> None:
    """Exit status 2 and one sentence that names the option."""
    result = review(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_form() -> None:
    """A row for each value, as text; for the owner alone, and never over another file."""
    Path("in/a.dcm").write_bytes(instance(Manufacturer="<b>ACME"))
    assert review("in", "--html", "form.html").exit_code == 0
    page = Path("form.html").read_text()

    assert "&lt;b&gt;ACME" in page
    assert "<b>" not in page
    assert "0012,0063" not in page
    assert Path("form.html").stat().st_mode & 0o777 == 0o600
    assert review("in", "--html", "form.html").exit_code == 2


def test_the_form_counts_and_continues() -> None:
    """It hides what is decided, counts, and reads decisions of an earlier run by attribute, VR and value."""
    Path("in/a.dcm").write_bytes(instance(Manufacturer="ACME"))
    assert review("in", "--html", "form.html").exit_code == 0
    page = Path("form.html").read_text()

    assert 'id="open"' in page
    assert 'id="load"' in page
    assert "JSON.stringify([2, 4, 5].map" in page
    assert all(page.count(f"<th>{name}</th>") == 1 for name in ("attribute", "value", "decision", "note"))


def test_names_of_the_archive_come_first() -> None:
    """With a vocabulary, a word of many names is before one of few texts, and that before words of technique."""
    key = Path("key").read_text()
    keys = Keys(bytes.fromhex(key.strip()))
    words = {"kwelmond": (0, 9), "zwanestein": (0, 1), "perfusion": (900, 0), "brabbel": (40, 0)}
    digests = digests_of(keys)
    records = sorted((digests.of(word.encode()), *counts) for word, counts in words.items())
    Path("words").write_bytes(b"".join(written(keys, 1_000, records)))
    rules = [{"tag": "LO", "method": "keep"}]
    Path("policy.json").write_text(json.dumps({"profile": "none", "rules": rules, "text": {"vocabulary": "words"}}))
    for number, text in enumerate(["brabbel", "zwanestein", "perfusion", "kwelmond", "grommel"]):
        Path(f"in/{number}.dcm").write_bytes(instance(StudyDescription=text, SOPInstanceUID=f"1.2.3.{number}"))
    result = review("in", "--profile", "policy.json", "--key-file", "key", "--csv", "list.csv")
    assert result.exit_code == 0, result.stderr
    with Path("list.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["keyword"] == "StudyDescription"]

    assert [row["value"] for row in rows] == ["kwelmond", "zwanestein", "grommel", "brabbel", "perfusion"]
    assert "a word in many names of the archive" in rows[0]["why"]
    assert "a word in few patients' texts" in rows[2]["why"]
