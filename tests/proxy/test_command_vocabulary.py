"""`dicomveil vocabulary` counts the words of an archive, and shows only counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.text.vocabulary import summary_of
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.jobs.job import Job
from proxy.instances import instance


@pytest.fixture(autouse=True)
def in_a_folder_with_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three patients in three studies, one of whom is called as nobody else; and a key."""
    monkeypatch.chdir(tmp_path)
    for name in ("DICOMVEIL_KEY_FILE", "DICOMVEIL_ORIGIN"):
        monkeypatch.delenv(name, raising=False)
    write_key(tmp_path / "key")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("Doe^Jane", "Zwanestein^Jane", "Roe^Ann")):
        data = instance(
            PatientName=name,
            PatientID=f"PATIENT-{number}",
            StudyInstanceUID=f"1.2.3.{number}",
            SeriesInstanceUID=f"1.2.3.{number}.1",
            SOPInstanceUID=f"1.2.3.{number}.1.1",
            StudyDescription="kolibri",
        )
        (tmp_path / "in" / f"{number}.dcm").write_bytes(data)


def vocabulary(*arguments: str) -> Result:
    """The outcome of the command."""
    result = CliRunner().invoke(commands, ["vocabulary", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def build(*more: str) -> Result:
    return vocabulary("build", "-I", "in", "--key-file", "key", "-o", "words", *more)


def test_counts_are_written_and_shown() -> None:
    """Patients and words; no word is printed, and none is on the disk."""
    result = build()
    assert result.exit_code == 0, result.stderr

    data = Path("words").read_bytes()
    assert summary_of(data).patients == 3
    assert summary_of(data).words_of_names == summary_of(data).names == 5
    assert vocabulary("show", "words").stdout == result.stdout
    assert all(word not in data.lower() and word.decode() not in result.output for word in (b"zwanestein", b"kolibri"))
    assert not Path("words.counts").exists()


def test_the_same_archive_gives_the_same_file() -> None:
    """To the bit; a file that is there is not overwritten."""
    build()
    first = Path("words").read_bytes()
    assert build().exit_code == 2
    Path("words").unlink()
    build()

    assert Path("words").read_bytes() == first


def test_an_interrupted_run_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves its counts, without a word in them; what was counted is not counted again."""
    from dicomveil_proxy.jobs import vocabulary as jobs

    added: list[str] = []
    whole = jobs.Counts.add

    def add(counts: jobs.Counts, study: str, words: jobs.StudyWords) -> None:
        if len(added) == 2:
            added.append("")
            raise KeyboardInterrupt
        added.append(study)
        whole(counts, study, words)

    monkeypatch.setattr(jobs.Counts, "add", add)
    assert build().exit_code == 130
    partial = Path("words.counts").read_bytes()
    assert b"zwanestein" not in partial.lower()
    assert b"kolibri" not in partial.lower()
    assert b"PATIENT-" not in partial
    assert build().exit_code == 0

    assert len(added) == 4
    assert summary_of(Path("words").read_bytes()).patients == 3


def test_names_of_others_are_found_then() -> None:
    """And another file makes another fingerprint."""
    build()
    Path("policy.json").write_text('{"profile": "research", "text": {"vocabulary": "words"}}')
    key = bytes.fromhex(Path("key").read_text())
    job = Job("policy.json", key)
    before, configuration = job.fingerprint(), job.configuration_digest()
    data = instance(StudyDescription="CT perfusion Zwanestein kolibri")

    assert b"Zwanestein" not in deidentify_instance(data, load_policy("policy.json", key))
    assert b"kolibri" in deidentify_instance(data, load_policy("policy.json", key))
    Path("in/2.dcm").unlink()
    Path("words").unlink()
    build()
    assert job.fingerprint() != before
    assert job.configuration_digest() != configuration


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "-o", "words", "--key-file", "key"],
        ["build", "-o", "words", "--key-file", "key", "-I", "nowhere"],
        ["build", "-o", "words", "-I", "in"],
        ["build", "-o", "key", "-I", "in", "--key-file", "key"],
        ["show", "key"],
        ["show", "nowhere"],
    ],
)
def test_wrong_use_is_refused(arguments: list[str]) -> None:
    """With status 2, and nothing is written."""
    assert vocabulary(*arguments).exit_code == 2
    assert not Path("words").exists()
